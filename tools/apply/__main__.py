"""``make apply ENV=…``: brings environments and cells to what their files say, in waves of regions.

After each wave the regions that it reached, and the front door, must answer well for a while; else
nothing more is touched. Running it again goes on from there, since what is applied is no change any
more. Exit status 0: everything is applied and healthy; 1: it stopped; 2: nothing could be done.
"""

import json
import secrets
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from stacks.cloud_environment import CloudEnvironment
from tools.apply.health import Gate, UnhealthyError
from tools.apply.waves import Wave, steps_of, waves
from tools.deployed import Deployed, UnreachableError, deployed
from tools.preview import POLICIES
from tools.progress import say


class StoppedError(Exception):
    """An update stopped before it was whole; the message says where, why and how to go on."""


def apply(target: Deployed, *, gate: Gate, rules: Path = POLICIES) -> None:
    """Applies a stack.

    Args:
        target: the stack.
        gate: what has to be true after each wave.
        rules: policy pack that everything is held to.

    Raises:
        StoppedError: the preview or an update failed, or a region is not healthy after its wave.
        UnreachableError: the state can't be read.
    """
    name = target.stack.name
    started = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    planned = _planned(target, rules)
    if not planned:
        say(f"{name}: no resource changes; bringing the outputs up to date")
        if not _up(target, rules, f"outputs; apply {started}"):
            raise StoppedError(f"{name}: `pulumi up` failed, see above")
        return
    outputs = target.outputs()
    healthy: set[str] = set()
    if outputs:
        addresses, authority = _addresses(outputs, outputs["regions"])
        healthy = gate.answering(addresses, authority=authority)
    for number, wave in enumerate(planned):
        title = _title(planned, number)
        say(f"{name}: {title}")
        if not _up(target, rules, f"{title}; apply {started}", excluded=wave.later):
            raise StoppedError(_stopped(name, planned, number, "`pulumi up` failed, see above"))
        try:
            # A region that is still in the making, or was ill before, is asked once it is complete.
            unfinished = {one for later in planned[number + 1 :] for one in later.regions}
            reached = wave.regions or target.weights  # what is in no region may reach every one
            asked = [one for one in reached if one in healthy or one not in unfinished]
            addresses, authority = _addresses(target.outputs(), asked)
            say(f"{name}: waiting for {', '.join(addresses)} to answer")
            gate.wait(addresses, authority=authority)
        except UnhealthyError as error:
            raise StoppedError(_stopped(name, planned, number, str(error))) from None
    say(f"{name}: applied, and healthy")


def _up(
    target: Deployed, rules: Path, message: str, *, excluded: Collection[str] = frozenset()
) -> bool:
    """Updates the stack, all but what is excluded; returns whether that went well."""
    patterns = [word for urn in sorted(excluded) for word in ("--exclude", _pattern(urn))]
    # The engine has rules judge what is excluded too, as it was or, where it is new, as empty:
    # where they refuse, what mends every region could not even begin. The preview has judged the
    # whole, and the last wave, which excludes nothing, judges it again with every value known.
    judged = not excluded or _is_mended(target)
    ended = target.stack.run(
        *("up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message),
        *(("--policy-pack", str(rules)) if judged else ()),
        *patterns,
    )
    return ended.returncode == 0


def _is_mended(target: Deployed) -> bool:
    """Tells whether rules mend what is declared, and refuse nothing, as in small environments."""
    environment = target.environment
    return isinstance(environment, CloudEnvironment) and environment.size == "small"


def _planned(target: Deployed, rules: Path) -> Sequence[Wave]:
    preview = ("preview", "--policy-pack", str(rules))
    ended = target.stack.run(*preview, "--json", "--show-sames", capture=True)
    if ended.returncode != 0:
        # As JSON it does not say what a rule refuses.
        target.stack.run(*preview)
        raise StoppedError(
            f"{target.stack.name}: the preview failed, see above; nothing is touched"
        )
    printed = cast("list[Mapping[str, Any]]", json.loads(ended.stdout)["steps"] or [])
    steps = steps_of(printed, target.weights)
    if all(step.kept for step in steps):
        return []
    if not target.outputs():
        everything = frozenset(step.urn for step in steps)
        return [Wave(regions=tuple(target.weights), steps=everything, later=frozenset())]
    return waves(steps, weights=target.weights, primary=target.environment.primary_region)


def _addresses(
    outputs: Mapping[str, Any], regions: Collection[str]
) -> tuple[Mapping[str, str], Path | None]:
    """Returns where regions and the front door are asked, and who vouches for them.

    Raises:
        UnhealthyError: a region has no address.
    """
    known = cast("Mapping[str, Mapping[str, str]]", outputs["regions"])
    if unknown := [one for one in regions if one not in known]:
        raise UnhealthyError(f"the stack's outputs have no address of {', '.join(unknown)}")
    found = {one: known[one]["api_url"] for one in regions}
    authority = Path(outputs["ca_certificate"])
    addresses = {**found, "the front door": outputs["api_url"]}
    return addresses, authority if authority.is_absolute() else None


def _pattern(urn: str) -> str:
    """Returns what matches one URN alone, and is no URN.

    The engine refuses to exclude a resource that is not there yet when it looks at resources
    before it updates them, as it does on one machine, unless a pattern names it.
    """
    return urn.replace("urn:pulumi:", "urn:*:", 1)


def _title(planned: Sequence[Wave], number: int) -> str:
    regions = ", ".join(planned[number].regions) or "what is in no region"
    return f"wave {number + 1} of {len(planned)}: {regions}"


def _stopped(name: str, planned: Sequence[Wave], number: int, why: str) -> str:
    titles = [_title(planned, one) for one in range(len(planned))]
    applied = titles[:number] or ["nothing"]
    untouched = titles[number + 1 :] or ["nothing"]
    return "\n".join(
        [
            f"{name}: stopped at {titles[number]}",
            why,
            f"applied and healthy: {'; '.join(applied)}",
            f"not touched: {'; '.join(untouched)}",
            f"to go on once it is mended: make apply ENV={name}",
            f"to go back: git revert the change, then make apply ENV={name}",
        ]
    )


def main(names: Sequence[str]) -> int:
    """Applies stacks one after the other until one stops, and returns the exit code."""
    for name in names:
        try:
            apply(deployed(name), gate=Gate())
        except StoppedError as error:
            say(str(error))
            return 1
        except UnreachableError as error:
            say(f"cannot apply {name}: {error}")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
