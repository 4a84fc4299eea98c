"""Runs the security service: ``python -m services.security [migrate [--check]]``."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiplatform.security.v1 import security_pb2_grpc
from services.runtime.access import Access
from services.runtime.database import Database
from services.runtime.outbox import Relay
from services.runtime.postgres_bus import PostgresBus
from services.runtime.process import main
from services.runtime.server import Service, Servicer
from services.runtime.telemetry import Metrics
from services.security.domain.accounts import Accounts
from services.security.domain.passwords import Passwords
from services.security.domain.sealing import Sealer
from services.security.domain.signing import TokenIssuer
from services.security.repository.signing_keys import PublishedKeys, SigningKeys
from services.security.repository.users import StoredUsers
from services.security.servicer import SecurityServicer
from services.security.settings import (
    SecurityMigrationSettings,
    SecuritySettings,
    key_bytes,
)

if TYPE_CHECKING:
    from services.runtime.migrations import Migrations

_GENERATED: Any = security_pb2_grpc  # it carries no types


def build(settings: SecuritySettings, metrics: Metrics, resources: AsyncExitStack) -> Service:
    """Wires the service."""
    database = Database(settings)
    resources.push_async_callback(database.close)
    passwords = Passwords(settings.hash_queue_size)
    resources.callback(passwords.close)
    sealer = Sealer(key_bytes(settings.key_encryption_key))
    lifetime = timedelta(seconds=settings.token_seconds)
    published_keys = PublishedKeys(database, lifetime)
    servicer = SecurityServicer(
        accounts=Accounts(StoredUsers(database), passwords, sealer),
        access=Access(settings.access_policies),
        issuer=TokenIssuer(sealer, settings.issuer, lifetime),
        signing_keys=SigningKeys(database),
        published_keys=published_keys,
        sealer=sealer,
        activation=timedelta(seconds=settings.activation_seconds),
        token_lifetime=lifetime,
    )
    return Service(
        settings=settings,
        metrics=metrics,
        servicers=[Servicer(_GENERATED.add_SecurityServiceServicer_to_server, servicer)],
        keys=published_keys,
        background={"outbox": Relay(settings, PostgresBus(settings, database)).run},
    )


def migrations() -> "Migrations":
    """Makes the service's migrations; serving does not import what they need."""
    from services.runtime.migrations import Migrations  # noqa: PLC0415
    from services.security.seed import SecuritySeed  # noqa: PLC0415

    settings = SecurityMigrationSettings.load()
    folder = Path(__file__).resolve().parent / "migrations"
    return Migrations(settings, folder, SecuritySeed(settings))


if __name__ == "__main__":
    main("security", SecuritySettings, build, migrations)
