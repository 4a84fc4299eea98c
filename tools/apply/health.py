"""Whether regions answer: what has to be true before an update goes on to the next ones."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from components.clouds.envoy import HEALTH_PATH


class UnhealthyError(Exception):
    """An address did not answer well for long enough; the message says which and what it said."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How sure one wants to be.

    Attributes:
        rounds: how many times in a row every address must answer well.
        pause: seconds between rounds.
        patience: seconds within which that must come true; DNS has to follow a change as well.
        timeout: seconds that an answer may take.
    """

    rounds: int = 5
    pause: float = 3.0
    patience: float = 600.0
    timeout: float = 5.0

    def answering(self, addresses: Mapping[str, str], *, authority: Path | None = None) -> set[str]:
        """Returns which addresses answer well just now."""
        trusted = ssl.create_default_context(cafile=authority)
        with httpx.Client(verify=trusted, timeout=self.timeout) as client:
            return {name for name, url in addresses.items() if not _complaint(client, url)}

    def wait(self, addresses: Mapping[str, str], *, authority: Path | None = None) -> None:
        """Returns once every address has answered well, several times in a row.

        Args:
            addresses: base URLs by what they are the address of.
            authority: certificate of who vouches for them, where no public authority does.

        Raises:
            UnhealthyError: they did not.
        """
        trusted = ssl.create_default_context(cafile=authority)
        deadline = time.monotonic() + self.patience
        good = 0
        with httpx.Client(verify=trusted, timeout=self.timeout) as client:
            while True:
                wrong = [
                    f"{name}: {url}{HEALTH_PATH} {said}"
                    for name, url in addresses.items()
                    if (said := _complaint(client, url))
                ]
                good = 0 if wrong else good + 1
                if good >= self.rounds:
                    return
                if time.monotonic() + self.pause > deadline:
                    break
                time.sleep(self.pause)
        wanted = f"{self.rounds} good answers in a row are wanted within {self.patience:.0f} s"
        lines = wrong or [f"{good} good answers in a row only"]
        raise UnhealthyError("\n".join([*lines, wanted]))


def _complaint(client: httpx.Client, url: str) -> str:
    """Returns what is wrong with an address's answer; empty for nothing."""
    try:
        answer = client.get(f"{url}{HEALTH_PATH}")
    except httpx.HTTPError as error:
        return f"does not answer: {error or type(error).__name__}"
    return "" if answer.is_success else f"answers {answer.status_code}"
