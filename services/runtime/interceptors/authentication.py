"""Finds out who is calling: the workload by its certificate, the user by their token."""

from services.runtime.caller import (
    Caller,
    User,
    Workload,
    set_caller,
    workload_from_spiffe_id,
)
from services.runtime.errors import Unauthenticated
from services.runtime.interceptors.chain import Call, Interceptor, Proceed
from services.runtime.tokens import TokenVerifier, invalid_token

_BEARER = "bearer "


def authentication(verifier: TokenVerifier, trust_domain: str) -> Interceptor:
    """Returns the interceptor that sets the caller.

    A bad token is no error yet: authorization knows whether the method needs one.
    """

    async def authenticate(call: Call, proceed: Proceed) -> None:
        user: User | None = None
        token_error: Unauthenticated | None = None
        try:
            user = await _user(call, verifier)
        except Unauthenticated as error:
            token_error = error
        set_caller(Caller(user, _workload(call, trust_domain), token_error))
        await proceed()

    return authenticate


async def _user(call: Call, verifier: TokenVerifier) -> User | None:
    sent = call.metadata("authorization")
    if not sent:
        return None
    if len(sent) != 1:
        raise invalid_token("authorization is sent more than once")
    if not sent[0].lower().startswith(_BEARER):
        raise invalid_token("authorization is not 'Bearer <token>'")
    return await verifier.verify(sent[0][len(_BEARER) :].strip())


def _workload(call: Call, trust_domain: str) -> Workload | None:
    peer = list(call.context.auth_context().get("peer_spiffe_id", ()))
    return workload_from_spiffe_id(peer[0].decode(), trust_domain) if len(peer) == 1 else None
