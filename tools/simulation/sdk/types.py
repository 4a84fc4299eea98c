"""What a resource type or function of an SDK takes and gives, as plain data.

Names are those of the wire (``cidrBlock``), not those of Python (``cidr_block``).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

Kind = Literal["str", "int", "float", "bool", "any", "asset", "list", "map", "union", "object"]


@dataclass(frozen=True, kw_only=True)
class Type:
    """A property's type.

    Attributes:
        items: of a list or map its one item type, of a union its choices.
        reference: of an object, ``<file below the package>:<class>``.
        values: what an enumeration allows; empty for any value of the kind.
    """

    kind: Kind
    items: tuple["Type", ...] = ()
    reference: str = ""
    values: tuple[str | int | float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property.

    Attributes:
        required: an input must be given; an output always has a value.
        default: what the SDK fills in; None for nothing.
        description: the SDK's own words on it, its first sentences.
    """

    name: str
    type: Type
    required: bool
    default: str | int | float | bool | None = None
    description: str = ""


Properties = dict[str, Property]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A resource type, or a function (whose outputs are its result).

    Attributes:
        token: ``aws:ec2/vpc:Vpc``.
        secrets: outputs that the SDK marks secret.
        identity: the first form of an id that the SDK's import section shows, or "".
    """

    token: str
    inputs: Properties
    outputs: Properties
    secrets: tuple[str, ...] = ()
    identity: str = ""


def dump_type(one: Type) -> dict[str, Any]:
    """Returns a type as JSON."""
    return asdict(one)


def load_type(stored: dict[str, Any]) -> Type:
    """Returns the type that `dump_type` stored."""
    return Type(
        kind=cast("Kind", stored["kind"]),
        items=tuple(load_type(item) for item in stored["items"]),
        reference=stored["reference"],
        values=tuple(stored["values"]),
    )


def dump_properties(properties: Properties) -> list[dict[str, Any]]:
    """Returns properties as JSON."""
    return [asdict(one) for one in properties.values()]


def load_properties(stored: list[dict[str, Any]]) -> Properties:
    """Returns the properties that `dump_properties` stored."""
    found: Properties = {}
    for one in stored:
        rest = {key: value for key, value in one.items() if key != "type"}
        found[one["name"]] = Property(type=load_type(one["type"]), **rest)
    return found


def dump_definition(definition: Definition) -> dict[str, Any]:
    """Returns a definition as JSON."""
    return {
        "token": definition.token,
        "inputs": dump_properties(definition.inputs),
        "outputs": dump_properties(definition.outputs),
        "secrets": list(definition.secrets),
        "identity": definition.identity,
    }


def load_definition(stored: dict[str, Any]) -> Definition:
    """Returns the definition that `dump_definition` stored."""
    return Definition(
        token=stored["token"],
        inputs=load_properties(stored["inputs"]),
        outputs=load_properties(stored["outputs"]),
        secrets=tuple(stored["secrets"]),
        identity=stored["identity"],
    )
