"""Lints the workflows of ``.github/``, as ``make check`` does.

actionlint finds what GitHub would refuse or misread, zizmor what an attacker could use. The first
is taken from PATH, or built with Go, once a machine.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from tools import go
from tools.go import BuildError
from tools.paths import CACHE, ROOT
from tools.progress import say

_VERSION = "1.7.12"
_PACKAGE = "github.com/rhysd/actionlint/cmd/actionlint"


def lint(root: Path = ROOT) -> bool:
    """Prints what is wrong with a checkout's workflows; returns whether nothing is.

    Args:
        root: the checkout.

    Raises:
        BuildError: actionlint can't be had.
    """
    files = sorted((root / ".github" / "workflows").glob("*.yaml"))
    # Other linters that happen to be on PATH would make it depend on the machine.
    command = [str(_actionlint()), "-shellcheck=", "-pyflakes="]
    zizmor = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--quiet"]
    ended = [
        subprocess.run([*command, *map(str, files)], cwd=root, check=False),
        subprocess.run([*zizmor, str(root / ".github")], cwd=root, check=False),
    ]
    return all(one.returncode == 0 for one in ended)


def _actionlint() -> Path:
    found = shutil.which("actionlint")
    if found:
        return Path(found)
    folder = CACHE / f"actionlint-{_VERSION}"
    if not folder.exists():
        with go.locked(CACHE, "actionlint"):
            if not folder.exists():
                _build(folder)
    return folder / "actionlint"


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise BuildError("actionlint is not on PATH, and there is no `go` to build it: install one")
    say(f"building actionlint {_VERSION} with Go: half a minute, once a machine")
    work = folder.with_suffix(".partial")
    go.build(ROOT / "tools" / "actionlint", work, _PACKAGE, "actionlint", "-s -w")
    work.rename(folder)


def main() -> int:
    """Lints this checkout and returns the exit code."""
    try:
        return 0 if lint() else 1
    except BuildError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
