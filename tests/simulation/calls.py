"""Calls a simulated provider as the engine does, without the engine: quick, one call at a time."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from components.clouds.local.provider.values import UNKNOWN, from_struct, to_struct
from tools.simulation.aws.provider import Aws
from tools.simulation.azure.provider import Azure
from tools.simulation.behaviour import Behaviour
from tools.simulation.cloud import Cloud
from tools.simulation.faults import Faults
from tools.simulation.gcp.provider import Gcp
from tools.simulation.generators.images import Images
from tools.simulation.generators.random_values import RandomValues
from tools.simulation.generators.tls_values import TlsValues
from tools.simulation.provider import SimulatedProvider

_BEHAVIOURS: dict[str, type[Behaviour]] = {
    one.provider: one for one in (Aws, Azure, Gcp, Images, RandomValues, TlsValues)
}


class RefusedError(Exception):
    """The provider or its cloud refused a call."""


@dataclass
class Made:
    """A resource as the engine keeps it."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.outputs[name]


class Caller:
    """A connection to one provider, configured."""

    def __init__(
        self, stub: provider_pb2_grpc.ResourceProviderStub, cloud: Cloud, folder: Path
    ) -> None:
        self.stub = stub
        self.cloud = cloud
        self.folder = folder

    def configure(self, **configuration: Any) -> None:
        with _refusals():
            self.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(configuration)))

    def check(self, token: str, name: str = "one", /, **inputs: Any) -> dict[str, Any]:
        """Returns checked inputs."""
        request = provider_pb2.CheckRequest(
            urn=_urn(token, name), news=to_struct(inputs), randomSeed=name.encode()
        )
        with _refusals():
            answer = self.stub.Check(request)
        if answer.failures:
            raise RefusedError("\n".join(one.reason for one in answer.failures))
        return from_struct(answer.inputs)

    def preview(self, token: str, name: str = "one", /, **inputs: Any) -> dict[str, Any]:
        """Returns what a preview's create promises."""
        request = provider_pb2.CreateRequest(
            urn=_urn(token, name),
            properties=to_struct(self.check(token, name, **inputs)),
            preview=True,
        )
        return from_struct(self.stub.Create(request).properties)

    def create(self, token: str, name: str = "one", /, **inputs: Any) -> Made:
        """Checks and creates a resource."""
        checked = self.check(token, name, **inputs)
        urn = _urn(token, name)
        with _refusals():
            answer = self.stub.Create(
                provider_pb2.CreateRequest(urn=urn, properties=to_struct(checked))
            )
        return Made(urn, answer.id, checked, from_struct(answer.properties))

    def diff(self, made: Made, /, **changes: Any) -> provider_pb2.DiffResponse:
        """Returns what some changed inputs would do (None takes one away)."""
        return self.stub.Diff(
            provider_pb2.DiffRequest(
                id=made.id,
                urn=made.urn,
                olds=to_struct(made.outputs),
                old_inputs=to_struct(made.inputs),
                news=to_struct(_changed(made.inputs, changes)),
            )
        )

    def update(self, made: Made, /, **changes: Any) -> Made:
        """Changes inputs of a resource in place."""
        news = _changed(made.inputs, changes)
        with _refusals():
            answer = self.stub.Update(
                provider_pb2.UpdateRequest(
                    id=made.id,
                    urn=made.urn,
                    olds=to_struct(made.outputs),
                    old_inputs=to_struct(made.inputs),
                    news=to_struct(news),
                )
            )
        return Made(made.urn, made.id, news, from_struct(answer.properties))

    def read(self, made: Made) -> dict[str, Any] | None:
        """Returns what there is of a resource, None when it has gone."""
        answer = self.stub.Read(
            provider_pb2.ReadRequest(
                id=made.id,
                urn=made.urn,
                properties=to_struct(made.outputs),
                inputs=to_struct(made.inputs),
            )
        )
        return from_struct(answer.properties) if answer.id else None

    def delete(self, made: Made) -> None:
        with _refusals():
            self.stub.Delete(
                provider_pb2.DeleteRequest(
                    id=made.id,
                    urn=made.urn,
                    properties=to_struct(made.outputs),
                    old_inputs=to_struct(made.inputs),
                )
            )

    def invoke(self, token: str, /, **arguments: Any) -> dict[str, Any]:
        request = provider_pb2.InvokeRequest(tok=token, args=to_struct(arguments))
        with _refusals():
            answer = self.stub.Invoke(request)
        if answer.failures:
            raise RefusedError("\n".join(one.reason for one in answer.failures))
        return from_struct(getattr(answer, "return"))


@contextmanager
def calling(folder: Path, provider: str, **configuration: Any) -> Iterator[Caller]:
    """Gives a configured connection to a provider whose cloud is in a folder."""
    cloud = Cloud(folder)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    servicer = SimulatedProvider(_BEHAVIOURS[provider](folder, cloud), Faults(folder, cloud))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            caller = Caller(provider_pb2_grpc.ResourceProviderStub(channel), cloud, folder)
            caller.configure(**configuration)
            yield caller
    finally:
        server.stop(grace=None).wait()
        cloud.close()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except grpc.RpcError as error:
        raise RefusedError(error.details()) from None


def _changed(inputs: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**inputs, **changes}.items() if value is not None}


def _urn(token: str, name: str) -> str:
    return f"urn:pulumi:test::simulated::{token}::{name}"


__all__ = ["UNKNOWN", "Caller", "Made", "RefusedError", "calling"]
