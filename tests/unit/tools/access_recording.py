"""Decisions for reviews on a machine that has made none: ``tests/golden/access/decisions.jsonl``.

``python -m tests.unit.tools.access_recording`` makes them anew: the services' own code decides, and
what it logs is kept, what differs between runs and processes
aside.
"""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from unittest import mock

from services.runtime.access import DECISIONS, Access, Entity, entity_of
from services.runtime.caller import Caller, User, Workload, set_caller
from services.runtime.errors import PermissionDenied, Unauthenticated
from services.runtime.interceptors.authorization import authorization
from services.runtime.interceptors.chain import Call
from services.runtime.telemetry import JsonFormatter
from tools.access_review.recordings import KEPT

_PEOPLE = (
    ("0b9f4a3e-6a4e-4b52-8b1c-0d8a2f1c7e01", "platform", "operator", ("admin",)),
    ("0b9f4a3e-6a4e-4b52-8b1c-0d8a2f1c7e02", "northwind", "ada", ("admin", "developer")),
    ("0b9f4a3e-6a4e-4b52-8b1c-0d8a2f1c7e03", "northwind", "grace", ("developer",)),
    ("0b9f4a3e-6a4e-4b52-8b1c-0d8a2f1c7e04", "contoso", "edsger", ("viewer",)),
)
_WORKLOADS = ("gateway", "marketplace")
_LEFT_OUT = frozenset({"timestamp", "level", "service", "region", "message"})
_ASKED = (
    ("marketplace.services", "read"),
    ("marketplace.services", "call"),
    ("api.users", "write"),
)


def _callers() -> Iterator[Caller]:
    gateway = Workload("spiffe://ai-platform/us-east-1/gateway", "us-east-1", "gateway")
    for id_, tenant, username, roles in _PEOPLE:
        user = User(id_, tenant, username, frozenset(roles))
        yield Caller(user=user, workload=gateway)
    for name in _WORKLOADS:
        spiffe = f"spiffe://ai-platform/us-east-1/{name}"
        yield Caller(workload=Workload(spiffe, "us-east-1", name))
    yield Caller(token_error=Unauthenticated("TOKEN_EXPIRED", "expired"))


async def _decide(access: Access) -> None:
    authorize = authorization(access)

    async def serve() -> None:
        pass

    for caller in _callers():
        set_caller(caller)
        for method in sorted(access.methods):
            call = Call(method, mock.Mock(), streaming=False)
            with suppress(PermissionDenied, Unauthenticated):
                await authorize(call, serve)
        if caller.user is not None:
            for resource, action in _ASKED:
                asked = Entity("Resource", resource, {"tenant": caller.user.tenant})
                access.decide(entity_of(caller), action, asked)


def record() -> str:
    """Returns what the services log while they decide, a decision a line."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter("security", "us-east-1"))
    log = logging.getLogger(DECISIONS)
    level, passed_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        asyncio.run(_decide(Access()))
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = passed_on
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    kept = ({name: one for name, one in line.items() if name not in _LEFT_OUT} for line in lines)
    return "".join(json.dumps(line) + "\n" for line in kept)


if __name__ == "__main__":
    KEPT.write_text(record())
