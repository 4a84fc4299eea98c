"""A stack as it is deployed, on this machine or on real clouds, for tools that look at it.

There is no simulation here: whoever wants to know what is, or to change it, is told why that cannot
be, and never something that looks like an answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import yaml

from stacks.environment import CONFIG_KEY, Environment, EnvironmentFileError
from stacks.environments import parse
from tools.credentials import missing, sources
from tools.paths import ROOT
from tools.preview import wanted_by
from tools.profiles import surroundings
from tools.stack import Stack


class UnreachableError(Exception):
    """A stack can't be looked at; the message says why, in a line a reason."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack that can be looked at.

    Attributes:
        stack: an environment's, or a cell's.
        of: the environment's stack; the same one unless it is a cell's.
        environment: what its file says.
    """

    stack: Stack
    of: Stack
    environment: Environment

    @property
    def weights(self) -> Mapping[str, int]:
        """The regions and their shares of the traffic, in the file's order."""
        return {one.name: one.weight for one in self.environment.regions}

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs of the environment's stack; none before it is up.

        Raises:
            UnreachableError: its state can't be read.
        """
        return cast("dict[str, Any]", json.loads(_read(self.of, "stack", "output", "--json")))

    def resources(self) -> int:
        """Returns how many resources the state has.

        Raises:
            UnreachableError: it can't be read.
        """
        state = json.loads(_read(self.stack, "stack", "export"))
        return len(state["deployment"].get("resources") or ())


def deployed(name: str) -> Deployed:
    """Finds a stack.

    Args:
        name: its name: an environment's, or a cell's.

    Raises:
        UnreachableError: there is no such environment, or no credentials for a cloud that it is on.
    """
    try:
        wanted = wanted_by(name)
    except EnvironmentFileError as error:
        raise UnreachableError(str(error)) from None
    lacking = missing(wanted.environment.clouds if wanted.environment else [])
    if lacking:
        raise UnreachableError(
            "; ".join(f"no credentials for {one} (looked for {sources(one)})" for one in lacking)
        )
    given = surroundings(wanted.name)
    stack, of = (Stack(name=one, surroundings=given) for one in (name, wanted.name))
    if wanted.environment is None:
        if not stack.exists():
            raise UnreachableError("there is no state: `make up` brings the platform up")
        stack.prepare()
    file = f"environments/Pulumi.{wanted.name}.yaml"
    said = yaml.safe_load((ROOT / file).read_text())["config"][CONFIG_KEY]
    return Deployed(stack=stack, of=of, environment=parse(said, file=file))


def _read(stack: Stack, *arguments: str) -> str:
    ended = stack.run(*arguments, capture=True)
    if ended.returncode != 0:
        raise UnreachableError(f"there is no state to be read: {ended.stderr.strip()}")
    return ended.stdout
