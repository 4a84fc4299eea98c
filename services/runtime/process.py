"""What ``python -m services.<name>`` does: serve, or migrate."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

import uvloop

from services.runtime import telemetry
from services.runtime.memory import return_large_blocks
from services.runtime.settings import ServiceSettings, SettingsError

if TYPE_CHECKING:
    from services.runtime.migrations import Migrations
    from services.runtime.server import Service

S = TypeVar("S", bound=ServiceSettings)
Build = Callable[[S, telemetry.Metrics, AsyncExitStack], "Service"]
"""Wires a service; what must be closed at the end goes on the stack."""

_USAGE = "usage: python -m services.{name} [migrate [--check]]"


def main(
    name: str,
    settings: type[S],
    build: Build[S],
    migrations: Callable[[], "Migrations"],
    arguments: Sequence[str] | None = None,
) -> None:
    """Runs a service's process and exits with its status.

    Args:
        name: Name of the service, for the usage line.
        settings: Class of its settings.
        build: Wires the service.
        migrations: Makes its migrations; called only for ``migrate``, whose imports serving
            should not pay for.
        arguments: Command line, without the program's name.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not given:
            uvloop.run(_serve(settings.load(), build))
        elif given == ["migrate"]:
            uvloop.run(migrations().upgrade())
        elif given == ["migrate", "--check"]:
            if pending := uvloop.run(migrations().pending()):
                raise SystemExit("\n".join(pending))
        else:
            raise SystemExit(_USAGE.format(name=name))
    except SettingsError as error:
        raise SystemExit(str(error)) from None


async def _serve(settings: S, build: Build[S]) -> None:
    from services.runtime.access import PolicyError  # noqa: PLC0415
    from services.runtime.server import (  # noqa: PLC0415
        BackgroundTaskError,
        Server,
        StartError,
    )

    return_large_blocks()
    telemetry.configure_logging(settings.service, settings.region, settings.log_level)
    metrics = telemetry.Metrics(settings.service, settings.region, settings.version)
    async with AsyncExitStack() as resources:
        try:
            await Server(build(settings, metrics, resources)).run()
        except (BackgroundTaskError, StartError, PolicyError) as error:
            raise SystemExit(str(error)) from None
