"""Under whose law data is in a location, and where a tenant's data may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import yaml

from components.clouds.local.provider.values import Properties, Unknown, Value
from components.clouds.locations import LOCATIONS
from policies.infrastructure.paths import value_at
from policies.infrastructure.stack_size import ROOT
from stacks.tenants import FOLDER, Tenant

_LAWS = {one.name: one.jurisdiction for one in LOCATIONS}


def law_of(location: str) -> str | None:
    """Returns the jurisdiction that a cloud's location is in: ``eu`` or a country.

    None where no cloud has a location of that name with three zones.
    """
    return _LAWS.get(location.lower())


@cache
def residencies() -> Mapping[str, Sequence[str]]:
    """Returns the jurisdictions that each dedicated tenant's data may be in, by tenant."""
    files = sorted((ROOT / FOLDER).glob("*.yaml"))
    tenants = [Tenant.model_validate(yaml.safe_load(one.read_text())) for one in files]
    return {one.tenant: one.residency for one in tenants}


@dataclass(frozen=True)
class Resides:
    """The resource is where the data of its tenant may be, as the tenant's file says.

    Attributes:
        tenant: path of the tenant's name.
        place: path of the location.
    """

    tenant: str
    place: str

    def judge(self, value: Value) -> bool | None:
        """Looks the tenant and the location up; a tenant with no file may be nowhere."""
        tenant, place = value_at(value, self.tenant), value_at(value, self.place)
        if isinstance(tenant, Unknown) or isinstance(place, Unknown):
            return None
        law = law_of(place) if isinstance(place, str) else None
        return law in residencies().get(str(tenant), ())

    @property
    def words(self) -> str:
        """What the resource must be."""
        return f"be where `residency` of the tenant's file allows ({self.tenant}, {self.place})"

    @property
    def wrong(self) -> Properties:
        """A place that is nowhere."""
        return {self.place: "nowhere"}
