"""Stand-ins for values that a preview can't know, so that the apiserver can judge the rest."""

import re
from typing import Any, Final, cast

from components.clouds.local.provider.values import Properties, Unknown, Value, has_unknown
from tools.simulation.kubernetes.api import Api, ApiError, Object
from tools.simulation.kubernetes.objects import Path, group_of, show

_BY_REFERENCE: Final = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "1",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": 1,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "2000-01-01T00:00:00Z",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "2000-01-01T00:00:00.000000Z",
}
_BY_FORMAT: Final = {"date-time": "2000-01-01T00:00:00Z", "byte": "dW5rbm93bg=="}
_BY_TYPE: Final[dict[str, Any]] = {
    "string": "unknown",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "object": {},
    "array": [],
}
_PLACE: Final = re.compile(
    r"(?:^|[\s:])\.?((?:[a-z][\w-]*(?:\[[^\]]*\])*)(?:\.[\w/-]+(?:\[[^\]]*\])*)+)"
)


def fill(api: Api, inputs: Properties) -> Object:
    """Returns the inputs with each unknown replaced by a value of the type its field has."""
    if not has_unknown(inputs):
        return cast("Object", inputs)
    document = api.schema(str(inputs["apiVersion"]))
    schemas = cast("dict[str, Object]", document.get("components", {}).get("schemas", {}))
    root = _of_kind(schemas, str(inputs["apiVersion"]), str(inputs["kind"]))
    return cast("Object", _fill(inputs, root, schemas))


def _of_kind(schemas: dict[str, Object], api_version: str, kind: str) -> Object:
    group, version = group_of(api_version), api_version.rpartition("/")[2]
    for schema in schemas.values():
        for one in schema.get("x-kubernetes-group-version-kind", ()):
            if (one["group"], one["version"], one["kind"]) == (group, version, kind):
                return schema
    return {}


def _fill(value: Value, schema: Object, schemas: dict[str, Object]) -> Any:
    if isinstance(value, Unknown):
        return _placeholder(schema, schemas)
    if isinstance(value, dict):
        resolved = _resolve(schema, schemas)
        fields = cast("dict[str, Object]", resolved.get("properties", {}))
        other = resolved.get("additionalProperties", {})
        rest = cast("Object", other) if isinstance(other, dict) else {}
        return {key: _fill(item, fields.get(key, rest), schemas) for key, item in value.items()}
    if isinstance(value, list):
        items = cast("Object", _resolve(schema, schemas).get("items", {}))
        return [_fill(item, items, schemas) for item in value]
    return value


def _reference(schema: Object) -> str | None:
    for one in (schema, *schema.get("allOf", ())):
        if "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return None


def _resolve(schema: Object, schemas: dict[str, Object]) -> Object:
    name = _reference(schema)
    return schemas.get(name, {}) if name else schema


def _placeholder(schema: Object, schemas: dict[str, Object]) -> Any:
    name = _reference(schema)
    if name in _BY_REFERENCE:
        return _BY_REFERENCE[name]
    resolved = _resolve(schema, schemas)
    if resolved.get("enum"):
        return resolved["enum"][0]
    if resolved.get("x-kubernetes-int-or-string"):
        return 1
    declared = str(resolved.get("type", "string"))
    if declared == "string":
        return _BY_FORMAT.get(str(resolved.get("format")), "unknown")
    return _BY_TYPE[declared]


def explains(error: ApiError, unknown: list[Path]) -> bool:
    """Tells whether everything the apiserver refused comes from what is not known yet.

    A refusal that names no field is taken for one: an object never fails for an unknown.
    """
    refused = [place for place, _ in error.causes] or _PLACE.findall(str(error))
    if "field not declared in schema" in str(error) or "unknown field" in str(error):
        return False
    places = [_parts(show(path)) for path in unknown]
    return all(any(_meet(_parts(one), place) for place in places) for one in refused)


def _parts(path: str) -> list[str]:
    """Returns a path's fields without brackets: the apiserver names items by key or position."""
    parts = re.sub(r"\[[^\]]*\]", "", path).lstrip(".").split(".")
    # What a Secret is given as stringData, the apiserver speaks of as data.
    return ["data", *parts[1:]] if parts[0] == "stringData" else parts


def _meet(one: list[str], other: list[str]) -> bool:
    """Tells whether one path is the other, or leads to it."""
    return all(first == second for first, second in zip(one, other, strict=False))
