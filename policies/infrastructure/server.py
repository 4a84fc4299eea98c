"""The rules as Pulumi's engine asks for them (``pulumirpc.Analyzer``).

Pulumi's own package for policies decodes a resource anew for each of its policies, which at a
hundred rules and three thousand resources is minutes; here it is decoded once, and judged by the
rules for its type only.
"""

import datetime as dt
import sys
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import grpc
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from components.clouds.local.provider.values import Properties, from_struct, to_struct
from policies.infrastructure.catalogue import RULES, STACK_KINDS, STACK_RULES, rules_for
from policies.infrastructure.exemptions import (
    EXEMPTIONS,
    Exemption,
    ExemptionError,
    check,
    exempt,
)
from policies.infrastructure.rule import About, Finding, Rule, Severity, judge, mended
from policies.infrastructure.stack_rule import Resource, by_kind, judge_stack
from policies.infrastructure.stack_size import size_of
from stacks.cloud_environment import Size

NAME: Final = "ai-platform"
NOT_KNOWN: Final = "cannot be judged before `pulumi up`"
"""How a message begins that says what a preview could not judge."""

_SEVERITIES: Mapping[Severity, int] = {
    "low": analyzer_pb2.POLICY_SEVERITY_LOW,
    "medium": analyzer_pb2.POLICY_SEVERITY_MEDIUM,
    "high": analyzer_pb2.POLICY_SEVERITY_HIGH,
    "critical": analyzer_pb2.POLICY_SEVERITY_CRITICAL,
}
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_VERSION: Final = str(
    yaml.safe_load(Path(__file__).with_name("PulumiPolicy.yaml").read_text())["version"]
)


