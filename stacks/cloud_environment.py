"""What an environment on AWS, Google Cloud and Azure says besides what every environment does.

A region file needs no more than a cloud and a location. What is left out is filled in here, before
anything is checked, so that whoever reads an ``Environment`` finds every value there.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from components.clouds.locations import (
    EVERY_REGION,
    NO_REGION,
    CloudName,
    Location,
    LocationError,
    find,
)
from stacks.environment import (
    SERVICES,
    Domain,
    Environment,
    Model,
    RegionSpec,
    Versions,
    problem,
    repeated,
)

Size = Literal["small", "medium", "large"]

Regime = Literal[
    "appi",  # Japan
    "dpdp",  # India
    "fadp",  # Switzerland
    "gdpr",
    "hipaa",
    "iso27001",
    "lgpd",  # Brazil
    "pci-dss",
    "pdpa",  # Singapore
    "pipeda",  # Canada
    "popia",  # South Africa
    "privacy-act",  # Australia
    "soc2",
    "sox",
    "uk-gdpr",
]

_LAW_OF: Mapping[str, Regime] = {
    "au": "privacy-act",
    "br": "lgpd",
    "ca": "pipeda",
    "ch": "fadp",
    "eu": "gdpr",
    "gb": "uk-gdpr",
    "in": "dpdp",
    "jp": "appi",
    "sg": "pdpa",
    "za": "popia",
}
"""The law on personal data that a jurisdiction's regions are always under."""

_OLDEST_OVER_CLOUDS = 17
"""Major version of PostgreSQL; see docs/decisions/0007-data-between-clouds.md."""

_REPLICAS: Mapping[Size, int] = {"small": 1, "medium": 2, "large": 3}

