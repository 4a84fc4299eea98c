"""Resource inputs as Kubernetes objects: type tokens, names, values not known yet, differences."""

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from components.clouds.local.provider.values import UNKNOWN, Properties, Unknown, Value, has_unknown
from tools.simulation.kubernetes.api import Object

Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions from an object's root to one of its fields."""

AUTONAMED: Final = "pulumi.com/autonamed"
_MAX_NAME = 253

# What a change of these fields does to an object cannot be done in place; source: the kubernetes
# provider's own list (pulumi-kubernetes, provider/pkg/provider/diff.go).
_REPLACED_BY: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): (
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): (
        "spec.completions",
        "spec.parallelism",
        "spec.selector",
        "spec.template",
    ),
    ("", "ConfigMap"): ("binaryData", "data"),
    ("", "PersistentVolumeClaim"): ("spec",),
    ("", "Pod"): ("spec",),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Secret"): ("type", "stringData", "data"),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
}
_REPLACED_BY_ANY: Final = ("apiVersion", "kind", "metadata.name", "metadata.namespace")


def group_of(api_version: str) -> str:
    """Returns the group of an ``apiVersion``, empty for the core one."""
    return api_version.rpartition("/")[0]


def namespace_of(manifest: Mapping[str, Any]) -> str | None:
    """Returns the namespace that an object names, None when it names none."""
    value = manifest.get("metadata", {}).get("namespace")
    return value if isinstance(value, str) else None


def name_of(manifest: Mapping[str, Any]) -> str | None:
    """Returns an object's name, None while it is not known."""
    value = manifest.get("metadata", {}).get("name")
    return value if isinstance(value, str) else None


def identity(manifest: Mapping[str, Any]) -> str:
    """Returns the resource id that the kubernetes provider gives: ``namespace/name``."""
    namespace, name = namespace_of(manifest), name_of(manifest)
    return f"{namespace}/{name}" if namespace else str(name)


def title(manifest: Mapping[str, Any]) -> str:
    """Returns how messages call an object: ``Deployment namespace/name``."""
    return f"{manifest.get('kind')} {identity(manifest)}"


def named(inputs: Properties, olds: Properties, name: str, seed: bytes) -> Properties:
    """Returns the inputs with a name: the declared one, the old one, or ``<name>-<hex>``.

    Args:
        inputs: as declared.
        olds: the inputs of the last update, empty at create.
        name: of the resource in the program.
        seed: decides the hexadecimal digits; random when empty.
    """
    metadata = inputs.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return inputs
    metadata = dict(metadata or {})
    if "name" in metadata or "generateName" in metadata:
        return inputs
    before = olds.get("metadata")
    annotations = before.get("annotations") if isinstance(before, dict) else None
    if isinstance(before, dict) and isinstance(annotations, dict) and AUTONAMED in annotations:
        metadata["name"] = before["name"]
    else:
        metadata["name"] = generated_name(name, seed)
    declared = metadata.get("annotations")
    kept = declared if isinstance(declared, dict) else {}
    metadata["annotations"] = {**kept, AUTONAMED: "true"}
    return {**inputs, "metadata": metadata}


def generated_name(name: str, seed: bytes) -> str:
    """Returns ``<name>-<hex>``, the same for the same seed; random when that is empty."""
    digits = hashlib.sha256(seed).hexdigest() if seed else secrets.token_hex(4)
    return f"{name[: _MAX_NAME - 9]}-{digits[:8]}"


def unknown_paths(value: Value, path: Path = ()) -> Iterator[Path]:
    """Yields where a value holds something that only ``up`` will know."""
    if isinstance(value, Unknown):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unknown_paths(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from unknown_paths(item, (*path, position))


def show(path: Path) -> str:
    """Returns a path as the apiserver writes it: ``spec.ports[0].port``."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.lstrip(".")


def restore(known: Value, inputs: Value) -> Value:
    """Returns what the apiserver answered, with the unknown inputs unknown again."""
    if not has_unknown(inputs):
        return known
    if isinstance(inputs, dict) and isinstance(known, dict):
        return {
            **known,
            **{key: restore(known.get(key), item) for key, item in inputs.items()},
        }
    return inputs


def changed_paths(before: Value, after: Value, path: Path = ()) -> Iterator[Path]:
    """Yields the innermost fields in which two inputs differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            if key in before and key in after:
                yield from changed_paths(before[key], after[key], (*path, key))
            else:
                yield (*path, key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changed_paths(one, other, (*path, position))
    elif before != after or isinstance(after, Unknown):
        yield path


def replaces(inputs: Properties, path: Path, mutable: frozenset[str]) -> bool:
    """Tells whether a change at a path can only be made by a new object.

    Args:
        inputs: of the object.
        path: of the changed field.
        mutable: kinds, of ConfigMap and Secret, whose data may change in place.
    """
    kind = str(inputs.get("kind"))
    fixed = set(_REPLACED_BY_ANY) | set(
        _REPLACED_BY.get((group_of(str(inputs.get("apiVersion"))), kind), ())
    )
    if kind in mutable:
        fixed -= {"data", "stringData", "binaryData"}
    changed = show(path)
    return any(changed == one or changed.startswith((f"{one}.", f"{one}[")) for one in fixed)


def keeps_place(before: Properties, after: Properties) -> bool:
    """Tells whether two inputs are for one name and namespace, so that only one can be there."""
    return identity(before) == identity(after)


def without_server_fields(live: Object) -> Object:
    """Returns an object without what changes by itself and no program reads."""
    metadata = {
        key: value for key, value in live.get("metadata", {}).items() if key != "managedFields"
    }
    return {**live, "metadata": metadata}


_MADE_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink")


def previewed(answer: Object, inputs: Properties) -> Properties:
    """Returns what a dry run lets a program know; what the server makes anew stays unknown."""
    known = cast("dict[str, Value]", without_server_fields(answer))
    metadata = cast("dict[str, Value]", known["metadata"])
    known["metadata"] = {**metadata, **dict.fromkeys(_MADE_BY_SERVER[:3], UNKNOWN)}
    known["status"] = UNKNOWN
    if inputs.get("kind") == "Service":
        spec = dict(cast("dict[str, Value]", known.get("spec") or {}))
        declared = cast("dict[str, Value]", inputs.get("spec") or {})
        for key in ("clusterIP", "clusterIPs", "healthCheckNodePort"):
            if key in spec and key not in declared:
                spec[key] = UNKNOWN
        known["spec"] = spec
    return cast("Properties", restore(known, inputs))


def as_declared(live: Properties, declared: Properties) -> Properties:
    """Returns the live values of what was declared."""
    found = cast("Properties", _as_declared(live, declared))
    if "stringData" in declared:
        # A Secret takes this in and gives it out as base64.
        data = cast("dict[str, str]", live.get("data") or {})
        found["stringData"] = {
            key: base64.b64decode(data[key]).decode(errors="replace")
            for key in cast("dict[str, Value]", declared["stringData"])
            if key in data
        }
    return found


def _as_declared(live: Value, declared: Value) -> Value:
    if isinstance(live, dict) and isinstance(declared, dict):
        return {key: _as_declared(live[key], one) for key, one in declared.items() if key in live}
    if isinstance(live, list) and isinstance(declared, list) and len(live) == len(declared):
        return [_as_declared(one, other) for one, other in zip(live, declared, strict=True)]
    return live
