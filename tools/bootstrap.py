"""Makes the locked Python environment in ``.venv``; needs nothing but Python 3.11 or later.

Run by ``make`` with whatever ``python3`` is there, so it uses the standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3")


def interpreter() -> str:
    """Returns the first Python on PATH that is recent enough.

    Raises:
        SystemExit: there is none.
    """
    if sys.version_info >= OLDEST:
        return sys.executable
    for name in CANDIDATES:
        found = shutil.which(name)
        check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
        if found and subprocess.run([found, "-c", check], check=False).returncode == 0:
            return found
    raise SystemExit(f"ai-platform needs Python {OLDEST[0]}.{OLDEST[1]} or later on PATH")


def bootstrap() -> None:
    """Brings ``.venv`` to what requirements.lock says; does nothing when it is there already.

    Raises:
        SystemExit: a step failed; its own message is above.
    """
    stamp = VENV / "lock.sha256"
    wanted = hashlib.sha256(LOCK.read_bytes() + str(ROOT).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("making the Python environment (.venv)", file=sys.stderr, flush=True)
    python = VENV / "bin" / "python"
    if not python.exists():
        run([interpreter(), "-m", "venv", str(VENV)], "make a virtual environment")
    uv = shutil.which("uv") or str(VENV / "bin" / "uv")
    if not os.access(uv, os.X_OK):
        pinned = next(
            line.split(" ")[0] for line in LOCK.read_text().splitlines() if line.startswith("uv==")
        )
        run([str(python), "-m", "pip", "install", "--quiet", pinned], "install uv")
    sync = [uv, "pip", "sync", "--quiet", "--python", str(python), "--require-hashes", str(LOCK)]
    run([*sync, "--compile-bytecode"], "install requirements.lock")
    (site_packages,) = (VENV / "lib").glob("python3*/site-packages")
    (site_packages / "ai_platform.pth").write_text(f"{ROOT}\n{ROOT / 'generated'}\n")
    stamp.write_text(wanted)


def run(command: list[str], purpose: str) -> None:
    """Runs a command, or ends with what it was for."""
    ended = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)
    if ended.returncode != 0:
        raise SystemExit(f"could not {purpose}: `{' '.join(command)}` failed")


if __name__ == "__main__":
    bootstrap()
