"""Keys fetched from a real security service, also while it is away."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from aiplatform.security.v1 import security_pb2 as pb
from services.runtime.errors import Unavailable
from services.runtime.remote_keys import RemoteKeys, public_key
from services.runtime.settings import ServiceSettings
from services.runtime.tokens import TokenVerifier
from tests.certificates import Authority
from tests.services.running import ISSUER, Surroundings, surroundings
from tests.services.security import running_security


def keys_from(
    addresses: str, authority: Authority, folder: Path, retry_seconds: float = 0, **kwargs: Any
) -> RemoteKeys:
    settings = surroundings(folder, authority, "marketplace").load(
        ServiceSettings, security_addresses=addresses
    )
    return RemoteKeys(settings, retry_seconds=retry_seconds, **kwargs)


async def test_a_token_is_verified_with_fetched_keys_and_still_is_when_security_is_down(
    migrated: Surroundings, authority: Authority, tmp_path: Path
) -> None:
    async with running_security(migrated, authority) as security:
        # The first replica is down; the second answers.
        addresses = f"127.0.0.1:9,127.0.0.1:{security.server.port}"
        keys = keys_from(addresses, authority, tmp_path, max_age_seconds=0)
        verifier = TokenVerifier(keys, ISSUER)
        token = await security.token()
        assert (await verifier.verify(token)).username == "admin"
        assert await keys.key("unknown") is None
    assert (await verifier.verify(token)).username == "admin"
    # Whether an unknown key is forged cannot be told now, and a good one must not be refused.
    with pytest.raises(Unavailable):
        await keys.key("unknown")


async def test_a_key_unknown_until_now_is_fetched(
    migrated: Surroundings, authority: Authority, tmp_path: Path
) -> None:
    async with running_security(migrated, authority) as security:
        keys = keys_from(f"127.0.0.1:{security.server.port}", authority, tmp_path)
        kid = jwt.get_unverified_header(await security.token())["kid"]
        assert await keys.key(kid) is not None
    rotated: str
    async with running_security(migrated, authority) as security:
        # A fresh replica, so that its own cache of published keys is fresh as well.
        metadata = await security.bearer()
        request = pb.RotateSigningKeyRequest()
        rotated = (await security.stub.RotateSigningKey(request, metadata=metadata)).kid
    async with running_security(migrated, authority) as security:
        keys._settings = keys._settings.model_copy(  # type: ignore[attr-defined]  # the new port
            update={"security_addresses": f"127.0.0.1:{security.server.port}"}
        )
        assert await keys.key(rotated) is not None


async def test_forged_key_ids_do_not_flood_the_security_service(
    migrated: Surroundings, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    original = RemoteKeys._fetch

    async def counted(self: RemoteKeys, address: str) -> Any:
        fetched.append(address)
        return await original(self, address)

    monkeypatch.setattr(RemoteKeys, "_fetch", counted)
    async with running_security(migrated, authority) as security:
        address = f"127.0.0.1:{security.server.port}"
        keys = keys_from(address, authority, tmp_path, retry_seconds=60)
        for number in range(50):
            assert await keys.key(f"forged-{number}") is None
    assert len(fetched) == 1


async def test_without_any_key_verification_is_unavailable(
    authority: Authority, tmp_path: Path
) -> None:
    keys = keys_from("127.0.0.1:9", authority, tmp_path)
    with pytest.raises(Unavailable) as caught:
        await keys.key("any")
    assert caught.value.reason == "KEYS_UNAVAILABLE"


@pytest.mark.parametrize(("x", "y"), [("AA", "AA"), ("A" * 43, "A" * 43), ("", "")])
def test_a_point_that_is_not_on_the_curve_is_no_key(x: str, y: str) -> None:
    with pytest.raises(ValueError, match=r"key k|Invalid|curve"):
        public_key(pb.Jwk(kid="k", x=x, y=y))
