"""Gives every call an id, the caller's own where it sent a sane one."""

import re
import uuid

from services.runtime import telemetry
from services.runtime.interceptors.chain import Call, Proceed

HEADER = "x-request-id"
_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


async def request_id(call: Call, proceed: Proceed) -> None:
    """Takes or makes the request's id, and sends it back in the trailing metadata."""
    sent = call.metadata(HEADER)
    sane = len(sent) == 1 and _SANE.fullmatch(sent[0])
    call.request_id = sent[0] if sane else str(uuid.uuid4())
    telemetry.request_id.set(call.request_id)
    call.trailers.append((HEADER, call.request_id))
    call.context.set_trailing_metadata(tuple(call.trailers))
    await proceed()
