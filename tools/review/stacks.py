"""Previews a stack as a change would leave it, against what there is before the change.

With credentials of its clouds, what there is comes from the stack's own state. Without them the
program of before the change is brought up on simulated clouds first; what that made is kept, and
used again as long as nothing that it was made from has changed.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stacks.cloud_environment import CloudEnvironment
from stacks.environment import EnvironmentFileError
from tools.credentials import missing
from tools.paths import ROOT
from tools.preview import Wanted, reduced, regions_of_cell, wanted_by
from tools.profiles import surroundings
from tools.progress import say
from tools.repository import Repository
from tools.review.applies import Apply, applies
from tools.review.changes import Preview, read
from tools.simulated import SimulatedStack, link, simulated
from tools.stack import Stack

_RULES = Path("policies") / "infrastructure"
_LOCK = "requirements.lock"
_NOT_OF_STACKS = frozenset(
    {".ci", ".github", ".gitattributes", ".gitignore", "Makefile", "README.md"}
    | {"docs", "environments", "tests", "tools"}
)
"""What is at the top of the repository and in no stack, environments' own files apart."""

_QUICK = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
"""A stack that is made anew when its making is cut off needs no state of every step."""

_LOGGED = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Lets ``pulumi preview`` take ``--event-log``."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A preview, and what a reviewer wants to know besides.

    Attributes:
        regions: the environment's, in its order.
        history: what was applied before, newest first; None where clouds are simulated.
    """

    preview: Preview
    regions: Sequence[str] = ()
    history: Sequence[Apply] | None = None


@dataclass(frozen=True, kw_only=True)
class _Side:
    """A stack before or after the change; ``wanted`` is None where there is none."""

    tree: str
    wanted: Wanted | None


class Stacks:
    """The stacks of a repository, before a change and after it.

    Args:
        repository: whose they are.
        before: tree without the change.
        after: tree with it.
        folder: where simulated stacks are kept.
    """

    def __init__(self, repository: Repository, *, before: str, after: str, folder: Path) -> None:
        self._repository = repository
        self._before = before
        self._after = after
        self._folder = folder
        self._checkout = folder / "checkout"
        ours = Repository(root=ROOT)
        self._simulation = ours.id_of(ours.working_tree(), "tools/simulation")

    def preview(self, name: str) -> Reviewed:
        """Previews a stack with the change; what fails is a problem of the preview."""
        try:
            after = self._side(self._after, name)
            of, environment = _environment(name, after)
            regions = [one.name for one in environment.regions]
            lacking = missing(environment.clouds)
            if not lacking:
                return self._on_clouds(name, of, self._known(regions, name))
            say(f"{name}: no credentials for {', '.join(lacking)}; on simulated clouds")
            return self._simulated(name, after, self._known(regions, name))
        except (EnvironmentFileError, StackError) as error:
            return Reviewed(preview=Preview(stack=name, problems=(str(error),)))

    def _known(self, regions: Sequence[str], name: str) -> list[str]:
        """Returns an environment's regions, and after them those that it had before the change."""
        wanted = self._side(self._before, name).wanted
        had = wanted.environment.regions if wanted and wanted.environment else ()
        return list(dict.fromkeys([*regions, *(one.name for one in had)]))

    def _on_clouds(self, name: str, environment: str, regions: Sequence[str]) -> Reviewed:
        stack = Stack(
            name=name, project=self._repository.root, surroundings=surroundings(environment)
        )
        history = stack.run("stack", "history", "--json", capture=True)
        preview = _previewed(stack, self._repository.root, regions)
        return Reviewed(preview=preview, regions=regions, history=applies(history.stdout))

    def _simulated(self, name: str, after: _Side, regions: Sequence[str]) -> Reviewed:
        before = self._side(self._before, name)
        folder = self._folder / name
        with self._ready(folder, name, before, after) as running:
            preview = _previewed(running.stack, self._checkout, regions)
            if not preview.problems:
                left = [f"declares what can't work: {one}" for one in running.simulation.dangling()]
                preview = replace(preview, problems=tuple(left))
        return Reviewed(preview=preview, regions=regions)

    @contextmanager
    def _ready(
        self, folder: Path, name: str, before: _Side, after: _Side
    ) -> Generator[SimulatedStack]:
        """Gives the stack with the change's program, on clouds that are as they were without it."""
        kept = self._regions(before) | self._regions(after)
        key = self._key(name, before, kept)
        mark = folder / "before"
        if not mark.exists() or mark.read_text() != key:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._bring_up(folder, before, kept)
            mark.write_text(key)
        with self._running(folder, after, kept, cell=_cell(after)) as running:
            yield running

    def _bring_up(self, folder: Path, before: _Side, kept: Collection[str]) -> None:
        if before.wanted is None:
            return
        say(f"bringing up {before.wanted.name} as it is before the change")
        with self._running(folder, before, kept, cell=None) as running:
            _up(running.stack)
        if _cell(before) is not None:
            with self._running(folder, before, kept, cell=_cell(before)) as running:
                _up(running.stack)

    @contextmanager
    def _running(
        self, folder: Path, side: _Side, kept: Collection[str], *, cell: int | None
    ) -> Generator[SimulatedStack]:
        if side.wanted is None:
            raise EnvironmentFileError("there is no such environment")
        self._switch_to(side)
        name = side.wanted.name
        # A cell needs of its environment the regions of its tenants only, before and after.
        of_cell = side.wanted.cell is not None
        environment = reduced(name, kept, root=self._checkout) if of_cell else None
        with simulated(
            name,
            folder=folder,
            environment=environment,
            cell=cell,
            root=self._checkout,
            virtualenv=self._checkout / ".venv",
        ) as running:
            yield running

    def _side(self, tree: str, name: str) -> _Side:
        self._repository.write_to(self._checkout, tree)
        files = self._checkout / "environments"
        if not (files / f"Pulumi.{name}.yaml").exists():
            return _Side(tree=tree, wanted=None)
        return _Side(tree=tree, wanted=wanted_by(name, root=self._checkout))

    def _switch_to(self, side: _Side) -> None:
        self._repository.write_to(self._checkout, side.tree)
        link(self._checkout / "generated", ROOT / "generated")
        link(self._checkout / ".venv", self._virtualenv())

    def _regions(self, side: _Side) -> set[str]:
        if side.wanted is None or side.wanted.cell is None:
            return set()
        self._switch_to(side)
        return regions_of_cell(side.wanted, root=self._checkout)

    def _key(self, name: str, before: _Side, kept: Collection[str]) -> str:
        """Returns what a simulated stack is made from, as a digest."""
        entries = self._repository.entries(before.tree)
        made_from: dict[str, Any] = {
            "program": {one: id_ for one, id_ in entries.items() if one not in _NOT_OF_STACKS},
            "clouds": self._simulation,
            "regions": sorted(kept),
            "stack": name,
        }
        if before.wanted is not None:
            files = self._repository.files(before.tree, "environments")
            mine = {f"Pulumi.{before.wanted.name}.yaml", f"Pulumi.{name}.yaml"}
            made_from["files"] = {
                path: text
                for path, text in files.items()
                if Path(path).name in mine
                or (before.wanted.cell is not None and Path(path).parent.name == "tenants")
            }
        return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

    def _virtualenv(self) -> Path:
        """Returns the Python environment of the checkout's lock, made where it is not ours."""
        lock = self._checkout / _LOCK
        if lock.read_bytes() == (ROOT / _LOCK).read_bytes():
            return ROOT / ".venv"
        found = self._folder / "virtualenvs" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
        made = found / "made"
        if not made.exists():
            say(f"making the Python environment that {_LOCK} describes")
            shutil.rmtree(found, ignore_errors=True)
            uv = str(ROOT / ".venv" / "bin" / "uv")
            python = str(found / "bin" / "python")
            _checked([uv, "venv", "--quiet", str(found)])
            _checked(
                [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", str(lock)]
            )
            made.touch()
        return found


class StackError(Exception):
    """A stack could not be prepared for its preview; the message says why."""


def _environment(name: str, side: _Side) -> tuple[str, CloudEnvironment]:
    """Returns the environment of a stack, and its name."""
    if side.wanted is None:
        raise EnvironmentFileError(f"environments/Pulumi.{name}.yaml: there is no such file")
    if side.wanted.environment is None:
        raise EnvironmentFileError(f"{name} is on one machine: `make test` brings it up")
    return side.wanted.name, side.wanted.environment


def _cell(side: _Side) -> int | None:
    return None if side.wanted is None else side.wanted.cell


def _up(stack: Stack) -> None:
    quick = replace(stack, surroundings={**stack.surroundings, **_QUICK})
    ended = quick.run("up", "--yes", "--skip-preview", "--suppress-outputs", capture=True)
    if ended.returncode != 0:
        raise StackError(
            f"{stack.name} cannot be brought up as it is before the change:\n"
            f"{ended.stdout[-4000:]}{ended.stderr[-2000:]}"
        )


def _previewed(stack: Stack, root: Path, regions: Collection[str]) -> Preview:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events"
        surroundings: Mapping[str, str] = {**stack.surroundings, **_LOGGED}
        ended = replace(stack, surroundings=surroundings).run(
            "preview",
            "--json",
            "--event-log",
            str(log),
            "--policy-pack",
            str(root / _RULES),
            capture=True,
        )
        events = log.read_text().splitlines() if log.exists() else []
    preview = read(
        stack.name,
        events=events,
        printed=ended.stdout,
        failed=ended.returncode != 0,
        regions=regions,
    )
    said = preview.problems
    if ended.returncode != 0 and not events:
        said = ((ended.stderr or ended.stdout).strip()[-4000:],)
    return replace(
        preview, problems=tuple(_from_the_root(one, root, stack.project, ROOT) for one in said)
    )


def _from_the_root(text: str, *folders: Path) -> str:
    """Returns a message with paths that a reader knows: a review's own folders are gone by then."""
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return text


def _checked(command: Sequence[str]) -> None:
    ended = subprocess.run(
        command, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise StackError(f"`{' '.join(command)}` failed: {ended.stderr.strip()}")
