"""Files the provider writes: whole or not at all, readable by their owner only."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.provider.framework import RefusedError

PRIVATE = 0o600
PRIVATE_FOLDER = 0o700


@dataclass(frozen=True)
class Owner:
    """A user and group by number."""

    uid: int
    gid: int


def make_folder(path: Path, owner: Owner | None = None) -> None:
    """Makes a folder for its owner alone, and its parents.

    Raises:
        RefusedError: it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(PRIVATE_FOLDER)
        if owner:
            os.chown(path, owner.uid, owner.gid)
    except OSError as error:
        raise RefusedError(f"folder {path} can't be made: {error.strerror}") from error


def write(
    path: Path, content: str | bytes, owner: Owner | None = None, mode: int = PRIVATE
) -> None:
    """Replaces a file by rename, so that a reader sees the old or the new content, never a part."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            if owner:
                os.fchown(file.fileno(), owner.uid, owner.gid)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_or_none(path: Path) -> str | None:
    """Returns a file's text, None when there is no such file."""
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def differences(declared: Mapping[Path, str]) -> list[str]:
    """Returns in words which files are not as declared."""
    found: list[str] = []
    for path, content in declared.items():
        actual = read_or_none(path)
        if actual is None:
            found.append(f"{path} is missing")
        elif actual != content:
            found.append(f"{path} was edited")
    return found


def extra_files(folder: Path, declared: Iterable[Path]) -> list[Path]:
    """Returns the files directly in a folder that are not declared."""
    known = set(declared)
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and path not in known)


def remove(path: Path) -> None:
    """Removes a file or a folder with all in it; it may be gone already."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def last_lines(path: Path, count: int = 15, hide: Iterable[str] = ()) -> str:
    """Returns the end of a log, indented, without the given secrets.

    Args:
        path: the log file.
        count: how many lines at most.
        hide: texts that must not be shown.
    """
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"{path} has no lines"
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    lines = [line for line in text.splitlines() if line.strip()][-count:]
    if not lines:
        return f"{path} has no lines"
    return f"the last lines of {path}:\n" + "\n".join(f"    {line}" for line in lines)
