# ruff: noqa: ARG002, D102, N802  (names, parameters and documentation are the proto's)
"""The security service's RPCs: from messages to the domain and back."""

from datetime import UTC, datetime, timedelta

from aiplatform.security.v1 import security_pb2 as pb
from aiplatform.security.v1.security_pb2_grpc import SecurityServiceServicer
from services.runtime.access import Access, Entity, entity_of
from services.runtime.caller import current_caller, current_user
from services.runtime.interceptors.chain import Context
from services.runtime.tokens import ALGORITHM
from services.security.domain.accounts import Accounts
from services.security.domain.sealing import Sealer
from services.security.domain.signing import TokenIssuer, new_key
from services.security.repository.signing_keys import PublishedKeys, SigningKeys


class SecurityServicer(SecurityServiceServicer):
    """Implements aiplatform.security.v1.SecurityService.

    Args:
        accounts: Users.
        access: Decisions.
        issuer: Signs tokens.
        signing_keys: What it signs them with.
        published_keys: What they are verified with.
        sealer: Encrypts new signing keys.
        activation: How long a new key is published before it signs.
        token_lifetime: How long its tokens live.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        access: Access,
        issuer: TokenIssuer,
        signing_keys: SigningKeys,
        published_keys: PublishedKeys,
        sealer: Sealer,
        activation: timedelta,
        token_lifetime: timedelta,
    ) -> None:
        self._accounts = accounts
        self._access = access
        self._issuer = issuer
        self._signing_keys = signing_keys
        self._published_keys = published_keys
        self._sealer = sealer
        self._activation = activation
        self._token_lifetime = token_lifetime

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.LoginResponse:
        now = datetime.now(UTC)
        key = await self._signing_keys.current(now)
        account, login = await self._accounts.log_in(
            request.username, request.password, request.mfa_token
        )
        token, seconds = self._issuer.issue(key, account, login.amr, now)
        return pb.LoginResponse(
            access_token=token,
            token_type="Bearer",  # noqa: S106
            expires_in=seconds,
            tenant_id=account.tenant,
        )

    async def Authorize(
        self, request: pb.AuthorizeRequest, context: Context
    ) -> pb.AuthorizeResponse:
        resource = Entity("Resource", request.resource, {"tenant": current_user().tenant})
        decision = self._access.decide(entity_of(current_caller()), request.action, resource)
        return pb.AuthorizeResponse(allowed=decision.allowed, policies=decision.policies)

    async def CreateUser(
        self, request: pb.CreateUserRequest, context: Context
    ) -> pb.CreateUserResponse:
        account = await self._accounts.create(
            current_user().tenant, request.username, request.password, request.roles
        )
        user = pb.User(
            id=str(account.id),
            username=account.username,
            tenant_id=account.tenant,
            roles=account.roles,
        )
        user.create_time.FromDatetime(account.create_time)
        return pb.CreateUserResponse(user=user)

    async def EnrollTotp(
        self, request: pb.EnrollTotpRequest, context: Context
    ) -> pb.EnrollTotpResponse:
        uri = await self._accounts.enroll_totp(current_user())
        return pb.EnrollTotpResponse(otpauth_uri=uri)

    async def ConfirmTotp(
        self, request: pb.ConfirmTotpRequest, context: Context
    ) -> pb.ConfirmTotpResponse:
        await self._accounts.confirm_totp(current_user(), request.code)
        return pb.ConfirmTotpResponse()

    async def RotateSigningKey(
        self, request: pb.RotateSigningKeyRequest, context: Context
    ) -> pb.RotateSigningKeyResponse:
        key = new_key(self._sealer, datetime.now(UTC) + self._activation)
        await self._signing_keys.add(key, self._token_lifetime)
        return pb.RotateSigningKeyResponse(kid=key.kid)

    async def GetJwks(self, request: pb.GetJwksRequest, context: Context) -> pb.GetJwksResponse:
        answer = pb.GetJwksResponse()
        for key in await self._published_keys.all():
            x, y = key.coordinates()
            answer.keys.add(kty="EC", kid=key.kid, use="sig", alg=ALGORITHM, crv="P-256", x=x, y=y)
        return answer
