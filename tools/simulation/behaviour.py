"""What one provider does when the engine calls: the same steps for each, rules of their own.

``provider.py`` speaks the protocol and keeps the cloud; a behaviour says what the cloud of one
provider takes, refuses, and answers.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, cast

from components.clouds.local.provider.values import Properties, Unknown, Value
from tools.simulation import accounts
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.differences import Difference
from tools.simulation.errors import CloudError
from tools.simulation.sdk import types
from tools.simulation.sdk.catalogue import Catalogue, catalogue
from tools.simulation.sdk.check import Mistake

DEFAULTS = "__defaults"
"""Input that lists which others were filled in rather than declared, as the real bridge keeps."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A configured provider.

    Attributes:
        account: AWS account, GCP project or Azure subscription.
        region: AWS or GCP region, Azure location; "" for none.
        configuration: its arguments, those unknown in a preview left out.
    """

    account: str = ""
    region: str = ""
    configuration: Properties = field(default_factory=dict[str, Value])


@dataclass(frozen=True, kw_only=True)
class Call:
    """A create, update or delete that is under way.

    Attributes:
        id: the resource's, "" until a create has chosen one.
        name: in the program.
        inputs: as declared now.
        old: what is there before an update or a delete.
    """

    session: Session
    token: str
    urn: str
    name: str
    id: str
    place: str
    inputs: Properties
    old: Resource | None = None


class Behaviour:
    """One provider. Instances serve many threads and keep nothing but the cloud."""

    provider: ClassVar[str]
    stateless: ClassVar[bool] = False
    """Whether resources are only values, which the stack's state keeps and no cloud does."""
    made_outputs: ClassVar[tuple[str, ...]] = ()
    """Outputs of such a value that an update makes anew."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        """Sets where the simulation is."""
        self.folder = folder
        self.cloud = cloud

    @property
    def sdk(self) -> Catalogue:
        """The provider's SDK, opened when first needed."""
        return catalogue(self.provider)

    @property
    def accounts(self) -> accounts.Accounts:
        """Who calls."""
        return accounts.load(self.folder)

    def require_credentials(self, message: str) -> None:
        """Refuses a caller that has no credentials for this provider.

        Raises:
            CloudError: the message.
        """
        if self.provider in self.accounts.without_credentials:
            raise CloudError(message)

    def configure(self, configuration: Properties) -> Session:
        """Returns the session of a provider's configuration.

        Raises:
            CloudError: the cloud does not let the caller in.
        """
        return Session(configuration=configuration)

    def complete(self, call: Call, seed: str, old: Properties) -> Iterator[tuple[str, Value]]:
        """Yields inputs the program left out and the provider fills in, such as a name."""
        del call, seed, old
        yield from ()

    def mistakes(self, call: Call) -> Iterator[Mistake]:
        """Yields what can be known to be wrong without looking at the cloud."""
        del call
        yield from ()

    def replacing(self, token: str) -> frozenset[str]:
        """Returns the inputs that can only change by making the resource anew."""
        del token
        return frozenset()

    def changes(self, token: str, difference: Difference, old: Properties, new: Properties) -> bool:
        """Tells whether a difference means something to the cloud."""
        del token, difference, old, new
        return True

    def outdated(self, call: Call, recorded: Properties) -> Iterator[Difference]:
        """Yields what calls for an update though no input has changed."""
        del call, recorded
        yield from ()

    def deletes_first(self, token: str, inputs: Properties) -> bool:
        """Tells whether a replacement can only come after its predecessor has gone."""
        del token, inputs
        return False

    def place(self, session: Session, token: str, inputs: Properties) -> str:
        """Returns where the resource's id is unique."""
        del token, inputs
        return session.account

    def identify(self, call: Call) -> str:
        """Returns the id of a new resource."""
        return call.name

    def make(self, call: Call) -> tuple[str, Properties]:
        """Returns id and outputs of a resource that is only a value.

        Raises:
            CloudError: the inputs can't be made into one.
        """
        return self.identify(call), {}

    def admit(self, call: Call) -> None:
        """Refuses a create or an update that the cloud would refuse.

        Raises:
            CloudError: in the cloud's words.
        """

    def perform(self, call: Call) -> Properties:
        """Runs what a program has a cloud run, before the resource is made or changed.

        Other processes change the cloud meanwhile, so that it is outside of any transaction.

        Returns:
            Outputs of the run.

        Raises:
            CloudError: it failed.
        """
        del call
        return {}

    def location(self, session: Session, properties: Properties) -> str:
        """Returns the region that a resource is in; "" for none."""
        return text(properties, "region") or text(properties, "location") or session.region

    def reach(self, session: Session, properties: Properties) -> None:
        """Fails where the resource's region is lost.

        Raises:
            CloudError: it does not answer.
        """
        lost = self.accounts.lost_regions
        if lost and (where := self.location(session, properties)) in lost:
            raise CloudError(f"dial tcp: lookup of the endpoint in {where}: no such host")

    def release(self, call: Call) -> None:
        """Refuses a delete that the cloud would refuse.

        Raises:
            CloudError: in the cloud's words.
        """

    def duplicate(self, call: Call) -> CloudError:
        """Returns what the cloud says of a second resource with the same id."""
        return CloudError(f"{call.id} already exists")

    def known(self, call: Call) -> Properties:
        """Returns outputs that a preview knows already."""
        del call
        return {}

    def computed(self, call: Call) -> Properties:
        """Returns the outputs that this type of resource gets from its table."""
        del call
        return {}

    def generate(self, call: Call, path: str, kind: types.Type) -> Value:
        """Returns the value of an output by its name; None to leave it to its type."""
        del call, path, kind
        return None

    def after(self, call: Call) -> None:
        """Does what else happens in the cloud once a resource is there, changed or gone."""

    def settle(self, call: Call, properties: Properties) -> None:
        """Changes outputs in place that are not simply what is declared."""
        del call, properties

    def invoke(self, session: Session, token: str, arguments: Properties) -> Properties:
        """Answers a function.

        Raises:
            CloudError: the cloud refuses, or this function is not simulated.
        """
        del session, arguments
        raise CloudError(f"the simulated cloud does not answer {token}")


