"""No call outlives its deadline, and a unary call always has one."""

import asyncio

from services.runtime.errors import DeadlineExceeded
from services.runtime.interceptors.chain import Call, Interceptor, Proceed


def deadline(default_seconds: float) -> Interceptor:
    """Returns the interceptor that ends calls at their deadline.

    Args:
        default_seconds: Deadline of a unary call whose client set none. Streams may be open for
            as long as their client wants (xDS streams are for days).
    """

    async def limit(call: Call, proceed: Proceed) -> None:
        remaining = call.time_remaining
        if remaining is None and not call.streaming:
            remaining = default_seconds
        timer = asyncio.timeout(remaining)
        try:
            async with timer:
                await proceed()
        except TimeoutError:
            if not timer.expired():
                raise
            raise DeadlineExceeded(
                "DEADLINE_EXCEEDED", "The call was not done before its deadline."
            ) from None

    return limit
