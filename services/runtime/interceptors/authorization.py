"""One Cedar decision a call, before the servicer runs; what no policy permits is refused."""

from services.runtime.access import Access, Entity, entity_of
from services.runtime.caller import current_caller
from services.runtime.errors import PermissionDenied, Unauthenticated
from services.runtime.interceptors.chain import Call, Interceptor, Proceed


def authorization(access: Access) -> Interceptor:
    """Returns the interceptor that asks ``access`` whether the caller may call the method."""

    async def authorize(call: Call, proceed: Proceed) -> None:
        caller = current_caller()
        resource = Entity("Api", call.service)
        if not access.decide(entity_of(caller), call.method, resource).allowed:
            if caller.token_error is not None:
                raise caller.token_error
            if caller.user is None:
                raise Unauthenticated("TOKEN_MISSING", "This call needs a user's token.")
            raise PermissionDenied(
                "ACCESS_DENIED",
                f"The caller's roles do not allow {call.method}.",
                metadata={"method": call.method},
            )
        await proceed()

    return authorize
