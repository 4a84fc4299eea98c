"""RandomPassword: made once, kept in the state."""

import secrets
import string
from typing import ClassVar

from pydantic import Field

from components.clouds.local.provider.framework import Inputs, Live, Resource
from components.clouds.local.provider.values import Properties

_ALPHABET = string.ascii_letters + string.digits


class RandomPasswordInputs(Inputs):
    """What a program says of a password."""

    length: int = Field(32, ge=16, le=256, description="a length of 16 to 256 characters")


class RandomPassword(Resource[RandomPasswordInputs]):
    """Letters and digits from the system's random source, 5.95 bits each."""

    inputs = RandomPasswordInputs
    outputs: ClassVar = ("value",)
    replace_on: ClassVar = frozenset({"length"})
    watched: ClassVar = False

    def identify(self, inputs: RandomPasswordInputs) -> str:
        """Returns a name that says nothing of the password."""
        return f"password-of-{inputs.length}"

    def apply(self, inputs: RandomPasswordInputs, old: Properties | None) -> Properties:
        """Makes a password, or keeps the one there is."""
        if old and "value" in old:
            return {"value": old["value"]}
        return {"value": "".join(secrets.choice(_ALPHABET) for _ in range(inputs.length))}

    def read(self, inputs: RandomPasswordInputs, recorded: Properties) -> Live | None:
        """Finds it as it was: it is nowhere but in the state."""
        del inputs
        return Live({"value": recorded["value"]})

    def delete(self, inputs: RandomPasswordInputs) -> None:
        """Leaves nothing to remove."""
        del inputs
