"""What an environment on one machine says besides what every environment does: its ports."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.clouds.local.settings import LocalSettings
from stacks.environment import (
    SERVICES,
    Environment,
    RegionSpec,
    Versions,
    problem,
)


class LocalVersions(Versions, frozen=True):
    """Versions of what the packages bring."""

    postgresql: Literal["18"]
    valkey: Literal["9"]
    envoy: Literal["1.40"]


class LocalRegionSpec(RegionSpec, frozen=True):
    """A region of one machine."""

    name: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-?[0-9]+$")]


class LocalEnvironment(Environment, frozen=True):
    """An environment whose ``target`` is ``local``."""

    target: Literal["local"]
    versions: LocalVersions
    regions: Annotated[Sequence[LocalRegionSpec], Field(min_length=1)]
    local: LocalSettings

    @model_validator(mode="after")
    def _ports_agree(self) -> Self:
        names = [region.name for region in self.regions]
        if sorted(self.local.regions) != sorted(names):
            raise problem(
                "local.regions",
                f"has {', '.join(self.local.regions) or 'none'}; "
                f"it must have exactly the regions: {', '.join(names)}",
            )
        for name, region in self.local.regions.items():
            if sorted(region.services) != sorted(SERVICES):
                raise problem(
                    f"local.regions.{name}.services",
                    f"has {', '.join(region.services) or 'none'}; "
                    f"it must have exactly the services: {', '.join(SERVICES)}",
                )
        taken: dict[int, str] = {}
        for key, port in self.local.ports(self.services.replicas()):
            if port in taken:
                raise problem(key, f"port {port} is also taken by {taken[port]}")
            taken[port] = key
        return self
