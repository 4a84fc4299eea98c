"""Process: a program of a supervisor."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from components.clouds.local.provider.framework import Folder, Inputs, Live, Name, Port, Resource
from components.clouds.local.provider.readiness import Probe, Readiness
from components.clouds.local.provider.supervision import RESERVED, Program, Restart
from components.clouds.local.provider.values import Properties

StopSignal = Literal["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"]
_READY_SECONDS = 30


def _free_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name} is a folder of the supervisor's own; choose another name")
    return name


ProgramName = Annotated[Name, AfterValidator(_free_name)]
"""The name of a program, unlike those of its supervisor's own folders."""


def _relative(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts or not path:
        raise ValueError(f"{path!r} is not a relative path below the process's folder")
    return path


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class ProcessInputs(Inputs):
    """What a program says of a process."""

    supervisor: Folder
    name: ProgramName
    command: list[str] = Field(min_length=1, description="the program and its arguments")
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[VariableName, str] = Field(default_factory=dict)
    files: dict[Annotated[str, AfterValidator(_relative)], str] = Field(default_factory=dict)
    working_directory: Folder | None = None
    ports: list[Port] = Field(default_factory=list[int])
    readiness: Readiness | None = None
    restart: Restart = "always"
    stop_signal: StopSignal = "TERM"
    stop_seconds: int = Field(20, ge=1, le=600)
    triggers: dict[str, str] = Field(default_factory=dict)


class Process(Resource[ProcessInputs]):
    """A supervised process that is ready when its health check says so."""

    inputs = ProcessInputs
    outputs: ClassVar = ("folder", "log_file", "state")
    replace_on: ClassVar = frozenset({"supervisor", "name"})
    secret: ClassVar = frozenset({"secrets"})

    def identify(self, inputs: ProcessInputs) -> str:
        """Returns its mark: supervisor folder and name."""
        return _program(inputs).mark

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises its paths, and that it will run."""
        del old
        supervisor, name = inputs["supervisor"], inputs["name"]
        promised: Properties = {"state": "running"}
        if isinstance(supervisor, str) and isinstance(name, str):
            promised["folder"] = f"{supervisor}/{name}"
            promised["log_file"] = f"{supervisor}/logs/{name}.log"
        return promised

    def apply(self, inputs: ProcessInputs, old: Properties | None) -> Properties:
        """Starts it, or restarts it when anything of it changed, and waits until it is ready."""
        del old
        program = _program(inputs)
        seconds = inputs.readiness.timeout_seconds if inputs.readiness else _READY_SECONDS
        program.ensure(_probe(inputs), seconds)
        return _outputs(program, "running")

    def read(self, inputs: ProcessInputs, recorded: Properties) -> Live | None:
        """Looks at its files, whether it runs and whether it is healthy."""
        del recorded
        program = _program(inputs)
        return Live(_outputs(program, program.state()), program.drift(_probe(inputs)))

    def delete(self, inputs: ProcessInputs) -> None:
        """Stops it and removes its files."""
        _program(inputs).remove()


def _probe(inputs: ProcessInputs) -> Probe | None:
    return inputs.readiness.probe() if inputs.readiness else None


def _outputs(program: Program, state: str) -> Properties:
    return {"folder": str(program.folder), "log_file": str(program.log_file), "state": state}


def _program(inputs: ProcessInputs) -> Program:
    folder = Path(inputs.supervisor) / inputs.name
    return Program(
        supervisor=Path(inputs.supervisor),
        name=inputs.name,
        command=tuple(inputs.command),
        environment=inputs.environment,
        secrets={name.lower(): value for name, value in inputs.secrets.items()},
        files={folder / path: content for path, content in inputs.files.items()},
        working_directory=Path(inputs.working_directory) if inputs.working_directory else None,
        ports={f"ports[{index}]": port for index, port in enumerate(inputs.ports)},
        restart=inputs.restart,
        stop_signal=inputs.stop_signal,
        stop_seconds=inputs.stop_seconds,
        stamps=inputs.triggers,
    )
