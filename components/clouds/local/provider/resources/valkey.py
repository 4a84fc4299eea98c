"""Valkey: a cache that may be lost."""

import socket
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from components.clouds.local.provider import binaries, files
from components.clouds.local.provider.framework import Folder, Inputs, Live, Port, Resource
from components.clouds.local.provider.ports import LOOPBACK
from components.clouds.local.provider.readiness import Probe
from components.clouds.local.provider.resources.process import ProgramName
from components.clouds.local.provider.supervision import Program
from components.clouds.local.provider.values import Properties

_READY_SECONDS = 30
_PROBE_SECONDS = 3


class ValkeyInputs(Inputs):
    """What a program says of a cache server."""

    supervisor: Folder
    name: ProgramName
    folder: Folder
    port: Port
    password: str = Field(
        pattern=r"^[A-Za-z0-9_-]{16,256}$",
        description="16 to 256 letters, digits, - and _, such as a RandomPassword's value",
    )
    max_memory_megabytes: int = Field(64, ge=4, le=65536, description="4 to 65536 MiB")


class Valkey(Resource[ValkeyInputs]):
    """A supervised valkey-server without persistence."""

    inputs = ValkeyInputs
    outputs: ClassVar = ("host", "state")
    replace_on: ClassVar = frozenset({"supervisor", "name", "folder"})
    secret: ClassVar = frozenset({"password"})

    def identify(self, inputs: ValkeyInputs) -> str:
        """Returns its mark: supervisor folder and name."""
        return _program(inputs).mark

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises its address, and that it will run."""
        del inputs, old
        return {"host": LOOPBACK, "state": "running"}

    def apply(self, inputs: ValkeyInputs, old: Properties | None) -> Properties:
        """Starts it and waits until it takes the password."""
        del old
        _program(inputs).ensure(_probe(inputs), _READY_SECONDS)
        return {"host": LOOPBACK, "state": "running"}

    def read(self, inputs: ValkeyInputs, recorded: Properties) -> Live | None:
        """Looks at its settings and whether it answers."""
        del recorded
        program = _program(inputs)
        outputs: Properties = {"host": LOOPBACK, "state": program.state()}
        return Live(outputs, program.drift(_probe(inputs)))

    def delete(self, inputs: ValkeyInputs) -> None:
        """Stops it and removes its folder."""
        _program(inputs).remove()
        files.remove(Path(inputs.folder))


def _settings(inputs: ValkeyInputs) -> str:
    return f"""\
bind {LOOPBACK}
port {inputs.port}
protected-mode yes
requirepass {inputs.password}
dir "{inputs.folder}"
save ""
appendonly no
maxmemory {inputs.max_memory_megabytes}mb
maxmemory-policy allkeys-lru
daemonize no
# A title is written over the environment, where the process's mark is.
set-proc-title no
"""


def _program(inputs: ValkeyInputs) -> Program:
    settings = Path(inputs.folder) / "valkey.conf"
    return Program(
        supervisor=Path(inputs.supervisor),
        name=inputs.name,
        command=(str(binaries.valkey()), str(settings)),
        files={settings: _settings(inputs)},
        working_directory=Path(inputs.folder),
        ports={"port": inputs.port},
    )


def _probe(inputs: ValkeyInputs) -> Probe:
    """Returns a check that logs in; source: the RESP protocol, https://valkey.io/topics/protocol."""

    def probe() -> str | None:
        try:
            with socket.create_connection((LOOPBACK, inputs.port), timeout=_PROBE_SECONDS) as link:
                link.sendall(f"AUTH {inputs.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = link.recv(4096)
                    if not part:
                        break
                    answer += part
        except OSError as error:
            return f"port {inputs.port}: {error}"
        return (
            None if answer == b"+OK\r\n+PONG\r\n" else f"port {inputs.port}: refuses the password"
        )

    return probe
