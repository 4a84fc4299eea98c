"""Starts the simulated clouds for whoever runs Pulumi: tests, previews without credentials."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tools.paths import ROOT
from tools.simulation import accounts, faults
from tools.simulation.cloud import Cloud
from tools.simulation.kubernetes.provider import VERIFY

_READY_SECONDS = 60


class SimulationError(Exception):
    """The simulated clouds did not start; the message says why."""


class Simulation:
    """Simulated clouds in a folder, served while the context lasts; the folder outlasts it.

    ``with Simulation(folder) as clouds:`` then run Pulumi with ``clouds.environment()``.
    """

    def __init__(self, folder: Path, who: accounts.Accounts | None = None) -> None:
        """Sets the folder and the accounts that callers have."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if who is not None:
            accounts.save(folder, who)
        self._process: subprocess.Popen[bytes] | None = None
        self._cloud: Cloud | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def cloud(self) -> Cloud:
        """What there is in the clouds, to look at and to tamper with."""
        if self._cloud is None:
            self._cloud = Cloud(self.folder)
        return self._cloud

    def order(self, *ordered: faults.Fault) -> None:
        """Makes calls to come fail; none any more when nothing is said."""
        faults.order(self.folder, *ordered)

    def start(self) -> None:
        """Starts the process and waits until it serves.

        Raises:
            SimulationError: it ended, or took too long.
        """
        ready = self._ready_file()
        ready.unlink(missing_ok=True)
        log = (self.folder / "simulation.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tools.simulation", self.folder, ready, str(os.getpid())],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = (self.folder / "simulation.log").read_text(errors="replace")[-2000:]
                raise SimulationError(f"the simulated clouds did not start:\n{said}")
            time.sleep(0.02)

    def stop(self, *, kill: bool = False) -> None:
        """Ends the process; ``kill`` gives it no time to end well."""
        if self._cloud is not None:
            self._cloud.close()
            self._cloud = None
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            end = self._process.kill if kill else self._process.terminate
            end()
        self._process.wait()
        self._process = None

    def environment(self) -> dict[str, str]:
        """Returns the variables that make Pulumi use these clouds and no real ones."""
        return {"PULUMI_DEBUG_PROVIDERS": self._ready_file().read_text()}

    def dangling(self) -> list[str]:
        """Returns what the last run's objects on Kubernetes select that is nowhere, in words."""
        ports = dict(one.split(":") for one in self._ready_file().read_text().split(","))
        with grpc.insecure_channel(f"127.0.0.1:{ports['kubernetes']}") as channel:
            asked = provider_pb2.InvokeRequest(tok=VERIFY)
            stub = cast("Any", provider_pb2_grpc.ResourceProviderStub(channel))
            answer = stub.Invoke(asked)
        return [str(one) for one in getattr(answer, "return")["dangling"]]

    def _ready_file(self) -> Path:
        return self.folder / "providers"
