"""Builds kube-apiserver and etcd with Go, and gathers the add-ons' CRDs, once a machine.

Everything goes to the platform's cache folder, shared by every checkout. What a binary is built
from is pinned by the ``go.mod`` and ``go.sum`` beside this file; kube-apiserver's own ``go.mod``
replaces its staging modules by folders, which only work inside its repository, so ours replaces
them by the same modules as they are published.

``python -m tools.simulation.kubernetes.build`` does it ahead of time.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from tools import go
from tools.go import BuildError
from tools.paths import CACHE
from tools.progress import say
from tools.simulation.kubernetes.addons import ADD_ONS, AddOn

_HERE = Path(__file__).resolve().parent


class _Loader(yaml.CSafeLoader):
    """Reads a bare ``=`` as the string that it is in the CRDs, not as YAML 1.1's value tag."""


def _plain(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:value", _plain)


@dataclass(frozen=True, kw_only=True)
class _Program:
    """A Go program and how it is built.

    Attributes:
        name: of the executable.
        version: semantic version, without ``v``.
        package: the import path of its main package.
        sources: the folder with its ``go.mod`` and ``go.sum``.
        stamps: variables to set while linking, package-qualified.
        takes: how long it takes, in words.
    """

    name: str
    version: str
    package: str
    sources: Path
    stamps: tuple[str, ...] = ()
    takes: str

    @property
    def folder(self) -> Path:
        """Where the built program is."""
        return CACHE / f"{self.name}-{self.version}"


KUBERNETES_VERSION = "1.36.3"
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
_APISERVER = _Program(
    name="kube-apiserver",
    version=KUBERNETES_VERSION,
    package="k8s.io/kubernetes/cmd/kube-apiserver",
    sources=_HERE / "apiserver",
    stamps=(
        f"{_VERSION}.gitVersion=v{KUBERNETES_VERSION}",
        f"{_VERSION}.gitMajor={_MAJOR}",
        f"{_VERSION}.gitMinor={_MINOR}",
    ),
    takes="10 minutes",
)
_ETCD = _Program(
    name="etcd",
    version="3.7.3",
    package="go.etcd.io/etcd/server/v3",
    sources=_HERE / "etcd",
    takes="2 minutes",
)


def apiserver() -> Path:
    """Returns the ``kube-apiserver`` executable, building it if need be.

    Raises:
        BuildError: it can't be built.
    """
    return _program(_APISERVER)


def etcd() -> Path:
    """Returns the ``etcd`` executable, building it if need be.

    Raises:
        BuildError: it can't be built.
    """
    return _program(_ETCD)


def crds(add_on: AddOn) -> list[dict[str, Any]]:
    """Returns the CustomResourceDefinitions that an add-on brings.

    Raises:
        BuildError: its Go module can't be had, or holds none where they should be.
    """
    path = CACHE / "crds" / f"{add_on.name}-{add_on.module_version}.json"
    if not path.exists():
        with go.locked(CACHE, f"{add_on.name}-crds"):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                fresh = path.with_suffix(".partial")
                fresh.write_text(json.dumps(_gather(add_on)))
                fresh.rename(path)
    return cast("list[dict[str, Any]]", json.loads(path.read_text()))


def _gather(add_on: AddOn) -> list[dict[str, Any]]:
    module = f"{add_on.module}@{add_on.module_version}"
    say(f"getting the CRDs of {add_on.name} from {module}")
    _require_go("the CRDs of " + add_on.name)
    answer = cast("dict[str, str]", json.loads(go.run(CACHE, "mod", "download", "-json", module)))
    root = Path(answer["Dir"]) / add_on.crds
    files = sorted(root.rglob("*.yaml")) if root.is_dir() else [root]
    found: list[dict[str, Any]] = []
    for file in files:
        for document in yaml.load_all(file.read_text(), Loader=_Loader):
            if document and document.get("kind") == "CustomResourceDefinition":
                document.pop("status", None)
                found.append(_without_prose(document))
    if not found:
        raise BuildError(f"{module} holds no CustomResourceDefinition in {add_on.crds}")
    return found


def _without_prose(value: Any) -> Any:
    """Drops the descriptions, which are most of a CRD and of the memory that serving it takes."""
    if isinstance(value, list):
        return [_without_prose(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {
            key: _without_prose(item)
            for key, item in cast("dict[str, Any]", value).items()
            if key != "description" or not isinstance(item, str)
        }
    return value


def _program(program: _Program) -> Path:
    built = program.folder / program.name
    if not built.exists():
        with go.locked(CACHE, program.name):
            if not built.exists():
                _build(program)
    return built


def _build(program: _Program) -> None:
    _require_go(f"{program.name} {program.version}")
    say(f"building {program.name} {program.version} with Go: about {program.takes} on 2 cores")
    work = program.folder.with_suffix(".partial")
    linking = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in program.stamps)])
    go.build(program.sources, work, program.package, program.name, linking)
    work.rename(program.folder)


def _require_go(what: str) -> None:
    if shutil.which("go") is None:
        raise BuildError(f"{what} needs Go, and there is no `go` on PATH: install Go and try again")


def main() -> None:
    """Builds and gathers everything that is not there yet."""
    try:
        for get in (etcd, apiserver):
            say(f"{get()}")
        for add_on in ADD_ONS:
            say(f"{add_on.name} {add_on.module_version}: {len(crds(add_on))} CRDs")
    except BuildError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
