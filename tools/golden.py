"""``make golden``: writes down what each environment's preview creates, for reviewers to read.

A change of a component shows in a pull request as what it does to the environments. ``dev`` and
``staging`` are written whole, every property of every resource; of ``production``, whose regions
are made by the same code, the resources of each region are counted by type.
"""

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from components.clouds.local.provider.values import SIGNATURE, UNKNOWN_TEXT
from tools.paths import ROOT
from tools.progress import say
from tools.simulated import simulated
from tools.urn import kind_and_name

FOLDER = ROOT / "tests" / "golden"
WHOLE = ("dev", "staging")
COUNTED = ("production",)

_DIGEST = re.compile(r"\b[0-9a-f]{12,64}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_SUFFIX = re.compile(r"-[0-9a-f]{7,8}\b|(?<=[a-z0-9])[0-9a-f]{8}\b")
"""What Pulumi names something by, after its name: 7 or 8 digits, on Azure with no hyphen."""
_LONG = 400
"""Longer texts are shown by their length, as generated configuration says nothing to a reviewer."""


def steps_of(name: str) -> list[Mapping[str, Any]]:
    """Previews an environment from nothing and returns Pulumi's steps.

    Raises:
        SystemExit: the preview failed; it has printed why.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        simulated(name, folder=Path(folder)) as running,
    ):
        ended = running.stack.run("preview", "--json", capture=True)
        left = running.simulation.dangling()
    if ended.returncode != 0:
        raise SystemExit(f"the preview of {name} failed:\n{ended.stdout[-4000:]}{ended.stderr}")
    if left:
        raise SystemExit("\n".join([f"{name} declares what can't work:", *left]))
    return cast("list[Mapping[str, Any]]", json.loads(ended.stdout)["steps"])


def whole(steps: Sequence[Mapping[str, Any]]) -> str:
    """Returns every resource with its inputs, as YAML, sorted by type and name."""
    resources: dict[str, Any] = {}
    for step in steps:
        state = step["newState"]
        kind, name = kind_and_name(step["urn"])
        if kind.startswith(("pulumi:pulumi:", "ai-platform:")):
            continue
        resources[f"{kind} {name}"] = _shown(state.get("inputs", {}))
    return yaml.safe_dump(dict(sorted(resources.items())), width=100, allow_unicode=True)


def counted(steps: Sequence[Mapping[str, Any]], regions: Iterable[str]) -> str:
    """Returns how many resources of each type every region has; equal regions share a section."""
    by_region: dict[str, Counter[str]] = {name: Counter() for name in (*regions, "global")}
    for step in steps:
        kind, name = kind_and_name(step["urn"])
        if kind.startswith(("pulumi:pulumi:", "ai-platform:")):
            continue
        region = next((one for one in by_region if name.startswith(one)), "global")
        by_region[region][kind] += 1
    sections: dict[str, list[str]] = {}
    for region, kinds in by_region.items():
        lines = "".join(f"  {kind}: {count}\n" for kind, count in sorted(kinds.items()))
        sections.setdefault(f"{sum(kinds.values())} resources\n{lines}", []).append(region)
    return "".join(f"{', '.join(names)}: {body}" for body, names in sections.items())


def render(name: str) -> str:
    """Returns an environment's golden summary."""
    steps = steps_of(name)
    if name in WHOLE:
        return whole(steps)
    value = yaml.safe_load((ROOT / "environments" / f"Pulumi.{name}.yaml").read_text())
    regions = value["config"]["ai-platform:environment"]["regions"]
    return counted(steps, [f"{one['cloud']}-{one['location']}" for one in regions])


def _shown(value: Any) -> Any:
    """Returns a value without secrets, and without what changes with every run."""
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if SIGNATURE in found:
            return "<secret>"
        return {key: _shown(one) for key, one in sorted(found.items()) if key != "__defaults"}
    if isinstance(value, list):
        return [_shown(one) for one in cast("list[Any]", value)]
    if isinstance(value, str):
        if UNKNOWN_TEXT.search(value):
            return "<known after up>"
        if len(value) > _LONG:
            return f"<{len(value)} characters>"
        here = value.replace(str(ROOT), "<checkout>")
        masked = _DIGEST.sub("<digest>", _UUID.sub("<uuid>", here))
        return _SUFFIX.sub("-<suffix>", masked)
    return value


def main(names: Sequence[str]) -> None:
    """Writes the golden summaries of the environments."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or (*WHOLE, *COUNTED):
        say(f"previewing {name}")
        (FOLDER / f"{name}.yaml").write_text(render(name))


if __name__ == "__main__":
    main(sys.argv[1:])
