"""The docker-build provider without a build: it checks what a build would need and names a digest.

The digest comes from the Dockerfile, the context's files and the arguments, so that an image
changes when its sources do.
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import cast

from components.clouds.local.provider.values import Properties, Value, has_unknown
from tools.simulation.behaviour import Behaviour, Call, text, texts
from tools.simulation.differences import Difference
from tools.simulation.sdk.check import Mistake

_TAG = re.compile(r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+:[\w][\w.-]{0,127}$")
_NOT_SENT = {".git", ".venv", "__pycache__", "node_modules", ".platform"}


class Images(Behaviour):
    """Images that are named, not built."""

    provider = "docker-build"
    stateless = True
    made_outputs = ("digest", "ref", "contextHash")

    def mistakes(self, call: Call) -> Iterator[Mistake]:
        """Yields tags without registry or version, and a Dockerfile or context that isn't there."""
        for place, tag in enumerate(texts(call.inputs, "tags")):
            if not _TAG.match(tag):
                yield Mistake(
                    f"tags[{place}]",
                    f"{tag} must name registry, repository and tag: registry.example/name:1.0",
                )
        context = text(call.inputs, "context", "location") or "."
        if "://" in context:
            return
        if not Path(context).is_dir():
            yield Mistake("context.location", f"there is no folder {context}")
        elif not text(call.inputs, "dockerfile", "inline") and not _dockerfile(call).is_file():
            yield Mistake("dockerfile.location", f"there is no file {_dockerfile(call)}")
        if call.inputs.get("push") is True and not call.inputs.get("tags"):
            yield Mistake("tags", "an image that is pushed needs at least one")

    def outdated(self, call: Call, recorded: Properties) -> Iterator[Difference]:
        """Yields the context when its files have changed since the last build."""
        if has_unknown(cast("Value", call.inputs)):
            return
        if text(self.make(call)[1], "contextHash") != text(recorded, "contextHash"):
            yield Difference("contextHash", "update")

    def make(self, call: Call) -> tuple[str, Properties]:
        """Returns the digest that stands for the sources."""
        sources = hashlib.sha256()
        file = _dockerfile(call)
        sources.update(file.read_bytes() if file.is_file() else b"")
        context = Path(text(call.inputs, "context", "location") or ".")
        sent = _rules(file)
        for path in _files(context):
            if not _is_sent(path.relative_to(context), sent):
                continue
            sources.update(f"{path.relative_to(context)}:{path.stat().st_size}:".encode())
            sources.update(path.read_bytes())
        for key in ("buildArgs", "target", "platforms", "labels"):
            sources.update(repr(call.inputs.get(key)).encode())
        digest = f"sha256:{sources.hexdigest()}"
        tags = texts(call.inputs, "tags")
        return digest, {
            "digest": digest,
            "ref": f"{tags[0]}@{digest}" if tags else "",
            "contextHash": digest.removeprefix("sha256:"),
        }


def _files(context: Path) -> Iterator[Path]:
    """Yields a context's files in a fixed order, without folders that no build is sent."""
    for folder, inner, names in os.walk(context):
        inner[:] = sorted(name for name in inner if name not in _NOT_SENT)
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file():
                yield path


def _rules(dockerfile: Path) -> list[str]:
    """Returns the lines of the Dockerfile's own ignore file, in its order."""
    ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    lines = ignore.read_text().splitlines() if ignore.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _is_sent(path: PurePath, rules: list[str]) -> bool:
    """Tells whether a file is sent to the builder: the last rule that it meets decides."""
    above = [str(one) for one in (path, *path.parents)][:-1]
    sent = True
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        depth_free = rule.removeprefix("!").startswith("**/")
        names = [PurePath(one).name for one in above] if depth_free else above
        if any(fnmatch.fnmatchcase(one, pattern) for one in names):
            sent = rule.startswith("!")
    return sent


def _dockerfile(call: Call) -> Path:
    given = text(call.inputs, "dockerfile", "location")
    return (
        Path(given)
        if given
        else Path(text(call.inputs, "context", "location") or ".") / "Dockerfile"
    )
