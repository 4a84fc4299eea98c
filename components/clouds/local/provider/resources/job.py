"""Job: a command that runs to its end whenever what it was given changes."""

import os
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from components.clouds.local.provider import files, processes
from components.clouds.local.provider.framework import (
    Folder,
    Inputs,
    Live,
    LocalError,
    Resource,
    poll,
)
from components.clouds.local.provider.resources.process import ProgramName, VariableName
from components.clouds.local.provider.supervision import LOGS, SECRETS, SECRETS_VARIABLE
from components.clouds.local.provider.values import Properties

_CHECK_SECONDS = 30
_INHERITED = ("PATH", "HOME", "TMPDIR", "TZ", "LANG")


class JobInputs(Inputs):
    """What a program says of a job."""

    folder: Folder
    name: ProgramName
    command: list[str] = Field(min_length=1, description="the program and its arguments")
    check_command: list[str] = Field(default_factory=list)
    environment: dict[VariableName, str] = Field(default_factory=dict)
    secrets: dict[VariableName, str] = Field(default_factory=dict)
    working_directory: Folder | None = None
    timeout_seconds: int = Field(120, ge=1, le=3600, description="1 to 3600 seconds")
    triggers: dict[str, str] = Field(default_factory=dict)


class Job(Resource[JobInputs]):
    """Runs at create and at every update."""

    inputs = JobInputs
    outputs: ClassVar = ("log_file", "finished_at")
    replace_on: ClassVar = frozenset({"folder", "name"})
    secret: ClassVar = frozenset({"secrets"})
    watched: ClassVar = False  # its check can take seconds; what makes it run again are triggers

    def identify(self, inputs: JobInputs) -> str:
        """Returns its mark: folder and name."""
        return _mark(inputs)

    def expect(self, inputs: Properties, old: Properties | None) -> Properties:
        """Promises the log's path."""
        del old
        folder, name = inputs["folder"], inputs["name"]
        if not isinstance(folder, str) or not isinstance(name, str):
            return {}
        return {"log_file": f"{folder}/{LOGS}/{name}.log"}

    def apply(self, inputs: JobInputs, old: Properties | None) -> Properties:
        """Runs the command to its end; a run that an earlier provider left is stopped first."""
        del old
        processes.stop(processes.marked(_mark(inputs)))
        status = _run(inputs, inputs.command, inputs.timeout_seconds)
        if status != 0:
            took = f"did not end within {inputs.timeout_seconds} s"
            what = took if status is None else f"ended with exit status {status}"
            log = files.last_lines(_log(inputs), hide=inputs.secrets.values())
            raise LocalError(f"job {inputs.name} {what}; {log}")
        return {"log_file": str(_log(inputs)), "finished_at": datetime.now(UTC).isoformat()}

    def read(self, inputs: JobInputs, recorded: Properties) -> Live | None:
        """Asks the check command whether something is left to do."""
        del recorded
        if not inputs.check_command:
            return Live({})
        status = _run(inputs, inputs.check_command, _CHECK_SECONDS)
        return Live({}, [] if status == 0 else [f"job {inputs.name} must run again, by its check"])

    def delete(self, inputs: JobInputs) -> None:
        """Stops a run and removes its log; what it did stays."""
        processes.stop(processes.marked(_mark(inputs)))
        files.remove(_secrets(inputs))
        files.remove(_log(inputs))


def _mark(inputs: JobInputs) -> str:
    return f"{inputs.folder}/{inputs.name}"


def _log(inputs: JobInputs) -> Path:
    return Path(inputs.folder) / LOGS / f"{inputs.name}.log"


def _secrets(inputs: JobInputs) -> Path:
    return Path(inputs.folder) / SECRETS / inputs.name


def _run(inputs: JobInputs, command: list[str], seconds: int) -> int | None:
    """Returns the exit status of a command, None when it was stopped for its time was up."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= inputs.environment
    environment[processes.MARK] = _mark(inputs)
    secrets = _secrets(inputs)
    try:
        if inputs.secrets:
            files.make_folder(secrets)
            for name, value in inputs.secrets.items():
                files.write(secrets / name.lower(), value)
            environment[SECRETS_VARIABLE] = str(secrets)
        files.make_folder(_log(inputs).parent)
        with _log(inputs).open("ab") as log:
            _log(inputs).chmod(files.PRIVATE)
            return _wait(inputs, command, environment, log.fileno(), seconds)
    finally:
        files.remove(secrets)


def _wait(
    inputs: JobInputs, command: list[str], environment: dict[str, str], log: int, seconds: int
) -> int | None:
    try:
        process = subprocess.Popen(
            command,
            cwd=inputs.working_directory or inputs.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise LocalError(f"command: {command[0]} can't be started: {error}") from error
    try:
        for _ in poll(seconds):
            if (status := process.poll()) is not None:
                return status
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