def digest(*parts: str) -> str:
    """Returns 64 hexadecimal digits that are always the same for the same parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def uuid(*parts: str) -> str:
    """Returns a UUID that is always the same for the same parts."""
    made = digest(*parts)
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-a{made[17:20]}-{made[20:32]}"


def text(properties: Properties, *path: str) -> str:
    """Returns the string at a path, "" when there is none or it is not known yet."""
    value = cast("Value", properties)
    for part in path:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return ""
        value = value.get(part)
    return value if isinstance(value, str) else ""


def texts(properties: Properties, name: str) -> list[str]:
    """Returns the strings of a list."""
    value = properties.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def is_known(value: Value) -> bool:
    """Tells whether a value is there and known."""
    return value is not None and not isinstance(value, Unknown)


def _as_strings(kind: types.Type, value: Value) -> Value:
    """Returns a list of strings as such: a stack's configuration writes digits as numbers."""
    if kind.kind == "list" and kind.items[0].kind == "str" and isinstance(value, list):
        return [str(item) for item in value]
    return value


def decoded(configuration: Properties, declared: types.Properties) -> Properties:
    """Returns a provider's arguments with those turned back that the SDK sends as JSON."""
    found: Properties = {}
    for name, value in configuration.items():
        one = declared.get(name)
        if isinstance(value, Unknown):
            continue
        if one is not None and one.type.kind != "str" and isinstance(value, str):
            try:
                found[name] = _as_strings(one.type, json.loads(value))
            except json.JSONDecodeError:
                found[name] = value
        else:
            found[name] = value
    return found