class InfrastructurePolicies(analyzer_pb2_grpc.AnalyzerServicer):
    """Judges resources: in small environments by way of advice, in others what fails is refused.

    Until the engine has told which stack it is, that is a large environment's.
    """

    def __init__(self, exemptions: Sequence[Exemption] = EXEMPTIONS) -> None:
        """Starts with the strictest rules.

        Args:
            exemptions: resources that a rule is not for.
        """
        self._exemptions = exemptions
        self._size: Size = "large"
        self._stack = ""
        self._declared: dict[str, Properties] = {}
        self.cancelled = threading.Event()

    def Handshake(  # noqa: N802
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Greets the engine."""
        del request, context
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the pack's version."""
        del request, context
        return plugin_pb2.PluginInfo(version=_VERSION)

    def GetAnalyzerInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerInfo:
        """Returns every rule."""
        del request, context
        return analyzer_pb2.AnalyzerInfo(
            name=NAME,
            displayName="ai-platform",
            version=_VERSION,
            policies=[
                *(
                    self._told(
                        rule,
                        analyzer_pb2.POLICY_TYPE_RESOURCE,
                        analyzer_pb2.REMEDIATE if self._mends and rule.mends else self._level,
                    )
                    for rule in RULES
                ),
                *(
                    self._told(rule, analyzer_pb2.POLICY_TYPE_STACK, self._level)
                    for rule in STACK_RULES
                ),
            ],
        )

    def ConfigureStack(  # noqa: N802
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Learns which environment the stack is of."""
        del context
        self._stack, self._size = request.stack, size_of(request.config)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(  # noqa: N802
        self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuses configuration: what a rule wants is in the repository, where it is reviewed."""
        if request.policyConfig:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"{NAME} takes no configuration; change policies/infrastructure",
            )
        return empty_pb2.Empty()

    def Analyze(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges a resource that is about to be made or changed."""
        rules = self._rules(request)
        if not rules and request.type not in STACK_KINDS:
            return analyzer_pb2.AnalyzeResponse()
        properties = from_struct(request.properties)
        if request.type in STACK_KINDS:
            self._declared[request.urn] = properties
        found: list[analyzer_pb2.AnalyzeDiagnostic] = []
        for rule in rules:
            with _named(rule, request.urn, context):
                found += self._diagnostics(rule, list(judge(rule, properties)), request.urn)
        return analyzer_pb2.AnalyzeResponse(diagnostics=found)

    def AnalyzeStack(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges what is beside what, when all resources are there.

        The engine gives what the clouds answered, which may leave out what was asked of them: a
        resource is judged as it was declared, if it was.
        """
        resources = by_kind(
            _resource(one, self._declared.get(one.urn))
            for one in request.resources
            if one.type in STACK_KINDS
        )
        found: list[analyzer_pb2.AnalyzeDiagnostic] = []
        for rule in STACK_RULES:
            if not rule.is_for(self._size):
                continue
            with _named(rule, "the stack", context):
                for one, finding in judge_stack(rule, resources):
                    if not exempt(self._exemptions, rule.name, self._stack, one.name):
                        found += self._diagnostics(rule, [finding], one.urn)
        return analyzer_pb2.AnalyzeResponse(diagnostics=found)

    def Remediate(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Mends what is safe to mend, where the rules only advise."""
        found: list[analyzer_pb2.Remediation] = []
        rules = [rule for rule in self._rules(request) if rule.mends] if self._mends else []
        properties = from_struct(request.properties) if rules else {}
        for rule in rules:
            better = None
            with _named(rule, request.urn, context):
                better = mended(rule, properties)
            if better is not None:
                properties = better
                found.append(
                    analyzer_pb2.Remediation(
                        policyName=rule.name,
                        policyPackName=NAME,
                        policyPackVersion=_VERSION,
                        description=rule.about,
                        properties=to_struct(better),
                    )
                )
        return analyzer_pb2.RemediateResponse(remediations=found)

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Ends the pack."""
        del request, context
        self.cancelled.set()
        return empty_pb2.Empty()

    @property
    def _mends(self) -> bool:
        return self._size == "small"

    @property
    def _level(self) -> int:
        return analyzer_pb2.ADVISORY if self._size == "small" else analyzer_pb2.MANDATORY

    def _rules(self, request: analyzer_pb2.AnalyzeRequest) -> Sequence[Rule]:
        """Returns the rules that a resource is to be judged by."""
        name = request.urn.rpartition("::")[2]
        return [
            rule
            for rule in rules_for(self._size).get(request.type, ())
            if not exempt(self._exemptions, rule.name, self._stack, name)
        ]

    def _told(self, rule: About, kind: int, level: int) -> analyzer_pb2.PolicyInfo:
        return analyzer_pb2.PolicyInfo(
            name=rule.name,
            description=rule.about,
            enforcementLevel=cast("Any", level),
            policy_type=cast("Any", kind),
            severity=cast("Any", _SEVERITIES[rule.severity]),
            framework=analyzer_pb2.PolicyComplianceFramework(
                name=rule.frameworks[0], reference=", ".join(rule.frameworks)
            ),
            remediation_steps=rule.remedy,
        )

    def _diagnostics(
        self, rule: About, findings: Sequence[Finding], urn: str
    ) -> Iterator[analyzer_pb2.AnalyzeDiagnostic]:
        wrong = "; ".join(finding.said for finding in findings if finding.known)
        if wrong:
            yield _diagnostic(rule, f"{wrong}: {rule.remedy}", urn, self._level)
        not_known = "; ".join(finding.said for finding in findings if not finding.known)
        if not_known:
            said = f"{NOT_KNOWN}: {not_known}"
            yield _diagnostic(rule, said, urn, analyzer_pb2.ADVISORY)


def _diagnostic(rule: About, said: str, urn: str, level: int) -> analyzer_pb2.AnalyzeDiagnostic:
    return analyzer_pb2.AnalyzeDiagnostic(
        policyName=rule.name,
        policyPackName=NAME,
        policyPackVersion=_VERSION,
        description=rule.about,
        message=said,
        enforcementLevel=cast("Any", level),
        severity=cast("Any", _SEVERITIES[rule.severity]),
        urn=urn,
    )


@contextmanager
def _named(rule: About, what: str, context: grpc.ServicerContext) -> Generator[None]:
    """Ends the call with the rule's name and the resource's if the rule raises.

    The engine then fails: what a rule could not judge is never taken for right.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine must hear of it
        context.abort(grpc.StatusCode.INTERNAL, f"rule {rule.name} failed on {what}: {error!r}")


def _resource(one: analyzer_pb2.AnalyzerResource, declared: Properties | None) -> Resource:
    return Resource(
        urn=one.urn,
        kind=one.type,
        provider=one.provider.urn,
        properties=from_struct(one.properties) if declared is None else declared,
        needs={key: frozenset(needs.urns) for key, needs in one.propertyDependencies.items()},
    )


def serve() -> None:
    """Serves until the engine ends it; prints the port that the engine is to call.

    Raises:
        SystemExit: an exemption is wrong; the message says which and why.
    """
    try:
        check(
            EXEMPTIONS,
            {rule.name for rule in (*RULES, *STACK_RULES)},
            dt.datetime.now(tz=dt.UTC).date(),
        )
    except ExemptionError as error:
        raise SystemExit(str(error)) from None
    servicer = InfrastructurePolicies()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=_UNLIMITED)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    servicer.cancelled.wait()
    server.stop(None)
