"""The sources of the installed SDKs: which file declares a token, and single classes out of files.

An SDK is never imported: azure-native alone would cost seconds and hundreds of megabytes. Its
generated sources are regular enough to be read, and only the one class that is asked for is.
"""

import ast
import importlib.metadata
import importlib.util
import re
from functools import lru_cache
from pathlib import Path

_RESOURCE = re.compile(r"super\((\w+), __self__\)\.__init__\(\s*'([^']+)'")
_FUNCTION = re.compile(r"pulumi\.runtime\.invoke\('([^']+)',.*?typ=(\w+)\)")
_NOT_DECLARING = {"__init__.py", "_inputs.py", "outputs.py", "_enums.py", "_utilities.py"}
_TOP = re.compile(r"^(?:class|def) (\w+)", re.MULTILINE)


class SdkMissingError(Exception):
    """An SDK is not installed."""


def package_name(provider: str) -> str:
    """Returns the Python package of a provider: ``azure-native`` is ``pulumi_azure_native``."""
    return f"pulumi_{provider.replace('-', '_')}"


def version(provider: str) -> str:
    """Returns the installed version of a provider's SDK.

    Raises:
        SdkMissingError: it is not installed.
    """
    name = package_name(provider).replace("_", "-")
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise SdkMissingError(f"the package {name} is not installed") from None


def folder(provider: str) -> Path:
    """Returns the folder of a provider's SDK.

    Raises:
        SdkMissingError: it is not installed.
    """
    spec = importlib.util.find_spec(package_name(provider))
    if spec is None or spec.origin is None:
        raise SdkMissingError(f"the package {package_name(provider)} is not installed")
    return Path(spec.origin).parent


def index(provider: str) -> dict[str, str]:
    """Reads every source of an SDK; returns token → ``<file>:<class>`` of what declares it.

    A function's class is that of its result. Takes seconds: callers keep what it returns.
    """
    found: dict[str, str] = {}
    top = folder(provider)
    for path in sorted(top.rglob("*.py")):
        if path.name in _NOT_DECLARING:
            continue
        text = path.read_text()
        place = path.relative_to(top).as_posix()
        for match in _RESOURCE.finditer(text):
            found[match[2]] = f"{place}:{match[1]}"
        for match in _FUNCTION.finditer(text):
            found[match[1]] = f"{place}:{match[2]}"
    return found


@lru_cache(maxsize=24)
def _text(path: Path) -> tuple[str, dict[str, tuple[int, int]]]:
    text = path.read_text()
    starts = list(_TOP.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return text, {m[1]: (m.start(), end) for m, end in zip(starts, ends, strict=True)}


def has(path: Path, name: str) -> bool:
    """Tells whether a file has a class or function of that name at its top level."""
    return path.exists() and name in _text(path)[1]


def passage(path: Path, name: str) -> str:
    """Returns the source of one class or function.

    Raises:
        KeyError: there is none of that name.
    """
    text, places = _text(path)
    start, end = places[name]
    return text[start:end]


def parse_class(path: Path, name: str) -> ast.ClassDef:
    """Returns one class, without reading the rest of its file.

    Raises:
        KeyError: there is none of that name.
    """
    # Decorators of what follows end up behind the class: they would not parse.
    text = re.sub(r"\n(@[\w.]+(\([^\n]*\))?\s*)+\Z", "\n", passage(path, name))
    node = ast.parse(text).body[0]
    if not isinstance(node, ast.ClassDef):
        raise KeyError(name)
    return node
