"""The security service over real channels and a real PostgreSQL."""

import asyncio
import json
import time
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import jwt
import psycopg
import pytest
from argon2 import PasswordHasher
from pyotp.totp import TOTP

from aiplatform.security.v1 import security_pb2 as pb
from services.runtime.remote_keys import public_key
from services.security.repository import signing_keys
from tests.certificates import Authority
from tests.postgres import Postgres
from tests.services.running import ISSUER, Surroundings, eventually, refused
from tests.services.security import (
    ADMIN_PASSWORD,
    PASSWORD,
    Security,
    login,
    migrate,
    running_security,
    security_surroundings,
    unique,
)


@pytest.fixture
async def security(migrated: Surroundings, authority: Authority) -> AsyncIterator[Security]:
    async with running_security(migrated, authority) as running:
        yield running


async def test_a_login_gives_a_token_that_the_published_keys_verify(security: Security) -> None:
    answer = await security.stub.Login(login("ADMIN", ADMIN_PASSWORD))
    assert (answer.token_type, answer.expires_in, answer.tenant_id) == ("Bearer", 900, "platform")
    header = jwt.get_unverified_header(answer.access_token)
    jwks = (await security.stub.GetJwks(pb.GetJwksRequest())).keys
    (jwk,) = [one for one in jwks if one.kid == header["kid"]]
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert (jwk.kty, jwk.use, jwk.alg, jwk.crv) == ("EC", "sig", "ES256", "P-256")
    claims = jwt.decode(
        answer.access_token,
        public_key(jwk),
        algorithms=["ES256"],
        audience="ai-platform",
        issuer=ISSUER,
    )
    assert (claims["tenant"], claims["username"]) == ("platform", "admin")
    assert (claims["roles"], claims["amr"]) == (["admin"], ["pwd"])
    assert claims["exp"] - claims["iat"] == 900


async def test_an_unknown_user_and_a_wrong_password_look_the_same(security: Security) -> None:
    async def attempt(username: str) -> tuple[Any, float]:
        started = time.perf_counter()
        refusal = await refused(security.stub.Login(login(username, "wrong password")))
        return (refusal.code, refusal.reason, refusal.message), time.perf_counter() - started

    unknown: list[float] = []
    wrong: list[float] = []
    for _ in range(8):
        answer, seconds = await attempt("nobody-has-this-name")
        unknown.append(seconds)
        same, seconds = await attempt("admin")
        wrong.append(seconds)
        assert answer == same
        assert answer[:2] == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")
    assert 0.5 < min(unknown) / min(wrong) < 2


async def test_a_name_that_postgresql_cannot_hold_is_no_internal_error(security: Security) -> None:
    refusal = await refused(security.stub.Login(login("admin\0", "p")))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_CHARACTER")


async def test_creating_users(security: Security) -> None:
    username = unique("alice")
    request = pb.CreateUserRequest(username=username, password=PASSWORD, roles=["developer"])
    metadata = await security.bearer()
    user = (await security.stub.CreateUser(request, metadata=metadata)).user
    assert (user.username, user.tenant_id, list(user.roles)) == (
        username,
        "platform",
        ["developer"],
    )
    assert abs(user.create_time.seconds - time.time()) < 60
    request.username = username.upper()
    taken = await refused(security.stub.CreateUser(request, metadata=metadata))
    assert (taken.code, taken.reason) == ("ALREADY_EXISTS", "USERNAME_TAKEN")
    theirs = await security.bearer(username, PASSWORD)
    denied = await refused(security.stub.CreateUser(request, metadata=theirs))
    assert (denied.code, denied.reason) == ("PERMISSION_DENIED", "ACCESS_DENIED")
    request.password = "short"
    wrong = await refused(security.stub.CreateUser(request, metadata=metadata))
    assert wrong.violations == {"password": "STRING_MIN_LEN"}


@pytest.mark.parametrize(
    ("role", "resource", "action", "allowed"),
    [
        ("admin", "api.users", "delete", True),
        ("admin", "marketplace.services", "call", True),
        ("admin", "api.users", "no_such_action", False),
        ("developer", "marketplace.services", "read", True),
        ("developer", "marketplace.services", "write", True),
        ("developer", "marketplace.services", "call", True),
        ("developer", "marketplace.services", "delete", False),
        ("developer", "api.users", "read", False),
        ("viewer", "marketplace.services", "read", True),
        ("viewer", "marketplace.services", "write", False),
        ("viewer", "marketplace.services", "call", False),
    ],
)
async def test_authorize(
    security: Security, role: str, resource: str, action: str, allowed: bool
) -> None:
    metadata = await security.bearer(await security.new_user(role), PASSWORD)
    request = pb.AuthorizeRequest(resource=resource, action=action)
    answer = await security.stub.Authorize(request, metadata=metadata)
    assert answer.allowed is allowed
    assert list(answer.policies) == ([f"resources.{role}"] if allowed else [])


