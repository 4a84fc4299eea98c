"""Finds the Pulumi CLI, or gets it: from PATH, else the official release, else built with Go.

What is downloaded or built goes to the platform's cache folder (``$XDG_CACHE_HOME/ai-platform``),
so that it happens once a machine and not once a checkout. ``install`` puts a ``pulumi`` into
``.platform/bin`` that carries everything a command typed by hand needs: where the passphrase is,
where plugins go, which interpreter runs programs.
"""

import os
import platform
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from tools import go
from tools.paths import CACHE, ROOT
from tools.progress import say

VERSION = "3.259.0"
OLDEST = (3, 200, 0)
"""Source-based plugins named in Pulumi.yaml and ``stackConfigDir`` need at least this."""

_RELEASE = "https://get.pulumi.com/releases/sdk/pulumi-v{version}-{system}-{machine}.tar.gz"
_RELEASE_TIMEOUT_SECONDS = 5
_MODULE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_PYTHON_PARTS = (
    "python/dist/pulumi-resource-pulumi-python",
    "python/cmd/pulumi-language-python-exec",
)


class PulumiUnavailableError(Exception):
    """No Pulumi CLI could be found, downloaded or built; the message says what was tried."""


def find() -> Path:
    """Returns the ``pulumi`` executable of this checkout.

    Raises:
        SystemExit: set-up has not been run.
    """
    command = ROOT / ".platform" / "bin" / "pulumi"
    if not command.exists():
        raise SystemExit("no Pulumi CLI in .platform/bin: run `make setup` first")
    return command


def install() -> None:
    """Makes ``.platform/bin/pulumi`` and ``.platform/env``, getting the CLI if need be.

    Raises:
        PulumiUnavailableError: the CLI can't be had.
    """
    cli = _on_path() or _cached() or _obtain()
    folder = ROOT / ".platform" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    _write_script(
        folder / "pulumi",
        f'export PATH="{folder}:{ROOT}/.venv/bin:$PATH"\n'
        f'export AI_PLATFORM_LANGUAGE_HOST="{ROOT}/tools/language_host.py"\n'
        f'AI_PLATFORM_HOME="${{AI_PLATFORM_HOME:-{ROOT}/.platform}}"\n'
        'export PULUMI_HOME="${PULUMI_HOME:-$AI_PLATFORM_HOME/pulumi/home}"\n'
        'if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ]; then\n'
        "  export PULUMI_CONFIG_PASSPHRASE_FILE="
        '"${PULUMI_CONFIG_PASSPHRASE_FILE:-$AI_PLATFORM_HOME/pulumi/passphrase}"\n'
        "fi\n"
        "export PULUMI_SKIP_UPDATE_CHECK=true\n"
        f'exec "{cli}" "$@"',
    )
    (ROOT / ".platform" / "env").write_text(
        f'# Puts this checkout\'s pulumi first: `. .platform/env`.\nexport PATH="{folder}:$PATH"\n'
    )


def _write_script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def _user_path() -> str:
    """Returns PATH without this checkout's own folders."""
    own = {str(ROOT / ".platform" / "bin"), str(ROOT / ".venv" / "bin")}
    parts = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(part for part in parts if part not in own)


def _on_path() -> Path | None:
    found = shutil.which("pulumi", path=_user_path())
    if found is None:
        return None
    printed = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.(\d+)\.(\d+)", printed.stdout)
    if match is None or tuple(map(int, match.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        say(f"pulumi on PATH ({printed.stdout.strip() or found}) is older than {oldest}; not used")
        return None
    return Path(found)


def _release_folder() -> Path:
    return CACHE / f"pulumi-{VERSION}-release"


def _build_folder() -> Path:
    return CACHE / f"pulumi-{VERSION}-build"


def _cached() -> Path | None:
    for folder in (_release_folder(), _build_folder()):
        if (folder / "pulumi").exists():
            return folder / "pulumi"
    return None


def _obtain() -> Path:
    """Downloads or builds the CLI, one process a machine at a time."""
    with go.locked(CACHE, "pulumi"):
        found = _cached()
        if found is None:
            found = _download() or _build()
        return found


def _download() -> Path | None:
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower()
    )
    if machine is None:
        return None
    url = _RELEASE.format(version=VERSION, system=platform.system().lower(), machine=machine)
    say(f"getting Pulumi {VERSION}")
    work = CACHE / f"pulumi-{VERSION}.partial"
    shutil.rmtree(work, ignore_errors=True)
    try:
        with (
            urllib.request.urlopen(url, timeout=_RELEASE_TIMEOUT_SECONDS) as response,  # noqa: S310 - https, and ours
            tarfile.open(fileobj=response, mode="r|gz") as archive,
        ):
            archive.extractall(work, filter="data")
    except (OSError, urllib.error.URLError, tarfile.TarError) as error:
        say(f"the official release can't be had here ({error})")
        shutil.rmtree(work, ignore_errors=True)
        return None
    (work / "pulumi").rename(_release_folder())
    shutil.rmtree(work)
    return _release_folder() / "pulumi"


def _build() -> Path:
    """Builds the CLI from the Go module proxy; minutes when nothing is cached."""
    if shutil.which("go") is None:
        raise PulumiUnavailableError(
            "there is no `pulumi` on PATH, the official release can't be reached, and there is no "
            "`go` to build it with: install Pulumi or Go and run `make up` again"
        )
    say(f"building Pulumi {VERSION} with Go: about 7 minutes on 2 cores, once a machine")
    work = CACHE / f"pulumi-{VERSION}.partial"
    stamp = f"-X {_VERSION_VARIABLE}=v{VERSION}"
    module = ("-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3")
    try:
        go.build(ROOT / "tools" / "pulumi", work, _MODULE, "pulumi", stamp)
        sdk = Path(go.run(work, "list", "-mod=mod", *module).strip())
    except go.BuildError as error:
        raise PulumiUnavailableError(str(error)) from None
    for part in _PYTHON_PARTS:
        target = work / Path(part).name
        shutil.copyfile(sdk / part, target)
        target.chmod(0o755)
    # The CLI looks for its language host beside itself, and the cache is shared by every checkout
    # on the machine: so the host is a launcher that runs the one of the checkout that calls.
    _write_script(
        work / "pulumi-language-python",
        'export AI_PLATFORM_LANGUAGE_EXEC="$(dirname "$0")/pulumi-language-python-exec"\n'
        'exec python -u "$AI_PLATFORM_LANGUAGE_HOST" "$@"',
    )
    work.rename(_build_folder())
    return _build_folder() / "pulumi"
