"""A security service on a real database, for tests of it and of what stands on it."""

import asyncio
import base64
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiplatform.security.v1 import security_pb2 as pb
from aiplatform.security.v1.security_pb2_grpc import SecurityServiceStub
from services.runtime.server import Server
from services.security.__main__ import build, migrations
from services.security.domain.passwords import hasher
from services.security.settings import SecuritySettings
from tests.certificates import Authority
from tests.postgres import Postgres, ServiceDatabase
from tests.services.running import (
    ROOT,
    Surroundings,
    channel,
    running_build,
    surroundings,
)

ADMIN_PASSWORD = "correct horse battery staple"
PASSWORD = "a long enough password"


def key_encryption_key() -> str:
    """Returns a fresh key as its secret file holds it."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def security_surroundings(postgres: Postgres, authority: Authority, folder: Path) -> Surroundings:
    """Makes an empty database and what a security service on it needs."""
    secret = {
        "aip_key_encryption_key": key_encryption_key(),
        "aip_admin_password": ADMIN_PASSWORD,
    }
    database = postgres.create_database("security")
    return surroundings(folder, authority, "security", database, secret)


async def migrate(around: Surroundings) -> None:
    """Migrates in this process, which is quicker than a new one."""
    with around.applied():  # not across an await: two at once would leave theirs behind
        made = migrations()
    await made.upgrade()


def run_migrate(around: Surroundings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs ``python -m services.security migrate``."""
    return subprocess.run(
        [sys.executable, "-m", "services.security", "migrate", *arguments],
        env={**os.environ, **around.variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def migrated_security(postgres: Postgres, authority: Authority, folder: Path) -> Surroundings:
    """Makes and migrates a security service's database."""
    around = security_surroundings(postgres, authority, folder)
    asyncio.run(migrate(around))
    return around


def login(username: str, password: str, code: str = "") -> pb.LoginRequest:
    """Returns a login request."""
    return pb.LoginRequest(username=username, password=password, mfa_token=code)


def unique(prefix: str) -> str:
    """Returns a name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


@dataclass
class Security:
    """A running security service and a client of it.

    Attributes:
        server: The service.
        stub: Calls it as the region's gateway does.
        around: Its surroundings.
        database: Its database.
    """

    server: Server
    stub: Any
    around: Surroundings
    database: ServiceDatabase

    async def token(
        self, username: str = "admin", password: str = ADMIN_PASSWORD, code: str = ""
    ) -> str:
        """Logs in."""
        return (await self.stub.Login(login(username, password, code))).access_token

    async def bearer(
        self, username: str = "admin", password: str = ADMIN_PASSWORD, code: str = ""
    ) -> tuple[tuple[str, str], ...]:
        """Logs in and returns call metadata with the token."""
        return (("authorization", f"Bearer {await self.token(username, password, code)}"),)

    async def new_user(self, *roles: str, tenant: str = "platform") -> str:
        """Makes a user with ``PASSWORD`` and returns the name."""
        username = unique("user")
        if tenant == "platform":
            request = pb.CreateUserRequest(username=username, password=PASSWORD, roles=roles)
            await self.stub.CreateUser(request, metadata=await self.bearer())
        else:
            self.add_tenant_user(tenant, username, *roles)
        return username

    def add_tenant_user(self, tenant: str, username: str, *roles: str) -> None:
        """Makes a tenant and a user of it, as provisioning a tenant will."""
        with self.database.connect("owner") as connection:
            connection.execute(
                "INSERT INTO tenant (tenant_id) VALUES (%s) ON CONFLICT DO NOTHING", (tenant,)
            )
            connection.execute(
                "INSERT INTO user_account (tenant_id, username, password_hash, roles) "
                "VALUES (%s, %s, %s, %s)",
                (tenant, username, hasher().hash(PASSWORD), list(roles)),
            )


@asynccontextmanager
async def running_security(
    around: Surroundings, authority: Authority, **changes: Any
) -> AsyncIterator[Security]:
    """Serves in this process."""
    settings = around.load(SecuritySettings, **changes)
    assert around.database is not None
    async with (
        running_build(settings, build) as server,
        channel(server.port, authority) as opened,
    ):
        yield Security(server, SecurityServiceStub(opened), around, around.database)
