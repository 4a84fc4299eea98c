"""What the environment file says under ``local:``: the ports of one machine.

Kept apart from the target itself so that reading an environment file imports no Pulumi code.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1024, le=65535)]

PORTS_PER_REPLICA = 2
"""A replica listens for gRPC on an even offset and serves its metrics on the next port."""


class LocalGlobal(BaseModel):
    """Ports of what belongs to no region."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    supervisor: Port
    director: Port
    director_admin: Port
    examples: Port


class LocalRegion(BaseModel):
    """Ports of one region; ``services`` holds the first port of each service."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    supervisor: Port
    gateway: Port
    gateway_admin: Port
    meter: Port
    database: Port
    cache: Port
    services: dict[str, Port]


class LocalSettings(BaseModel):
    """Every port the platform listens on, all on 127.0.0.1."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=True,
    )

    global_: LocalGlobal = Field(alias="global")
    regions: dict[str, LocalRegion]

    def ports(self, replicas: dict[str, int]) -> Iterator[tuple[str, int]]:
        """Yields every port with the key that sets it.

        Args:
            replicas: replicas of each service.
        """
        for key, port in self.global_:
            yield f"local.global.{key}", port
        for name, region in self.regions.items():
            for key, value in region:
                if key != "services":
                    yield f"local.regions.{name}.{key}", value
            for service, first in region.services.items():
                for offset in range(PORTS_PER_REPLICA * replicas.get(service, 0)):
                    yield f"local.regions.{name}.services.{service}", first + offset


def grpc_port(first: int, replica: int) -> int:
    """Returns the gRPC port of a replica, counted from 0."""
    return first + PORTS_PER_REPLICA * replica


def metrics_port(first: int, replica: int) -> int:
    """Returns the metrics port of a replica, counted from 0."""
    return first + PORTS_PER_REPLICA * replica + 1


def default_home(root: Path) -> Path:
    """Returns the folder a checkout keeps its running platform in."""
    return root / ".platform"


def home(root: Path) -> Path:
    """Returns the folder that holds what runs: ``AI_PLATFORM_HOME``, else the checkout's own."""
    return Path(os.environ.get("AI_PLATFORM_HOME") or default_home(root)).resolve()
