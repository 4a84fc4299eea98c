"""``make plan BASE=main``: what a change makes necessary, and why.

What is planned follows from the names of the changed files and from which environments, cells and
tenants there were before the change and are after it. A file that nothing is known of touches
everything: to preview too much costs minutes, too little an outage.
"""

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal, cast

import yaml

from stacks.environment import CONFIG_KEY
from stacks.tenants import CELL_KEY
from tools.paths import ROOT
from tools.repository import Repository

_ENVIRONMENTS = "environments"
_ORDER = ("local", "dev", "staging", "production")
"""The order in which a change reaches environments; others come after these, by name."""

_LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to do for a change.

    Attributes:
        kind: ``check`` is `make test`; ``preview`` is `make preview ENV=<name>`.
        name: of the stack; of a check, what it is called.
        reasons: why, each naming a changed file; sorted.
    """

    kind: Literal["check", "preview"]
    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Stacks:
    """The stacks that a checkout describes.

    Attributes:
        targets: the clouds of an environment, or ``local``, by its name.
        cells: the environment of a cell, by the cell's stack.
        tenants: the stack of a tenant's cell, by the tenant's file.
    """

    targets: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    cells: Mapping[str, str] = field(default_factory=dict[str, str])
    tenants: Mapping[str, str] = field(default_factory=dict[str, str])

    def cells_of(self, environment: str) -> list[str]:
        """Returns the stacks of an environment's cells."""
        return [cell for cell, one in self.cells.items() if one == environment]

    def on(self, cloud: str) -> list[str]:
        """Returns the environments on a cloud, or on this machine, and their cells."""
        found = [name for name, clouds in self.targets.items() if cloud in clouds]
        return [*found, *(cell for name in found for cell in self.cells_of(name))]


_Reach = Literal[
    "nothing", "checks", "environments", "stacks", "clouds", "local", "aws", "gcp", "azure"
]

_REACHES: Sequence[tuple[str, _Reach, str]] = (
    ("docs/*", "nothing", ""),
    ("*.md", "nothing", ""),
    (".gitignore", "nothing", ""),
    (".gitattributes", "nothing", ""),
    ("examples/*", "checks", "is tested"),
    ("tests/*", "checks", "is a test"),
    ("tools/*", "checks", "is a tool"),
    ("Makefile", "checks", "is how tools are run"),
    (".ci/*", "checks", "is how tests are run"),
    (".github/*", "checks", "is how jobs are run"),
    ("renovate.json", "checks", "is how versions are raised"),
    ("images/*", "environments", "makes the image that services run"),
    ("services/*", "environments", "is in the image that services run"),
    ("protos/*", "environments", "is in the image that services run"),
    ("generated/*", "environments", "is in the image that services run"),
    ("policies/access/*", "environments", "is in the image that services run"),
    ("policies/*", "stacks", "is what every stack is held to"),
    ("components/clouds/*/__init__.py", "stacks", "is loaded by the program of every stack"),
    ("components/clouds/local/settings.py", "stacks", "is loaded by the program of every stack"),
    *(
        (f"components/clouds/{cloud}/*", cast("_Reach", cloud), f"is part of how it is on {cloud}")
        for cloud in ("local", "aws", "gcp", "azure")
    ),
    ("components/clouds/*", "clouds", "is part of how it is on every cloud"),
    ("components/*", "stacks", "is part of every component"),
    ("stacks/*", "stacks", "is the program of every stack"),
    ("Pulumi.yaml", "stacks", "is the project of every stack"),
    ("pyproject.toml", "stacks", "says what every stack runs with"),
    ("requirements.lock", "stacks", "says what every stack runs with"),
)
"""What a file reaches, by the first pattern that fits, and why.

Environments do not include their cells, the rest does; a cloud is the stacks that are on it.
"""


def plan(changed: Collection[str], before: Stacks, after: Stacks) -> list[Job]:
    """Returns what a change makes necessary, in the order in which it is to be done.

    Args:
        changed: paths of the files that were added, changed or removed, from the repository's root.
        before: the stacks as they were.
        after: the stacks as they are.
    """
    reasons: dict[str, set[str]] = {}
    checks: set[str] = set()
    for path in changed:
        stacks = {
            name: f"{path} {why}"
            for one in (before, after)
            for name, why in _touched(path, one)
            if name in after.targets or name in after.cells
        }
        for name, why in stacks.items():
            reasons.setdefault(name, set()).add(why)
        if stacks or _reach(path)[0] != "nothing":
            checks.add(path)
    if not checks:
        return []
    told = f"{len(checks)} changed file(s), {min(checks)} the first"
    jobs = [Job(kind="check", name="test", reasons=(told,))]
    jobs += [
        Job(kind="preview", name=name, reasons=tuple(sorted(reasons[name])))
        for name in sorted(reasons, key=lambda one: _place(one, after))
    ]
    return jobs


