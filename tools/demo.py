"""``make demo``: an AI service registered and called through two regions, one of which then fails.

What it prints is what happened: the answers are the example service's own, the shares are counted
from the header in which the director names the region that answered.
"""

import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from components.clouds.local.provider.supervisord import Supervisord
from tools.client import Client
from tools.paths import ROOT
from tools.stack import Stack

CALLS = 300
STOP_SECONDS = 20
NAME = "language-detector"
TEXTS = {
    "Wo ist der Bahnhof, bitte? Ich muss heute noch nach Hause fahren.": "de",
    "Where is the railway station, please? I have to go home today.": "en",
    "Où est la gare, s'il vous plaît ? Je dois rentrer chez moi ce soir.": "fr",
    "¿Podría decirme a qué hora sale el próximo tren para Madrid, por favor?": "es",
}


def say(line: str) -> None:
    """Prints a line of the story."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def register(client: Client, upstream: str) -> str:
    """Registers the example service unless it is there; returns its id."""
    listed = client.request("GET", "/api/v1/services", params={"category": "language"})
    for service in listed["services"]:
        if service["name"] == NAME:
            say(f"{NAME} is registered already: {service['id']}")
            return service["id"]
    body = {
        "name": NAME,
        "category": "language",
        "pricing_model": "pay_per_use",
        "base_price": 0.0004,
        "endpoints": [{"name": "detect", "url": f"{upstream}/v1/detect", "method": "POST"}],
    }
    service = client.request("POST", "/api/v1/services", json=body)["service"]
    say(f"registered {NAME}: {service['id']}")
    return service["id"]


def call_many(client: Client, service_id: str, calls: int) -> tuple[Counter[str], int]:
    """Calls the example; returns calls by region that answered, and how many failed."""
    regions: Counter[str] = Counter()
    failed = 0
    texts = list(TEXTS)
    for number in range(calls):
        text = texts[number % len(texts)]
        response = client.send(
            "POST",
            f"/api/v1/services/{service_id}/call",
            json={"endpoint": "detect", "payload": {"text": text}},
        )
        if response.is_success and response.json()["language"] == TEXTS[text]:
            regions[response.headers["x-aip-region"]] += 1
        else:
            failed += 1
    return regions, failed


def shares(regions: Counter[str]) -> str:
    """Returns each region's calls and its share."""
    total = sum(regions.values()) or 1
    return ", ".join(f"{name} {count} ({count / total:.0%})" for name, count in regions.items())


def wait_until_called(client: Client, service_id: str) -> None:
    """Waits until every gateway routes to a service just registered, 5 seconds at most.

    Raises:
        SystemExit: it is still unknown after that.
    """
    deadline = time.monotonic() + 5
    answered = 0
    while answered < 10:  # in a row: enough to have met every region
        _, failed = call_many(client, service_id, 1)
        answered = 0 if failed else answered + 1
        if time.monotonic() > deadline:
            raise SystemExit("the gateways do not route to the new service")


@contextmanager
def stopped_gateway(folder: Path) -> Generator[None]:
    """Stops a region's gateway and brings it back."""
    supervisor = Supervisord(folder)
    supervisor.stop("gateway", STOP_SECONDS)
    try:
        yield
    finally:
        supervisor.start("gateway")


def usage(client: Client, service_id: str) -> int:
    """Returns how many calls of the service the platform has counted."""
    rows = client.request("GET", "/api/v1/usage", params={"service_id": service_id})["usage"]
    return sum(int(row["calls"]) for row in rows)


def main() -> None:
    """Tells the story.

    Raises:
        SystemExit: a call failed that should not have.
    """
    stack = Stack()
    outputs: dict[str, Any] = stack.outputs(show_secrets=True)
    config = yaml.safe_load((ROOT / "environments" / f"Pulumi.{stack.name}.yaml").read_text())
    ports = config["config"]["ai-platform:environment"]["local"]["global"]
    with Client(outputs["api_url"], outputs["ca_certificate"]) as client:
        client.login(outputs["admin_username"], outputs["admin_password"])
        say(f"logged in as {outputs['admin_username']} at {outputs['api_url']}")
        service_id = register(client, f"http://127.0.0.1:{ports['examples']}")
        wait_until_called(client, service_id)
        before = usage(client, service_id)
        regions, failed = call_many(client, service_id, CALLS)
        say(f"{CALLS} calls through the director: {shares(regions)}; {failed} failed")
        victim = next(iter(outputs["regions"]))
        say(f"stopping the gateway of {victim} …")
        with stopped_gateway(stack.folder / victim):
            survivors, lost = call_many(client, service_id, CALLS)
            say(f"{CALLS} calls without it: {shares(survivors)}; {lost} failed")
        say(f"brought it back; waiting until {victim} answers again …")
        deadline = time.monotonic() + 30
        while victim not in call_many(client, service_id, 20)[0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"{victim} does not come back")
        say(f"{victim} answers again")
        wait = time.monotonic() + 10
        while (counted := usage(client, service_id) - before) < 2 * CALLS:
            if time.monotonic() > wait:
                raise SystemExit(f"only {counted} calls were counted")
            time.sleep(0.2)
        say(f"calls counted into usage: {counted}")
    if failed or lost:
        raise SystemExit(f"{failed + lost} calls failed")


if __name__ == "__main__":
    main()
