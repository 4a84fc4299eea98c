"""One stack of the platform on this machine: its folder, its state and Pulumi run on it."""

import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil

from components.clouds.local.settings import default_home
from tools.paths import ROOT, home
from tools.progress import say
from tools.pulumi_cli import find

PROJECT = "ai-platform"
_NOT_UP = "the platform is not up here: `make up` brings it up"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack and where it lives.

    Attributes:
        name: the stack's name; its environment file is ``environments/Pulumi.<name>.yaml``.
        folder: everything the stack writes, Pulumi's state included.
        config_file: another environment file, for stacks that are not in the repository.
        project: folder of ``Pulumi.yaml`` and of ``environments/``.
        surroundings: environment variables ``pulumi`` gets besides the caller's.
    """

    name: str = "local"
    folder: Path = field(default_factory=home)
    config_file: Path | None = None
    project: Path = ROOT
    surroundings: Mapping[str, str] = field(default_factory=dict[str, str])

    def prepare(self) -> None:
        """Makes the passphrase and the stack when they aren't there, and drops dead locks."""
        passphrase = self.folder / "pulumi" / "passphrase"
        if not passphrase.exists():
            passphrase.parent.mkdir(parents=True, exist_ok=True)
            self._forget_salt()
            fresh = passphrase.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(32))
            fresh.rename(passphrase)
        if not self._state_file().exists():
            self._check("stack", "init", self.name, quiet=True)
            written = self._environment_file()
            if self.config_file:
                # `stack init` knows no --config-file; what it wrote beside the others is not used.
                written.unlink(missing_ok=True)
            elif self.project == ROOT:
                _tell_git_nothing_changed(written)
        self._drop_dead_locks()

    def up(self) -> None:
        """Brings the stack to what its environment file says.

        Raises:
            SystemExit: Pulumi failed; it has printed why.
        """
        if self._has_pending_operations():
            say("an earlier run was cut off; looking at what it left")
            self._check("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
        self._check("up", "--yes", "--skip-preview")

    def destroy(self) -> bool:
        """Deletes every resource of the stack; returns whether Pulumi managed to."""
        return self.run("destroy", "--yes", "--skip-preview").returncode == 0

    def forget(self) -> None:
        """Removes the stack from the state, whatever it holds."""
        self.run("stack", "rm", "--yes", "--force", "--preserve-config", capture=True)

    def exists(self) -> bool:
        """Tells whether the stack has been made."""
        return self._state_file().exists()

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Returns the stack's outputs.

        Raises:
            SystemExit: there are none; the message says why.
        """
        if not self.exists():
            raise SystemExit(_NOT_UP)
        arguments = ["stack", "output", "--json", *(["--show-secrets"] if show_secrets else [])]
        ended = self.run(*arguments, capture=True)
        if ended.returncode != 0:
            raise SystemExit(ended.stderr.strip())
        outputs = cast("dict[str, Any]", json.loads(ended.stdout))
        if not outputs:
            raise SystemExit(_NOT_UP)
        return outputs

    def run(self, *arguments: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs ``pulumi`` on the stack."""
        config = ["--config-file", str(self.config_file)] if self._takes_config(arguments) else []
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", self.name]
        return subprocess.run(
            [str(find()), *arguments, *stack, *config],
            cwd=self.project,
            env=self.environment(),
            capture_output=capture,
            text=True,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        """Returns the environment in which ``pulumi`` works on this stack's state."""
        if self.folder == default_home(ROOT):
            # what Pulumi.yaml and .platform/bin/pulumi say
            return {**os.environ, **self.surroundings}
        return {
            **os.environ,
            **self.surroundings,
            "AI_PLATFORM_HOME": str(self.folder),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'pulumi'}",
        }

    def _takes_config(self, arguments: tuple[str, ...]) -> bool:
        commands = {"up", "preview", "refresh", "destroy"}
        return self.config_file is not None and arguments[0] in commands

    def _check(self, *arguments: str, quiet: bool = False) -> None:
        ended = self.run(*arguments, capture=quiet)
        if ended.returncode != 0:
            shown = (ended.stderr or "").strip()
            raise SystemExit(shown or f"pulumi {arguments[0]} failed; its messages are above")

    def _environment_file(self) -> Path:
        return self.project / "environments" / f"Pulumi.{self.name}.yaml"

    def _backend(self) -> Path:
        return self.folder / "pulumi" / ".pulumi"

    def _state_file(self) -> Path:
        return self._backend() / "stacks" / PROJECT / f"{self.name}.json"

    def _has_pending_operations(self) -> bool:
        state = cast("dict[str, Any]", json.loads(self._state_file().read_text()))
        deployment = cast("dict[str, Any]", state.get("checkpoint", {}).get("latest") or {})
        return bool(deployment.get("pending_operations"))

    def _forget_salt(self) -> None:
        """Drops the salt of a passphrase that no longer exists from the environment file."""
        path = self.config_file or self._environment_file()
        lines = path.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("encryptionsalt:")]
        if kept != lines:
            path.write_text("".join(kept))

    def _drop_dead_locks(self) -> None:
        """Removes locks whose process has ended without doing so: it was killed."""
        folder = self._backend() / "locks" / "organization" / PROJECT / self.name
        for lock in folder.glob("*.json"):
            holder = json.loads(lock.read_text())
            if holder.get("hostname") == socket.gethostname() and not psutil.pid_exists(
                int(holder["pid"])
            ):
                say(f"dropping the lock of a run that was killed (pid {holder['pid']})")
                lock.unlink()

    def wipe(self) -> None:
        """Deletes what the platform's processes wrote; keeps the tools of set-up."""
        for entry in self.folder.iterdir() if self.folder.exists() else ():
            if entry.is_dir() and entry.name not in {"bin", "pulumi", "bench"}:
                shutil.rmtree(entry)


def _tell_git_nothing_changed(path: Path) -> None:
    """Lets git see that a file differs only by what the clean filter drops.

    Git takes another size for a change without asking the filter, until the file is added again.
    """
    if not (ROOT / ".git").exists():
        return
    same = subprocess.run(["git", "diff", "--quiet", "--", str(path)], cwd=ROOT, check=False)
    if same.returncode == 0:
        subprocess.run(["git", "add", "--", str(path)], cwd=ROOT, check=False)
