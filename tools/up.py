"""``make up``: the whole platform on this machine, then a table of what runs where."""

import sys
import time
from typing import Any

from tools.client import Client
from tools.progress import say
from tools.stack import Stack


def check(outputs: dict[str, Any]) -> None:
    """Asks the director and every gateway whether they answer, and logs in.

    Raises:
        tools.client.ApiError: one of them refused; httpx.TransportError: one does not answer.
    """
    addresses = [outputs["api_url"], *(one["api_url"] for one in outputs["regions"].values())]
    for address in addresses:
        with Client(address, outputs["ca_certificate"]) as client:
            client.login(outputs["admin_username"], outputs["admin_password"])


def table(outputs: dict[str, Any]) -> str:
    """Returns what a person who has just run ``make up`` wants to know."""
    rows = [("director", outputs["api_url"], "REST and gRPC; spreads calls over the regions")]
    for name, region in outputs["regions"].items():
        note = f"database {region['database_role']}; Envoy admin {region['gateway_admin_url']}"
        rows.append((name, region["api_url"], note))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {name:<{widths[0]}}  {url:<{widths[1]}}  {note}" for name, url, note in rows]
    return "\n".join(
        [
            "The platform is up.",
            "",
            *lines,
            "",
            f"  log in as   {outputs['admin_username']}; password: make outputs SECRETS=1",
            f"  trust       {outputs['ca_certificate']}",
            "",
            "Try next: `make demo`, then `. .platform/env` and `pulumi preview -s local`.",
            "",
        ]
    )


def main() -> None:
    """Brings the local stack up."""
    started = time.monotonic()
    stack = Stack()
    stack.prepare()
    stack.up()
    outputs = stack.outputs(show_secrets=True)
    check(outputs)
    say(f"everything answers, {time.monotonic() - started:.0f} s")
    sys.stdout.write(table(outputs))


if __name__ == "__main__":
    main()