async def test_authorize_refuses_only_malformed_questions(security: Security) -> None:
    metadata = await security.bearer()
    request = pb.AuthorizeRequest(resource='x"; permit', action="Service/Login")
    wrong = await refused(security.stub.Authorize(request, metadata=metadata))
    assert wrong.violations == {"resource": "STRING_PATTERN", "action": "STRING_PATTERN"}


def _secret(uri: str) -> str:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(uri).query)["secret"][0]


async def test_totp_from_enrolment_to_replay(security: Security) -> None:
    username = await security.new_user("viewer")
    stub, metadata = security.stub, await security.bearer(username, PASSWORD)
    confirm = pb.ConfirmTotpRequest(code="000000")
    early = await refused(stub.ConfirmTotp(confirm, metadata=metadata))
    assert (early.code, early.reason) == ("FAILED_PRECONDITION", "TOTP_NOT_STARTED")

    enrolled = await stub.EnrollTotp(pb.EnrollTotpRequest(), metadata=metadata)
    totp = TOTP(_secret(enrolled.otpauth_uri))
    assert enrolled.otpauth_uri.startswith("otpauth://totp/AI%20Platform:user-")
    assert await security.token(username, PASSWORD)  # not confirmed: no code is asked for

    await eventually(lambda: time.time() % 30 < 25)  # the step must not end under the test
    now = int(time.time())
    right = totp.at(now)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    refusal = await refused(stub.ConfirmTotp(pb.ConfirmTotpRequest(code=wrong), metadata=metadata))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_CODE")
    earlier = totp.at(now - 30)  # one step of drift is accepted, and leaves later codes unused
    await stub.ConfirmTotp(pb.ConfirmTotpRequest(code=earlier), metadata=metadata)

    again = await refused(stub.EnrollTotp(pb.EnrollTotpRequest(), metadata=metadata))
    assert (again.code, again.reason) == ("ALREADY_EXISTS", "TOTP_ENROLLED")
    needed = await refused(stub.Login(login(username, PASSWORD)))
    assert (needed.code, needed.reason) == ("UNAUTHENTICATED", "MFA_REQUIRED")
    first = await refused(stub.Login(login(username, "wrong password", totp.at(now))))
    assert first.reason == "INVALID_CREDENTIALS"
    for used in (earlier, wrong):
        refusal = await refused(stub.Login(login(username, PASSWORD, used)))
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "INVALID_CREDENTIALS")

    # Of concurrent logins with one code, one wins.
    code = totp.at(time.time())
    attempts = (security.token(username, PASSWORD, code) for _ in range(4))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    tokens = [result for result in results if isinstance(result, str)]
    assert len(tokens) == 1
    claims = jwt.decode(tokens[0], options={"verify_signature": False})
    assert claims["amr"] == ["pwd", "otp"]


