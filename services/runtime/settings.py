"""Settings of a service: environment variables ``AIP_*``, and secrets from files.

Secrets are files (named like the field with its prefix, for example ``aip_database_password``) in
the folder ``AIP_SECRETS_DIR``, because environment variables show up in /proc and in logs.
"""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "AIP_"
SECRETS_FOLDER = "AIP_SECRETS_DIR"
_POLICIES = Path(__file__).resolve().parents[2] / "policies" / "access"

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class SettingsError(Exception):
    """Settings are missing or wrong; the message lists each variable or secret file."""


def _addresses(value: str) -> str:
    for address in value.split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            message = f"{address!r} is not host:port; write host:port, several comma-separated"
            raise ValueError(message)
    return value


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def load(cls) -> Self:
        """Reads the settings of this process.

        Raises:
            SettingsError: names every variable and secret file that is missing or wrong.
        """
        folder = os.environ.get(SECRETS_FOLDER)
        if folder is not None and not Path(folder).is_dir():
            message = f"{SECRETS_FOLDER}: {folder} is not a folder; it holds one file a secret"
            raise SettingsError(message)
        try:
            return cls(_secrets_dir=folder)  # pyright: ignore[reportCallIssue]
        except ValidationError as error:
            raise SettingsError(cls._explain(error, folder)) from None

    @classmethod
    def _explain(cls, error: ValidationError, folder: str | None) -> str:
        lines = [f"{len(error.errors())} setting(s) are missing or wrong:"]
        for problem in error.errors(include_url=False, include_input=False):
            name = str(problem["loc"][0]) if problem["loc"] else ""
            field = cls.model_fields.get(name)
            where = f"{PREFIX}{name.upper()}"
            if field is not None and "SecretStr" in str(field.annotation):
                secret = f"{PREFIX}{name}".lower()
                where = f"file {secret} in {folder or f'the folder {SECRETS_FOLDER} (not set)'}"
            what = "missing" if problem["type"] == "missing" else problem["msg"]
            meaning = f" ({field.description})" if field is not None and field.description else ""
            lines.append(f"  {where}: {what}{meaning}")
        return "\n".join(lines)


class PlatformSettings(_Settings):
    """What every process has, whichever PostgreSQL servers it uses."""

    service: str = Field(description="name of the service, for example security")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    database_tls: bool = Field(
        default=False,
        description="whether PostgreSQL is spoken to by TLS, its name and authority verified",
    )
    database_tls_ca_file: FilePath | None = Field(
        default=None, description="authorities of PostgreSQL, PEM; the system's when not set"
    )
    database_ca: str | None = Field(
        default=None, description="further authorities of PostgreSQL, the PEM itself"
    )


class ServerSettings(PlatformSettings):
    """Where a PostgreSQL server is."""

    database_host: str = Field(description="host of the primary PostgreSQL")
    database_port: Port = Field(description="port of the primary PostgreSQL")


class DatabaseSettings(ServerSettings):
    """Where a service's database is: all that migrating it needs, besides the owner's password."""

    region: str = Field(description="region this process runs in, or global")
    database_name: str = Field(description="the service's own database; its roles are named after")


class MigrationSettings(DatabaseSettings):
    """Settings of ``migrate``."""

    owner_database_password: SecretStr = Field(description="password of the role <name>_owner")


class ServiceSettings(DatabaseSettings):
    """Settings of every serving process; a service adds its own by subclassing."""

    version: str = Field(description="version that is deployed")
    replica_index: int = Field(default=0, ge=0, description="which replica of the service this is")

    listen_address: str = Field(default="127.0.0.1", description="address both ports listen on")
    grpc_port: Port = Field(description="port of the gRPC server; 0 takes a free one")
    metrics_port: Port = Field(description="port of /metrics and /healthz; 0 takes a free one")
    trust_domain: str = Field(description="SPIFFE trust domain of the platform")
    tls_certificate_file: FilePath = Field(description="this workload's certificate, PEM")
    tls_key_file: FilePath = Field(description="this workload's private key, PEM")
    tls_ca_file: FilePath = Field(description="the platform's certificate authority, PEM")

    replica_host: str = Field(description="host of the region's own PostgreSQL copy")
    replica_port: Port = Field(description="port of the region's own PostgreSQL copy")
    database_password: SecretStr = Field(description="password of the tenant-bound role")
    system_database_password: SecretStr = Field(description="password of the role <name>_system")
    database_pool_size: int = Field(default=4, ge=1, le=64, description="connections a role")

    cache_host: str = Field(description="host of the region's Valkey")
    cache_port: Port = Field(description="port of the region's Valkey")
    cache_username: str | None = Field(
        default=None, description="user of the region's Valkey; its default user when not set"
    )
    cache_password: SecretStr = Field(description="password of the region's Valkey")
    cache_tls: bool = Field(
        default=False,
        description="whether Valkey is spoken to by TLS, its name and authority verified",
    )
    cache_tls_ca_file: FilePath | None = Field(
        default=None, description="authorities of Valkey, PEM; the system's when not set"
    )
    cache_ca: str | None = Field(
        default=None, description="further authorities of Valkey, the PEM itself"
    )

    issuer: str = Field(description="iss of the platform's tokens, https://<trust domain>")
    security_addresses: Annotated[str, NoDecode, AfterValidator(_addresses)] = Field(
        description="host:port of the region's security replicas, comma-separated"
    )
    access_policies: Path = Field(default=_POLICIES, description="folder of the Cedar policies")

    max_message_bytes: int = Field(default=4 * 2**20, ge=1024)
    default_deadline_seconds: Seconds = Field(
        default=15, description="deadline of a unary call whose client set none"
    )
    drain_notice_seconds: Annotated[float, Field(ge=0)] = Field(
        default=0.5, description="how long health says NOT_SERVING before calls are refused"
    )
    drain_grace_seconds: Seconds = Field(
        default=10, description="how long calls in flight may take to end after that"
    )

    @property
    def security_endpoints(self) -> tuple[str, ...]:
        """Addresses of the security service's replicas, each ``host:port``."""
        return tuple(self.security_addresses.split(","))
