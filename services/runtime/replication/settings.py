"""Settings of replication: every cloud's leader, and which of them is the primary."""

import re
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from services.runtime.settings import MigrationSettings, PlatformSettings

_LEADER = re.compile(
    r"(?P<cloud>[a-z][a-z0-9]{0,9})=(?P<administrator>[^@=,\s]+)@(?P<host>[^@=,\s]+):(?P<port>\d+)"
)


@dataclass(frozen=True)
class Address:
    """Where a cloud's leader is and who administers it."""

    cloud: str
    administrator: str
    host: str
    port: int


def _parse(value: object) -> object:
    if not isinstance(value, str):
        return value
    addresses: dict[str, Address] = {}
    for part in value.split(","):
        match = _LEADER.fullmatch(part.strip())
        if match is None or match["cloud"] in addresses:
            message = (
                f"{part!r} is not <cloud>=<administrator>@<host>:<port>, each cloud once; "
                "write for example aws=postgres@db.example:5432,gcp=postgres@10.0.0.2:5432"
            )
            raise ValueError(message)
        addresses[match["cloud"]] = Address(
            match["cloud"], match["administrator"], match["host"], int(match["port"])
        )
    return addresses


def _quoted(value: str) -> str:
    """Returns a value as libpq's connection strings want it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


class ReplicationSettings(PlatformSettings):
    """Settings of this program."""

    database_name: str | None = Field(
        default=None,
        pattern=r"^[a-z_][a-z0-9_]{0,30}$",
        description="name of the service's database; the service's when not set",
    )
    leaders: Annotated[dict[str, Address], NoDecode, BeforeValidator(_parse)] = Field(
        description="<cloud>=<administrator>@<host>:<port> of every cloud's leader"
    )
    primary: str = Field(description="cloud whose leader takes writes")
    administrator_password: SecretStr = Field(description="password of the administrators")
    owner_database_password: SecretStr = Field(description="password of the role <name>_owner")
    replication_password: SecretStr = Field(description="password of the role <name>_replication")
    accept_data_loss: bool = Field(
        default=False,
        description="whether writes that only another leader has may be given up to go on",
    )
    catch_up_seconds: int = Field(
        default=60, ge=1, description="how long a switch waits for the last writes"
    )
    copy_seconds: int = Field(default=3600, ge=1, description="how long the first copy may take")

    @model_validator(mode="after")
    def _primary_is_a_leader(self) -> Self:
        if self.primary not in self.leaders:
            message = (
                f"AIP_PRIMARY is {self.primary}, which AIP_LEADERS does not name; it names "
                f"{', '.join(self.leaders)}"
            )
            raise ValueError(message)
        return self

    @property
    def database(self) -> str:
        """Name of the service's database on every leader."""
        return self.database_name or self.service

    def source(self, address: Address) -> str:
        """Returns how a follower connects to a leader; it holds the password.

        The server that follows cannot be given the authority of another cloud's. TLS is bound to
        the proof that both sides know the password (SCRAM with channel binding, RFC 5802), which
        nobody between them can pass on.
        """
        values = {
            "host": address.host,
            "port": str(address.port),
            "dbname": self.database,
            "user": f"{self.database}_replication",
            "password": self.replication_password.get_secret_value(),
            "connect_timeout": "5",
            "sslmode": "require" if self.database_tls else "disable",
            **({"channel_binding": "require"} if self.database_tls else {}),
        }
        return " ".join(f"{key}={_quoted(value)}" for key, value in values.items())

    def at(self, cloud: str) -> MigrationSettings:
        """Returns how to connect to a cloud's leader, and to migrate there."""
        return MigrationSettings(
            service=self.service,
            region=cloud,
            log_level=self.log_level,
            database_host=self.leaders[cloud].host,
            database_port=self.leaders[cloud].port,
            database_name=self.database,
            database_tls=self.database_tls,
            database_tls_ca_file=self.database_tls_ca_file,
            database_ca=self.database_ca,
            owner_database_password=self.owner_database_password,
        )
