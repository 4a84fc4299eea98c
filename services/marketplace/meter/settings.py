"""Settings of the usage meter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from services.runtime.settings import DatabaseSettings, Port


class MeterSettings(DatabaseSettings):
    """Settings of `python -m services.marketplace.meter`, from `AIP_*` and the secrets folder."""

    listen_address: str = Field(default="127.0.0.1", description="address of the metrics port")
    metrics_port: Port = Field(description="port of /metrics and /healthz; 0 takes a free one")
    system_database_password: SecretStr = Field(description="password of the role <name>_system")
    call_log: Path = Field(description="the file that the region's gateway logs calls to")
    call_log_rotate_bytes: int = Field(
        default=64 * 2**20, ge=4096, description="a call log larger than this is put aside"
    )
    gateway: str | None = Field(
        default=None, min_length=1, description="name of the gateway, where a region has several"
    )
    drain_seconds: Annotated[float, Field(ge=0)] = Field(
        default=0,
        description="how long, when told to stop, it goes on recording what is in the log; for "
        "where the log is lost with the gateway",
    )
    gateway_admin_address: str = Field(default="127.0.0.1", description="host of the admin port")
    gateway_admin_port: Port = Field(description="admin port of the region's gateway")

    @property
    def log_name(self) -> str:
        """What the position in the log is kept under: two logs never share one."""
        return self.region if self.gateway is None else f"{self.region}/{self.gateway}"