def _reach(path: str) -> tuple[_Reach, str]:
    for pattern, reach, why in _REACHES:
        if fnmatchcase(path, pattern):
            return reach, why
    return "stacks", "is a file that nothing is known of"


def _touched(path: str, stacks: Stacks) -> Iterator[tuple[str, str]]:
    """Yields the stacks that a file touches, each with the reason, as what follows the path."""
    folder, _, file = path.rpartition("/")
    if folder == _ENVIRONMENTS and fnmatchcase(file, "Pulumi.*.yaml"):
        name = file.removeprefix("Pulumi.").removesuffix(".yaml")
        yield name, "is its file"
        for cell in stacks.cells_of(name):
            yield cell, "says which regions its tenants can be in"
    elif folder == f"{_ENVIRONMENTS}/tenants":
        if path in stacks.tenants:
            yield stacks.tenants[path], "is a tenant of it"
    else:
        reach, why = _reach(path)
        for name in _reached(reach, stacks):
            yield name, why


def _reached(reach: _Reach, stacks: Stacks) -> list[str]:
    match reach:
        case "nothing" | "checks":
            return []
        case "environments":
            return list(stacks.targets)
        case "stacks":
            return [*stacks.targets, *stacks.cells]
        case "clouds":
            local = stacks.on(_LOCAL)
            return [name for name in (*stacks.targets, *stacks.cells) if name not in local]
        case _:
            return stacks.on(reach)


def _place(name: str, stacks: Stacks) -> tuple[int, str, bool, str]:
    """Returns where a stack comes: with its environment, a cell after it."""
    environment = stacks.cells.get(name, name)
    known = _ORDER.index(environment) if environment in _ORDER else len(_ORDER)
    return known, environment, name != environment, name


def described(files: Mapping[str, str]) -> Stacks:
    """Returns the stacks that the files below ``environments/`` describe.

    A file that cannot be read as one describes nothing here; the checks say what is wrong with it.

    Args:
        files: content by path.
    """
    targets: dict[str, frozenset[str]] = {}
    cells: dict[str, str] = {}
    numbers: dict[tuple[str, object], str] = {}
    placed: dict[str, tuple[str, object]] = {}
    for path, text in files.items():
        said = _mapping(text)
        if PurePosixPath(path).parent.name == "tenants":
            placed[path] = str(said.get("environment")), said.get("cell")
            continue
        name = PurePosixPath(path).name.removeprefix("Pulumi.").removesuffix(".yaml")
        config = _inner(said, "config")
        if CELL_KEY in config:
            cell = _inner(config, CELL_KEY)
            cells[name] = str(cell.get("environment"))
            numbers[cells[name], cell.get("number")] = name
        else:
            targets[name] = _clouds(_inner(config, CONFIG_KEY))
    tenants = {path: numbers[where] for path, where in placed.items() if where in numbers}
    return Stacks(targets=targets, cells=cells, tenants=tenants)


def _clouds(environment: Mapping[str, Any]) -> frozenset[str]:
    if environment.get("target") == _LOCAL:
        return frozenset({_LOCAL})
    regions = environment.get("regions")
    listed = cast("list[object]", regions) if isinstance(regions, list) else []
    return frozenset(
        str(cast("dict[str, object]", one).get("cloud")) for one in listed if isinstance(one, dict)
    )


def _mapping(text: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _inner(said: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = said.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def jobs_since(repository: Repository, base: str) -> tuple[set[str], list[Job]]:
    """Returns the files changed since ``base``, uncommitted ones included, and the jobs for them.

    Raises:
        SystemExit: there is no such commit.
    """
    before, after = repository.tree_of(repository.fork(base)), repository.working_tree()
    changed = repository.changed(before, after)
    stacks_before, stacks_after = (
        described(repository.files(tree, _ENVIRONMENTS)) for tree in (before, after)
    )
    return changed, plan(changed, stacks_before, stacks_after)


def main(base: str, *, as_json: bool = False) -> None:
    """Prints what the change since ``base``, uncommitted files included, makes necessary.

    Args:
        base: a branch or a commit.
        as_json: as a list of jobs with ``kind``, ``name`` and ``reasons``, for scripts.

    Raises:
        SystemExit: there is no such commit.
    """
    changed, jobs = jobs_since(Repository(root=ROOT), base)
    if as_json:
        print(json.dumps([asdict(job) for job in jobs], indent=2))
        return
    if not jobs:
        print(f"nothing to do for {len(changed)} changed file(s)")
    for job in jobs:
        command = "make test" if job.kind == "check" else f"make preview ENV={job.name}"
        print(f"{command}\n" + "".join(f"    {one}\n" for one in job.reasons), end="")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "main", as_json="--json" in sys.argv[2:])
