"""Envoy: a proxy with a static bootstrap."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from components.clouds.local.provider import binaries, files
from components.clouds.local.provider.framework import (
    Folder,
    Inputs,
    Live,
    LocalError,
    Port,
    RefusedError,
    Resource,
)
from components.clouds.local.provider.readiness import Readiness
from components.clouds.local.provider.resources.process import ProgramName
from components.clouds.local.provider.supervision import Program
from components.clouds.local.provider.values import Properties

_VALIDATE_SECONDS = 60
_STOP_SECONDS = 10


def _json_object(text: str) -> str:
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - what pydantic reports
    return text


class EnvoyInputs(Inputs):
    """What a program says of an Envoy."""

    supervisor: Folder
    name: ProgramName
    bootstrap: Annotated[str, AfterValidator(_json_object)] = Field(
        description="an envoy.config.bootstrap.v3.Bootstrap as JSON"
    )
    ports: list[Port]
    admin_port: Port
    concurrency: int = Field(1, ge=1, le=256, description="1 to 256 worker threads")
    log_level: Literal["trace", "debug", "info", "warning", "error", "critical", "off"] = "warning"
    flush_interval_milliseconds: int = Field(1000, ge=10, le=60_000)
    readiness: Readiness | None = None
    triggers: dict[str, str] = Field(default_factory=dict)


class Envoy(Resource[EnvoyInputs]):
    """A supervised Envoy, its bootstrap checked by Envoy before it runs."""

    inputs = EnvoyInputs
    outputs: ClassVar = ("log_file", "state")
    replace_on: ClassVar = frozenset({"supervisor", "name"})
    secret: ClassVar = frozenset({"bootstrap"})

    def identify(self, inputs: EnvoyInputs) -> str:
        """Returns its mark: supervisor folder and name."""
        return _program(inputs).mark

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises the log's path, and that it will run."""
        del old
        supervisor, name = inputs["supervisor"], inputs["name"]
        promised: Properties = {"state": "running"}
        if isinstance(supervisor, str) and isinstance(name, str):
            promised["log_file"] = f"{supervisor}/logs/{name}.log"
        return promised

    def apply(self, inputs: EnvoyInputs, old: Properties | None) -> Properties:
        """Validates the bootstrap if it is new, starts Envoy and waits until it is ready."""
        program = _program(inputs)
        if files.differences(program.files):
            _validate(inputs, created=old is not None)
        readiness = _readiness(inputs)
        program.ensure(readiness.probe(), readiness.timeout_seconds)
        return {"log_file": str(program.log_file), "state": "running"}

    def read(self, inputs: EnvoyInputs, recorded: Properties) -> Live | None:
        """Looks at the bootstrap on disk, and whether Envoy runs and is ready."""
        del recorded
        program = _program(inputs)
        outputs: Properties = {"log_file": str(program.log_file), "state": program.state()}
        return Live(outputs, program.drift(_readiness(inputs).probe()))

    def delete(self, inputs: EnvoyInputs) -> None:
        """Stops it and removes its files."""
        _program(inputs).remove()


def _readiness(inputs: EnvoyInputs) -> Readiness:
    """Returns the given health check, else Envoy's own: its listeners and first clusters are up."""
    own = Readiness(kind="http", port=inputs.admin_port, path="/ready", timeout_seconds=60)
    return inputs.readiness or own


def _validate(inputs: EnvoyInputs, *, created: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bootstrap = Path(folder) / "bootstrap.json"
        files.write(bootstrap, inputs.bootstrap)
        command = [binaries.envoy(), "--mode", "validate", "--log-level", "error"]
        try:
            ended = subprocess.run(
                [*command, "--config-path", bootstrap],
                capture_output=True,
                text=True,
                check=False,
                timeout=_VALIDATE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalError(f"envoy --mode validate took over {_VALIDATE_SECONDS} s") from error
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip()).replace(str(bootstrap), "it")
        refused = LocalError if created else RefusedError
        raise refused(f"bootstrap: Envoy refuses it: {said[-2000:]}")


def _program(inputs: EnvoyInputs) -> Program:
    bootstrap = Path(inputs.supervisor) / inputs.name / "bootstrap.json"
    ports = {f"ports[{index}]": port for index, port in enumerate(inputs.ports)}
    return Program(
        supervisor=Path(inputs.supervisor),
        name=inputs.name,
        command=(
            str(binaries.envoy()),
            "--config-path",
            str(bootstrap),
            "--concurrency",
            str(inputs.concurrency),
            "--file-flush-interval-msec",
            str(inputs.flush_interval_milliseconds),
            "--log-level",
            inputs.log_level,
            # Hot restart is never used, and without it nothing is left in shared memory and
            # several Envoys on one machine need no base ids of their own.
            "--disable-hot-restart",
        ),
        files={bootstrap: inputs.bootstrap},
        ports=ports | {"admin_port": inputs.admin_port},
        stop_seconds=_STOP_SECONDS,
        stamps=inputs.triggers,
    )
