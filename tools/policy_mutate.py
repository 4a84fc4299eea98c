"""``make policy-mutate``: is every property that a rule asserts watched, in all that we make?

Previews an environment on simulated clouds, gives every asserted property of every resource a
wrong value, takes away whatever must be beside something, and prints what no rule found.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from google.protobuf import json_format, struct_pb2

from components.clouds.local.provider.values import from_struct
from policies.infrastructure.mutation import mutate
from policies.infrastructure.stack_rule import Resource
from policies.infrastructure.stack_size import size_of
from tools.golden import steps_of
from tools.paths import ROOT
from tools.progress import say


def resources_of(steps: list[Mapping[str, Any]]) -> Iterator[Resource]:
    """Yields the resources of a preview's steps, as the rules see them."""
    for step in steps:
        state = step["newState"]
        inputs = json_format.ParseDict(state.get("inputs", {}), struct_pb2.Struct())
        yield Resource(
            urn=state["urn"],
            kind=state["type"],
            provider=state.get("provider", "").rpartition("::")[0],
            properties=from_struct(inputs),
            needs={
                key: frozenset(urns or ())
                for key, urns in state.get("propertyDependencies", {}).items()
            },
        )


def main(environment: str) -> int:
    """Prints the survivors and returns 1 if there are any."""
    file = ROOT / "environments" / f"Pulumi.{environment}.yaml"
    config = yaml.safe_load(file.read_text())["config"]
    size = size_of({key: json.dumps(value) for key, value in config.items()})
    say(f"previewing {environment}")
    found = mutate(resources_of(steps_of(environment)), size)
    for survivor in found.survivors:
        sys.stdout.write(f"survived: {survivor}\n")
    say(f"{found.tried} mutants, {len(found.survivors)} survived")
    return 1 if found.survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "staging"))
