"""The process that stands in for the clouds: one gRPC server a provider, on ports of its own."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from types import FrameType

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from tools.simulation.aws.provider import Aws
from tools.simulation.azure.provider import Azure
from tools.simulation.behaviour import Behaviour
from tools.simulation.cloud import Cloud
from tools.simulation.faults import Faults
from tools.simulation.gcp.provider import Gcp
from tools.simulation.generators.images import Images
from tools.simulation.generators.random_values import RandomValues
from tools.simulation.generators.tls_values import TlsValues
from tools.simulation.kubernetes.provider import KubernetesProvider
from tools.simulation.provider import SimulatedProvider

_BEHAVIOURS: tuple[type[Behaviour], ...] = (Aws, Azure, Gcp, Images, RandomValues, TlsValues)
_THREADS = 16
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PARENT_POLL_SECONDS = 0.5

Make = Callable[[], provider_pb2_grpc.ResourceProviderServicer]


def _providers(folder: Path) -> dict[str, Make]:
    """Returns how to make each provider, by the name the engine knows it under."""
    cloud = Cloud(folder)
    faults = Faults(folder, cloud)

    def simulated(behaviour: type[Behaviour]) -> Make:
        return lambda: SimulatedProvider(behaviour(folder, cloud), faults)

    return {
        **{behaviour.provider: simulated(behaviour) for behaviour in _BEHAVIOURS},
        "kubernetes": lambda: KubernetesProvider(folder, faults),
    }


def serve(folder: Path, ready: Path, parent: int) -> None:
    """Serves until the parent process ends or the process is told to.

    Args:
        folder: where the simulated clouds are.
        ready: file that gets the value of PULUMI_DEBUG_PROVIDERS once every server listens.
        parent: process id.
    """
    servers: list[grpc.Server] = []
    providers = {name: make() for name, make in _providers(folder).items()}
    ports: dict[str, int] = {}
    for name, provider in providers.items():
        server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_UNLIMITED)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
        ports[name] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    fresh = ready.with_suffix(".new")
    fresh.write_text(",".join(f"{name}:{port}" for name, port in ports.items()))
    fresh.rename(ready)
    stopped = threading.Event()

    def stop(signal_number: int, frame: FrameType | None) -> None:
        del signal_number, frame
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    while not stopped.wait(_PARENT_POLL_SECONDS) and os.getppid() == parent:
        pass
    for server in servers:
        server.stop(grace=None)
    for provider in providers.values():
        if isinstance(provider, KubernetesProvider):
            provider.stop()
