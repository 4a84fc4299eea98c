"""The pack, asked as Pulumi's engine asks it, without an engine."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, cast

import grpc
from pulumi.runtime.proto import analyzer_pb2

from components.clouds.local.provider.values import Properties, from_struct, to_struct
from policies.infrastructure.exemptions import Exemption
from policies.infrastructure.server import InfrastructurePolicies
from policies.infrastructure.stack_rule import Resource
from stacks.cloud_environment import Size
from stacks.environment import CONFIG_KEY

STACK = "test"


class RefusedError(Exception):
    """The pack ended a call with an error."""


class _Context:
    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise RefusedError(f"{code.name}: {details}")


CONTEXT = cast("grpc.ServicerContext", _Context())


class Asked:
    """The pack, for a stack of an environment of a size."""

    def __init__(self, size: Size, exemptions: Sequence[Exemption] = ()) -> None:
        self.pack = InfrastructurePolicies(exemptions)
        config = {CONFIG_KEY: json.dumps({"target": "clouds", "size": size})}
        self.pack.ConfigureStack(
            analyzer_pb2.AnalyzerStackConfigureRequest(stack=STACK, config=config), CONTEXT
        )

    def about(self, kind: str, name: str, properties: Properties) -> Mapping[str, str]:
        """Returns what is said of a resource, by rule."""
        answer = self.pack.Analyze(_request(kind, name, properties), CONTEXT)
        return {one.policyName: one.message for one in answer.diagnostics}

    def levels(self, kind: str, name: str, properties: Properties) -> Mapping[str, int]:
        """Returns how firmly it is said, by rule."""
        answer = self.pack.Analyze(_request(kind, name, properties), CONTEXT)
        return {one.policyName: one.enforcementLevel for one in answer.diagnostics}

    def mended(self, kind: str, properties: Properties) -> Properties:
        """Returns a resource's properties after all that is mended in them."""
        answer = self.pack.Remediate(_request(kind, "one", properties), CONTEXT)
        return (
            from_struct(answer.remediations[-1].properties) if answer.remediations else properties
        )

    def about_stack(self, resources: Sequence[Resource]) -> Mapping[str, Sequence[str]]:
        """Returns the names of the resources of which something is said, by rule."""
        request = analyzer_pb2.AnalyzeStackRequest(
            resources=[
                analyzer_pb2.AnalyzerResource(
                    urn=one.urn,
                    type=one.kind,
                    properties=to_struct(one.properties),
                    provider=analyzer_pb2.AnalyzerProviderResource(urn=one.provider),
                    propertyDependencies={
                        key: analyzer_pb2.AnalyzerPropertyDependencies(urns=sorted(urns))
                        for key, urns in one.needs.items()
                    },
                )
                for one in resources
            ]
        )
        found: dict[str, list[str]] = {}
        for one in self.pack.AnalyzeStack(request, CONTEXT).diagnostics:
            found.setdefault(one.policyName, []).append(one.urn.rpartition("::")[2])
        return found


def urn(kind: str, name: str) -> str:
    """Returns a resource's URN."""
    return f"urn:pulumi:{STACK}::ai-platform::{kind}::{name}"


def _request(kind: str, name: str, properties: Properties) -> analyzer_pb2.AnalyzeRequest:
    return analyzer_pb2.AnalyzeRequest(
        type=kind, name=name, urn=urn(kind, name), properties=to_struct(properties)
    )