_ACCOUNTS: Mapping[CloudName, tuple[str, str]] = {
    "aws": (r"^\d{12}$", "an AWS account id: 12 digits, in quotes"),
    "gcp": (r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", "a Google Cloud project id"),
    "azure": (r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "an Azure subscription id: a UUID"),
}


def _network(value: str) -> str:
    network = IPv4Network(value)
    if network.prefixlen != 16 or not network.subnet_of(EVERY_REGION) or network in NO_REGION:
        taken = " and ".join(str(one) for one in NO_REGION)
        raise ValueError(f"must be a /16 of {EVERY_REGION} other than {taken}, as 10.200.0.0/16")
    return value


class CloudVersions(Versions, frozen=True):
    """Versions of what the clouds run for us, the newest that all three offer."""

    postgresql: Literal["15", "16", "17", "18"] = "17"
    valkey: Literal["8"] = "8"
    kubernetes: Annotated[str, Field(pattern=r"^1\.\d\d$")] = "1.34"


class Accounts(Model, frozen=True):
    """The account the environment owns on each cloud; nothing is touched in any other."""

    aws: Annotated[str, Field(pattern=_ACCOUNTS["aws"][0])] | None = None
    gcp: Annotated[str, Field(pattern=_ACCOUNTS["gcp"][0])] | None = None
    azure: Annotated[str, Field(pattern=_ACCOUNTS["azure"][0])] | None = None

    def of(self, cloud: CloudName) -> str | None:
        """Returns the account on a cloud, None where the environment has none."""
        return {"aws": self.aws, "gcp": self.gcp, "azure": self.azure}[cloud]


class CloudRegionSpec(RegionSpec, frozen=True):
    """A region on a cloud.

    Attributes:
        cidr: its addresses where the location's own (``10.<number>.0.0/16``) are taken.
        compliance: regimes besides the law of its jurisdiction.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}[a-z0-9]$")]
    cloud: CloudName
    location: str
    cidr: Annotated[str, AfterValidator(_network)] | None = None
    compliance: Sequence[Regime] = ()

    @field_validator("location")
    @classmethod
    def _exists(cls, value: str, info: ValidationInfo) -> str:
        if "cloud" in info.data:
            try:
                find(info.data["cloud"], value)
            except LocationError as error:
                raise problem("", str(error)) from None
        return value

    @property
    def place(self) -> Location:
        """The location, from the catalogue."""
        return find(self.cloud, self.location)

    @property
    def addresses(self) -> IPv4Network:
        """The region's addresses."""
        return IPv4Network(self.cidr) if self.cidr else self.place.cidr

    @property
    def regimes(self) -> list[str]:
        """Every regime the region's data is under, sorted."""
        law = _LAW_OF.get(self.place.jurisdiction)
        return sorted({*self.compliance, *([law] if law else [])})


class CloudEnvironment(Environment, frozen=True):
    """An environment whose ``target`` is ``clouds``.

    Attributes:
        size: how much it is given; ``large`` also protects what holds data from deletion.
        domain: DNS zone of the environment; clients call ``api.<domain>``.
        contact: e-mail address that the certificate authority may write to.
    """

    target: Literal["clouds"]
    size: Size
    domain: Domain
    contact: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
    accounts: Accounts
    versions: CloudVersions
    regions: Annotated[Sequence[CloudRegionSpec], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        filled = {"trust_domain": given.get("domain"), **given}
        replicas = _REPLICAS.get(given.get("size", "small"), 1)
        services: Any = given.get("services", {})
        if isinstance(services, dict):
            default = {name: {"replicas": replicas} for name in SERVICES}
            filled["services"] = default | cast("dict[str, Any]", services)
        regions: Any = given.get("regions")
        if isinstance(regions, list):
            filled["regions"] = _share([_named(one) for one in cast("list[Any]", regions)])
        return filled

    @model_validator(mode="after")
    def _places_differ(self) -> Self:
        for place in repeated(f"{one.cloud} {one.location}" for one in self.regions):
            raise problem("regions", f"two regions are in {place}; one cloud location, one region")
        for index, region in enumerate(self.regions):
            for other in self.regions[:index]:
                if region.addresses.overlaps(other.addresses):
                    raise problem(
                        f"regions.{index}.cidr",
                        f"{region.addresses} overlaps {other.addresses} of {other.name}; "
                        "choose another /16",
                    )
        return self

    @model_validator(mode="after")
    def _accounts_fit(self) -> Self:
        for cloud in self.clouds:
            if self.accounts.of(cloud) is None:
                right = _ACCOUNTS[cloud][1]
                raise problem(
                    f"accounts.{cloud}", f"is missing, and there are regions on {cloud}; {right}"
                )
        for cloud in get_args(CloudName):
            if self.accounts.of(cloud) is not None and cloud not in self.clouds:
                raise problem(f"accounts.{cloud}", f"no region is on {cloud}; leave the key out")
        if len(self.clouds) > 1 and "aws" not in self.clouds:
            raise problem(
                "regions",
                "an environment over several clouds has its DNS in Route 53, whose roles the "
                "clusters of every cloud can take; add a region on aws or use one cloud",
            )
        return self

    @model_validator(mode="after")
    def _data_can_follow(self) -> Self:
        if len(self.clouds) > 1 and int(self.versions.postgresql) < _OLDEST_OVER_CLOUDS:
            raise problem(
                "versions.postgresql",
                f"is {self.versions.postgresql}; over several clouds data follows by logical "
                f"replication, which needs {_OLDEST_OVER_CLOUDS} or later here",
            )
        return self

    @property
    def clouds(self) -> list[CloudName]:
        """The clouds with a region, in the file's order."""
        return list(dict.fromkeys(region.cloud for region in self.regions))

    @property
    def protect(self) -> bool:
        """Whether what holds data refuses to be deleted."""
        return self.size == "large"


def _named(region: Any) -> Any:
    if not isinstance(region, dict):
        return region
    given = cast("dict[str, Any]", region)
    if "cloud" in given and "location" in given:
        return {"name": f"{given['cloud']}-{given['location']}", **given}
    return given


def _share(regions: list[Any]) -> list[Any]:
    """Shares what is left of 100% evenly among the regions without a weight, the first get more."""
    whole = [cast("dict[str, Any]", one) for one in regions if isinstance(one, dict)]
    weights = [one["weight"] for one in whole if "weight" in one]
    rest = len(whole) - len(weights)
    taken = sum(one for one in weights if isinstance(one, int))
    if len(whole) < len(regions) or not rest or taken > 100:
        return regions  # the checks that follow say what is wrong
    each, more = divmod(100 - taken, rest)
    shares = iter([each + 1] * more + [each] * (rest - more))
    return [one if "weight" in one else {**one, "weight": next(shares)} for one in whole]
