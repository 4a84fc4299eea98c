"""``migrate`` and ``migrate --check`` as infrastructure runs them."""

import asyncio
from pathlib import Path

from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.running import refused
from tests.services.security import (
    ADMIN_PASSWORD,
    login,
    migrate,
    run_migrate,
    running_security,
    security_surroundings,
)


async def test_migrating_is_idempotent_and_checked(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    around = security_surroundings(postgres, authority, tmp_path)
    before = run_migrate(around, "--check")
    assert (before.returncode, before.stderr) == (1, "revision 0001 is not applied\n")
    # Replicas that start at once migrate once.
    await asyncio.gather(migrate(around), migrate(around))
    assert run_migrate(around).returncode == 0
    after = run_migrate(around, "--check")
    assert (after.returncode, after.stderr) == (0, "")
    assert around.database is not None
    with around.database.connect("owner") as connection:
        count = "SELECT (SELECT count(*) FROM signing_key), (SELECT count(*) FROM user_account)"
        assert connection.execute(count).fetchone() == (1, 1)


async def test_a_changed_admin_password_is_pending_work(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    around = security_surroundings(postgres, authority, tmp_path)
    await migrate(around)
    (tmp_path / "secrets" / "aip_admin_password").write_text("another long password")
    check = run_migrate(around, "--check")
    assert check.returncode == 1
    assert check.stderr == "the user admin is missing or has another password\n"
    await migrate(around)
    async with running_security(around, authority) as security:
        assert await security.token("admin", "another long password")
        old = await refused(security.stub.Login(login("admin", ADMIN_PASSWORD)))
        assert old.reason == "INVALID_CREDENTIALS"


def test_an_unreachable_database_is_named_without_its_password(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    around = security_surroundings(postgres, authority, tmp_path)
    assert around.database is not None
    (tmp_path / "secrets" / "aip_owner_database_password").write_text("wrong-secret")
    refusal = run_migrate(around)
    assert refusal.returncode == 1
    name = around.database.name
    where = f"database 127.0.0.1:{postgres.port}/{name} as {name}_owner: "
    assert refusal.stderr.startswith(where)
    assert "password authentication failed" in refusal.stderr
    assert "wrong-secret" not in refusal.stderr
    assert "Traceback" not in refusal.stderr


def test_missing_secrets_are_listed(
    postgres: Postgres, authority: Authority, tmp_path: Path
) -> None:
    around = security_surroundings(postgres, authority, tmp_path)
    (tmp_path / "secrets" / "aip_admin_password").write_text("short")
    (tmp_path / "secrets" / "aip_key_encryption_key").write_text("c2hvcnQ=")
    refusal = run_migrate(around)
    assert refusal.returncode == 1
    assert "aip_admin_password" in refusal.stderr
    assert "must be 32 random bytes as base64url" in refusal.stderr
    assert "Traceback" not in refusal.stderr