async def test_secrets_are_encrypted_at_rest(security: Security) -> None:
    username = await security.new_user("viewer")
    metadata = await security.bearer(username, PASSWORD)
    uri = (await security.stub.EnrollTotp(pb.EnrollTotpRequest(), metadata=metadata)).otpauth_uri
    with security.database.connect("owner") as connection:
        row = connection.execute(
            "SELECT password_hash, totp_secret FROM user_account WHERE username = %s", (username,)
        ).fetchone()
        keys = connection.execute("SELECT private_key FROM signing_key").fetchall()
    assert row is not None
    assert str(row[0]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert _secret(uri).encode() not in bytes(row[1])  # type: ignore[arg-type]
    # A PKCS #8 key has its curve's object identifier in clear.
    assert all(b"\x2a\x86\x48\xce\x3d" not in bytes(key[0]) for key in keys)  # type: ignore[arg-type]


async def test_logins_beyond_the_queue_are_refused(
    migrated: Surroundings, authority: Authority
) -> None:
    async with running_security(migrated, authority, hash_queue_size=1) as security:
        attempts = [refused(security.stub.Login(login("nobody", "p"))) for _ in range(40)]
        refusals = await asyncio.gather(*attempts)
        full = [one for one in refusals if one.reason == "LOGIN_QUEUE_FULL"]
        assert full
        assert {one.code for one in full} == {"RESOURCE_EXHAUSTED"}
        assert full[0].details["RetryInfo"].retry_delay.seconds == 1
        assert {one.reason for one in refusals} == {"LOGIN_QUEUE_FULL", "INVALID_CREDENTIALS"}
        assert await security.token()  # and it has recovered


async def test_an_outdated_hash_is_renewed_at_login(security: Security) -> None:
    username = await security.new_user("viewer")
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    query = "UPDATE user_account SET password_hash = %s WHERE username = %s"
    with security.database.connect("owner") as connection:
        connection.execute(query, (weak, username))
        await security.token(username, PASSWORD)
        row = connection.execute(
            "SELECT password_hash FROM user_account WHERE username = %s", (username,)
        ).fetchone()
    assert row is not None
    assert "m=19456,t=2,p=1" in str(row[0])
    assert await security.token(username, PASSWORD)


async def test_a_new_key_is_published_before_it_signs(
    postgres: Postgres, authority: Authority, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "CACHE_SECONDS", 0.2)
    around = security_surroundings(postgres, authority, tmp_path)
    await migrate(around)
    changes = {"activation_seconds": 1}
    async with running_security(around, authority, **changes) as security:
        metadata = await security.bearer()
        old = jwt.get_unverified_header(metadata[0][1][7:])["kid"]
        rotated = await security.stub.RotateSigningKey(
            pb.RotateSigningKeyRequest(), metadata=metadata
        )
        assert rotated.kid != old
        async with running_security(around, authority, **changes) as replica:
            jwks = (await replica.stub.GetJwks(pb.GetJwksRequest())).keys
            assert [key.kid for key in jwks] == [rotated.kid, old]
            signs = jwt.get_unverified_header(await replica.token())["kid"]
            assert signs == old
            async with asyncio.timeout(10):
                while signs == old:
                    signs = jwt.get_unverified_header(await replica.token())["kid"]
            assert signs == rotated.kid
            # What the old key signed is still good.
            request = pb.AuthorizeRequest(resource="x", action="read")
            assert (await replica.stub.Authorize(request, metadata=metadata)).allowed


async def test_only_the_platforms_admins_rotate_keys(security: Security) -> None:
    tenant = unique("acme")
    username = await security.new_user("admin", tenant=tenant)
    metadata = await security.bearer(username, PASSWORD)
    call = security.stub.RotateSigningKey(pb.RotateSigningKeyRequest(), metadata=metadata)
    assert (await refused(call)).reason == "ACCESS_DENIED"


_ADD_USER = (
    "INSERT INTO user_account (tenant_id, username, password_hash, roles) "
    "VALUES ('{}', 'x', 'x', '{{}}')"
)
_MOVE_USERS = "UPDATE user_account SET tenant_id = '{}'"
_ADD_EVENT = (
    "INSERT INTO outbox (event_id, tenant_id, topic, key, payload) "
    "VALUES (gen_random_uuid(), '{}', 't', 'k', '{{}}')"
)


async def test_the_tenant_role_sees_its_tenants_users_only(security: Security) -> None:
    tenants = [unique("acme"), unique("globex")]
    names = [await security.new_user("admin", tenant=tenant) for tenant in tenants]
    with security.database.connect("tenant") as connection:
        everyone = "SELECT username FROM user_account"
        assert connection.execute(everyone).fetchall() == []
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (tenants[0],))
        assert connection.execute(everyone).fetchall() == [(names[0],)]
        stolen = "UPDATE user_account SET roles = '{admin}' WHERE username = %s"
        assert connection.execute(stolen, (names[1],)).rowcount == 0
        for denied in (
            _ADD_USER.format(tenants[1]),
            _MOVE_USERS.format(tenants[1]),
            "DELETE FROM user_account",
            "SELECT * FROM signing_key",
            "SELECT * FROM outbox",
            "SELECT * FROM event",
            _ADD_EVENT.format(tenants[1]),
            "ALTER TABLE user_account DISABLE ROW LEVEL SECURITY",
            "CREATE TABLE mine (id int)",
            f"SET ROLE {security.database.name}_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(denied.encode())


async def test_the_system_role_has_what_it_needs_and_no_more(security: Security) -> None:
    with security.database.connect("system") as connection:
        assert connection.execute("SELECT count(*) FROM user_account").fetchone() != (0,)
        for denied in (
            "UPDATE user_account SET roles = '{admin}'",
            "INSERT INTO tenant (tenant_id) VALUES ('x1')",
            "UPDATE signing_key SET private_key = ''",
            "UPDATE event SET payload = '{}'",
            "DELETE FROM user_account",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(denied.encode())


async def test_events_reach_the_bus_without_secrets(security: Security) -> None:
    username = await security.new_user("viewer")
    await security.token(username, PASSWORD)
    query = (
        "SELECT topic, tenant_id, payload FROM event WHERE key = "
        "(SELECT id::text FROM user_account WHERE username = %s) ORDER BY position"
    )
    with security.database.connect("owner") as connection:
        await eventually(lambda: len(connection.execute(query, (username,)).fetchall()) == 2)
        rows = connection.execute(query, (username,)).fetchall()
    assert [row[0] for row in rows] == ["user.created", "user.logged_in"]
    assert {row[1] for row in rows} == {"platform"}
    text = json.dumps([row[2] for row in rows])
    assert PASSWORD not in text
    assert "argon2" not in text
    assert "eyJ" not in text
