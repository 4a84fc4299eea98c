"""Helm releases: what is checked of one, and what the stand-in does for it.

A chart is not rendered. A release of a known add-on at its pinned version lets the cluster serve
the add-on's kinds, and is recorded in the way Helm does: a Secret of type ``helm.sh/release.v1``.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final, cast

from components.clouds.local.provider.values import UNKNOWN, Properties, Unknown, Value
from tools.simulation.kubernetes.addons import ADD_ONS
from tools.simulation.kubernetes.api import Api, Object
from tools.simulation.kubernetes.objects import generated_name

TOKEN: Final = "kubernetes:helm.sh/v3:Release"  # noqa: S105 - a type, no secret
_EXACT: Final = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_REPLACED_BY: Final = ("name", "namespace")


def mistakes(inputs: Properties) -> Iterator[tuple[str, str]]:
    """Yields each wrong input of a release: the property, and what would be right."""
    chart, version = inputs.get("chart"), inputs.get("version")
    if not isinstance(chart, Unknown):
        yield from _chart_mistakes(chart, version)
    repository = inputs.get("repositoryOpts")
    url = repository.get("repo") if isinstance(repository, dict) else None
    local = isinstance(chart, str) and chart.startswith("oci://")
    if not local and not isinstance(url, Unknown) and not isinstance(repository, Unknown):
        if not isinstance(url, str):
            yield "repositoryOpts.repo", "is missing: the https URL of the chart's repository"
        elif not url.startswith("https://"):
            yield "repositoryOpts.repo", f"{url!r} is not an https URL"
    values = inputs.get("values")
    if values is not None and not isinstance(values, dict | Unknown):
        yield "values", f"is a {type(values).__name__}, and would be a mapping"


def _chart_mistakes(chart: Value, version: Value) -> Iterator[tuple[str, str]]:
    name = str(chart).rpartition("/")[2]
    add_on = next((one for one in ADD_ONS if one.name == name), None)
    if add_on is None:
        known = ", ".join(one.name for one in ADD_ONS)
        yield "chart", f"{chart!r} is not known here; known charts: {known}"
    elif isinstance(version, Unknown):
        return
    elif not isinstance(version, str) or not _EXACT.fullmatch(version):
        shown = "is missing" if version is None else f"{version!r} is no exact version"
        yield "version", f"{shown}; pin one, such as {add_on.version!r}"
    elif version.removeprefix("v") != add_on.version.removeprefix("v"):
        yield "version", f"{version!r} is not known of {name}; known: {add_on.version!r}"


def completed(inputs: Properties, olds: Properties, name: str, seed: bytes) -> Properties:
    """Returns the inputs of a release with its name, made up unless it is declared."""
    if "name" in inputs:
        return inputs
    return {**inputs, "name": olds.get("name") or generated_name(name, seed)}


def chart_of(inputs: Properties) -> str:
    """Returns the chart's name, without the registry it may come from."""
    return str(inputs.get("chart")).rpartition("/")[2]


def namespace_of(inputs: Properties) -> str:
    """Returns the namespace of a release."""
    value = inputs.get("namespace")
    return value if isinstance(value, str) else "default"


def replaces(key: str) -> bool:
    """Tells whether a changed input needs a new release."""
    return key in _REPLACED_BY


def outputs(inputs: Properties, revision: int | None) -> Properties:
    """Returns what a program can read of a release; unknown in a preview."""
    if revision is None:
        return {**inputs, "status": UNKNOWN, "manifest": UNKNOWN, "resourceNames": UNKNOWN}
    add_on = next(one for one in ADD_ONS if one.name == chart_of(inputs))
    return {
        **inputs,
        "status": {
            "appVersion": add_on.module_version,
            "chart": add_on.name,
            "name": inputs.get("name"),
            "namespace": namespace_of(inputs),
            "revision": revision,
            "status": "deployed",
            "version": add_on.version,
        },
        "manifest": {},
        "resourceNames": {},
    }


def record(inputs: Properties, revision: int) -> Object:
    """Returns the object that records a revision; values stay out of it, they may be secret."""
    name = str(inputs["name"])
    noted = {"name": name, "chart": chart_of(inputs), "version": inputs.get("version")}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{revision}",
            "namespace": namespace_of(inputs),
            "labels": {
                "owner": "helm",
                "name": name,
                "status": "deployed",
                "version": str(revision),
                "chart": chart_of(inputs),
            },
        },
        "data": {"release": base64.b64encode(json.dumps(noted).encode()).decode()},
    }


def recorded(api: Api, **labels: str) -> list[Object]:
    """Returns the records of the releases that have these labels, the newest last."""
    wanted = {"owner": "helm", **labels}
    selector = ",".join(f"{key}={value}" for key, value in wanted.items())
    found = cast(
        "list[Object]", api.call("GET", "/api/v1/secrets", labelSelector=selector)["items"]
    )
    return sorted(found, key=_revision)


def revision_of(records: list[Object]) -> int:
    """Returns the revision of the newest record, 0 when there is none."""
    return _revision(records[-1]) if records else 0


def _revision(one: dict[str, Any]) -> int:
    return int(one["metadata"]["labels"]["version"])
