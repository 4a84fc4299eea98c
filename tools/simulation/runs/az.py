"""``az rest`` on the simulated clouds: PostgreSQL servers, their parameters, names and endpoints.

Source: the REST API of Azure Database for PostgreSQL, 2025-08-01.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, cast

from components.clouds.local.provider.values import Properties
from tools.simulation import accounts
from tools.simulation.azure import databases
from tools.simulation.azure.locations import normal
from tools.simulation.behaviour import text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.runs.scripts import FOLDER_VARIABLE

_ENDPOINT = "azure-native:dbforpostgresql:VirtualEndpoint"
_STEP = re.compile(r"(\w+)((?:\[\d+\])*)")


class _RefusedError(Exception):
    """What az prints before it ends with status 1."""


class _Rest:
    """The resource manager."""

    def __init__(self, folder: Path) -> None:
        self._cloud = Cloud(folder)
        self._lost = {normal(one) for one in accounts.load(folder).lost_regions}

    def answer(self, method: str, path: str, body: Properties) -> Any:
        """Returns what the resource manager answers, as JSON."""
        if (server := path.removesuffix("/restart")) != path:
            databases.restart(self._cloud, self._server(server))
            return {}
        if path.endswith("/A"):
            return {"value": self._addresses(path.removesuffix("/A"))}
        server, mark, _ = path.partition("/configurations/")
        if mark:
            self._server(server)
            return self._parameter(path)
        server, mark, endpoint = path.partition("/virtualEndpoints")
        found = self._server(server)
        if not mark:
            if method == "patch":
                self._change(found, body)
                found = self._server(server)
            return {"id": found.id, "properties": found.properties}
        name = endpoint.strip("/")
        if method == "put":
            self._point(found, name, body)
        endpoints = [
            {"id": one.id, "name": one.id.rpartition("/")[2], "properties": one.properties}
            for one in self._endpoints(found)
        ]
        if not name:
            return {"value": endpoints}
        return next((one for one in endpoints if one["name"] == name), None)

    def _addresses(self, zone: str) -> list[Properties]:
        found = self._cloud.named(zone)
        if not found:
            raise _RefusedError(f"Not Found({zone})")
        return [
            {"id": one.id, "properties": one.properties}
            for one in self._cloud.resources(databases.RECORD, found[0].place)
            if one.id.lower().startswith(f"{found[0].id.lower()}/a/")
        ]

    def _parameter(self, identity: str) -> Properties:
        found = [one for one in self._cloud.named(identity) if one.token == databases.PARAMETER]
        if not found:
            raise _RefusedError(f"Not Found({identity})")
        return {"id": found[0].id, "properties": found[0].properties}

    def _server(self, identity: str) -> Resource:
        found = [one for one in self._cloud.named(identity) if one.token == databases.SERVER]
        if not found:
            raise _RefusedError(f"Not Found({identity})")
        if normal(text(found[0].properties, "location")) in self._lost:
            raise _RefusedError(f"Service Unavailable({identity})")
        return found[0]

    def _endpoints(self, server: Resource) -> list[Resource]:
        return [
            one
            for one in self._cloud.resources(_ENDPOINT, server.place)
            if one.id.lower().startswith(f"{server.id.lower()}/")
        ]

    def _change(self, server: Resource, body: Properties) -> None:
        asked = body.get("properties")
        given: Properties = asked if isinstance(asked, dict) else {}
        unknown = given.keys() - {"replica", "highAvailability"}
        if unknown:
            raise _RefusedError(f"only replica and highAvailability are simulated, not {unknown}")
        replica = given.get("replica")
        if isinstance(replica, dict):
            self._promote(server, text(replica, "promoteMode"), text(replica, "promoteOption"))
        if "highAvailability" in given:
            self._cloud.adjust(server, {"highAvailability": given["highAvailability"]})

    def _promote(self, server: Resource, mode: str, option: str) -> None:
        source = self._cloud.named(text(server.properties, "sourceServerResourceId"))
        if text(server.properties, "replicationRole") != "AsyncReplica" or not source:
            raise _RefusedError(f"{server.id} is no replica")
        is_lost = normal(text(source[0].properties, "location")) in self._lost
        if option.lower() == "planned" and is_lost:
            raise _RefusedError("the primary can't be reached, a planned promotion needs it")
        if mode.lower() == "switchover":
            name = server.id.rpartition("/")[2]
            pointed = [
                one
                for one in self._endpoints(source[0])
                if name in json.dumps(one.properties.get("members"))
            ]
            if not pointed:
                raise _RefusedError("a switchover needs a virtual endpoint that names the replica")
        databases.promote(self._cloud, server, mode)

    def _point(self, server: Resource, name: str, body: Properties) -> None:
        properties = body.get("properties")
        given: Properties = properties if isinstance(properties, dict) else {}
        there = [one for one in self._endpoints(server) if one.id.endswith(f"/{name}")]
        if there:
            self._cloud.adjust(there[0], given)
        else:
            self._cloud.add(
                token=_ENDPOINT,
                place=server.place,
                id=f"{server.id}/virtualEndpoints/{name}",
                urn="",
                inputs={},
                properties=given,
            )


def _query(answer: Any, path: str) -> Any:
    """Returns what a path of names and places finds: the part of JMESPath that scripts use."""
    for step in path.split("."):
        match = _STEP.fullmatch(step)
        if match is None:
            raise _RefusedError(f"the query {path} is not simulated")
        answer = cast("dict[str, Any]", answer).get(match[1]) if isinstance(answer, dict) else None
        for place in re.findall(r"\d+", match[2]):
            listed = cast("list[Any]", answer) if isinstance(answer, list) else []
            answer = listed[int(place)] if int(place) < len(listed) else None
    return answer


def _require_version(parameters: str) -> None:
    if "api-version=" not in parameters:
        raise _RefusedError("MissingApiVersionParameter")


def main() -> int:
    """Returns the exit status, as az's: 1 for a refusal, 2 for what it does not know."""
    parser = argparse.ArgumentParser(prog="az", allow_abbrev=False)
    parser.add_argument("group", choices=["rest"])
    parser.add_argument("--method", choices=["get", "put", "patch", "post"], default="get")
    parser.add_argument("--url", required=True)
    parser.add_argument("--query")
    parser.add_argument("--body", default="{}")
    parser.add_argument("--output", choices=["tsv", "json", "none"], default="json")
    arguments = parser.parse_args()
    path, _, parameters = arguments.url.partition("?")
    try:
        _require_version(parameters)
        rest = _Rest(Path(os.environ[FOLDER_VARIABLE]))
        found = rest.answer(arguments.method, path, json.loads(arguments.body))
        shown = _query(found, arguments.query) if arguments.query else found
    except _RefusedError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    if arguments.output == "tsv":
        print("" if shown is None else str(shown).lower() if isinstance(shown, bool) else shown)
    elif arguments.output == "json":
        print(json.dumps(shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
