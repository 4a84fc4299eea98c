"""Public keys of the platform's tokens, fetched from the security service over mTLS."""

import asyncio
import base64
import logging
import time
from typing import Any

import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)

from aiplatform.security.v1 import security_pb2, security_pb2_grpc
from services.runtime.certificates import open_channel
from services.runtime.errors import Unavailable
from services.runtime.settings import ServiceSettings
from services.runtime.tokens import ALGORITHM

_log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 3.0
_COORDINATE_BYTES = 32


class RemoteKeys:
    """Key source of every service but security itself.

    Keys are fetched when they are first needed, when they are older than ``max_age_seconds``, and
    when a token names an unknown one (at most once in ``retry_seconds``, so that forged key ids
    cannot flood the security service). While it is down, the keys known from before stay good.

    Args:
        settings: Addresses of the security service and this workload's certificate.
        max_age_seconds: After which keys are fetched again, so that a withdrawn one is forgotten.
        retry_seconds: Least time between two fetches.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        max_age_seconds: float = 300,
        retry_seconds: float = 2,
    ) -> None:
        self._settings = settings
        self._max_age = max_age_seconds
        self._retry = retry_seconds
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._fetched = self._tried = float("-inf")
        self._failing = True
        self._refreshing: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> EllipticCurvePublicKey | None:
        """Returns the key of that id, or None when the security service has none such.

        Raises:
            Unavailable: the key is not known and the security service cannot be asked.
        """
        known = self._keys.get(kid)
        if known is None:
            await self._refresh(kid)
            known = self._keys.get(kid)
            if known is None and self._failing:
                raise Unavailable(
                    "KEYS_UNAVAILABLE",
                    "The keys that tokens are signed with cannot be fetched now.",
                    retry_after=self._retry,
                )
        elif self._stale() and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.create_task(self._refresh(kid))  # no call waits for it
        return known

    def _stale(self) -> bool:
        return time.monotonic() - self._fetched > self._max_age

    async def _refresh(self, kid: str) -> None:
        async with self._lock:
            fresh = kid in self._keys and not self._stale()
            if fresh or time.monotonic() - self._tried < self._retry:
                return
            self._tried = time.monotonic()
            for address in self._settings.security_endpoints:
                try:
                    self._keys = await self._fetch(address)
                except (grpc.aio.AioRpcError, OSError, ValueError) as error:
                    what = error.code().name if isinstance(error, grpc.aio.AioRpcError) else error
                    fields = {"address": address, "error": str(what)}
                    _log.warning("token keys not fetched", extra={"fields": fields})
                else:
                    self._fetched = time.monotonic()
                    self._failing = False
                    return
            self._failing = True

    async def _fetch(self, address: str) -> dict[str, EllipticCurvePublicKey]:
        async with open_channel(self._settings, address) as channel:
            stub: Any = security_pb2_grpc.SecurityServiceStub(channel)
            answer: security_pb2.GetJwksResponse = await stub.GetJwks(
                security_pb2.GetJwksRequest(), timeout=_TIMEOUT_SECONDS
            )
        return {jwk.kid: public_key(jwk) for jwk in answer.keys if _signs_tokens(jwk)}


def _signs_tokens(jwk: security_pb2.Jwk) -> bool:
    wanted = ("EC", "P-256", "sig", ALGORITHM)
    return bool(jwk.kid) and (jwk.kty, jwk.crv, jwk.use, jwk.alg) == wanted


def public_key(jwk: security_pb2.Jwk) -> EllipticCurvePublicKey:
    """Returns the key of a JWK (RFC 7518 section 6.2).

    Raises:
        ValueError: a coordinate is not 32 bytes, or the point is not on the curve.
    """
    x, y = (base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)) for value in (jwk.x, jwk.y))
    if len(x) != _COORDINATE_BYTES or len(y) != _COORDINATE_BYTES:
        message = f"key {jwk.kid}: a P-256 coordinate has {_COORDINATE_BYTES} bytes"
        raise ValueError(message)
    numbers = EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()
    )
    return numbers.public_key()
