"""The random provider, for real; only a password's bcrypt hash is left empty."""

import base64
import random
import secrets
import string
import uuid
from collections.abc import Callable

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.behaviour import Behaviour, Call, text, texts
from tools.simulation.errors import CloudError

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_SECRET_ID = "none"  # noqa: S105 - what the real provider puts in place of a password
_WORDS = ("able", "bold", "calm", "deep", "fair", "keen", "neat", "pure", "tidy", "warm")
_ANIMALS = ("crane", "finch", "heron", "lemur", "otter", "panda", "raven", "shrew", "tapir")


def _number(inputs: Properties, name: str, default: int = 0) -> int:
    value = inputs.get(name)
    return value if isinstance(value, int) else default


def _string(inputs: Properties) -> str:
    classes = {
        "Lower": (string.ascii_lowercase, inputs.get("lower") is not False),
        "Upper": (string.ascii_uppercase, inputs.get("upper") is not False),
        "Numeric": (string.digits, inputs.get("numeric", inputs.get("number")) is not False),
        "Special": (
            text(inputs, "overrideSpecial") or _SPECIAL,
            inputs.get("special") is not False,
        ),
    }
    made: list[str] = []
    for name, (characters, _) in classes.items():
        made += [secrets.choice(characters) for _ in range(_number(inputs, f"min{name}"))]
    every = "".join(characters for characters, wanted in classes.values() if wanted)
    length = _number(inputs, "length")
    if not every or len(made) > length:
        raise CloudError(
            f"length is {length}: the minimum counts add up to {len(made)}, and "
            f"{'some' if every else 'no'} kind of character is allowed"
        )
    made += [secrets.choice(every) for _ in range(length - len(made))]
    secrets.SystemRandom().shuffle(made)
    return "".join(made)


def _bytes(inputs: Properties) -> Properties:
    made = secrets.token_bytes(_number(inputs, "length"))
    return {"base64": base64.b64encode(made).decode(), "hex": made.hex()}


def _id(inputs: Properties) -> Properties:
    made = secrets.token_bytes(_number(inputs, "byteLength"))
    prefix = text(inputs, "prefix")
    url = base64.urlsafe_b64encode(made).decode().rstrip("=")
    return {
        "id": url,
        "hex": prefix + made.hex(),
        "dec": prefix + str(int.from_bytes(made, "big")),
        "b64Std": prefix + base64.b64encode(made).decode(),
        "b64Url": prefix + url,
    }


def _integer(inputs: Properties) -> Properties:
    low, high = _number(inputs, "min"), _number(inputs, "max")
    if low > high:
        raise CloudError(f"the minimum value, {low}, must be at most the maximum, {high}")
    seed = text(inputs, "seed")
    source = random.Random(seed) if seed else secrets.SystemRandom()  # noqa: S311 - as asked for
    return {"result": source.randint(low, high)}


def _shuffle(inputs: Properties) -> Properties:
    items = texts(inputs, "inputs")
    seed = text(inputs, "seed")
    source = random.Random(seed) if seed else secrets.SystemRandom()  # noqa: S311 - as asked for
    source.shuffle(items)
    results: list[Value] = [*items[: _number(inputs, "resultCount", len(items))]]
    return {"results": results}


def _pet(inputs: Properties) -> Properties:
    words = [secrets.choice(_WORDS) for _ in range(_number(inputs, "length", 2) - 1)]
    parts = [part for part in (text(inputs, "prefix"), *words, secrets.choice(_ANIMALS)) if part]
    return {"id": (text(inputs, "separator") or "-").join(parts)}


_MAKERS: dict[str, Callable[[Properties], Properties]] = {
    "RandomPassword": lambda inputs: {"id": _SECRET_ID, "result": _string(inputs)},
    "RandomString": lambda inputs: {"result": _string(inputs)},
    "RandomBytes": _bytes,
    "RandomId": _id,
    "RandomInteger": _integer,
    "RandomPet": _pet,
    "RandomShuffle": _shuffle,
    "RandomUuid": lambda _: {"result": str(uuid.uuid4())},
    "RandomUuid4": lambda _: {"result": str(uuid.uuid4())},
    "RandomUuid7": lambda _: {"result": str(uuid.uuid4())},
}


class RandomValues(Behaviour):
    """Random values, kept by whoever asked and nowhere else."""

    provider = "random"
    stateless = True

    def replacing(self, token: str) -> frozenset[str]:
        """Any other input asks for another value."""
        return frozenset(self.sdk.find(token).inputs)

    def make(self, call: Call) -> tuple[str, Properties]:
        """Returns a fresh value and the id that goes with it."""
        made = _MAKERS[call.token.rpartition(":")[2]](call.inputs)
        identity = made.pop("id", None) or made.get("result") or secrets.token_hex(8)
        flags = ("lower", "upper", "numeric", "number", "special")
        defaults: Properties = {
            name: True
            for name in flags
            if name in self.sdk.find(call.token).outputs and name not in call.inputs
        }
        return str(identity), defaults | made
