"""What objects name: what must be there when a pod starts, and selectors that match nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from tools.simulation.kubernetes.api import Object
from tools.simulation.kubernetes.objects import name_of, namespace_of, title

_BUILT_IN: Final = frozenset(
    {
        ("ServiceAccount", "default"),
        ("ConfigMap", "kube-root-ca.crt"),
        ("PriorityClass", "system-cluster-critical"),
        ("PriorityClass", "system-node-critical"),
    }
)
_CLUSTER_SCOPED: Final = frozenset(
    {"PriorityClass", "RuntimeClass", "ClusterIssuer", "ClusterSecretStore", "ClusterRole"}
)
_API_VERSIONS: Final = {
    "Secret": "v1",
    "ConfigMap": "v1",
    "ServiceAccount": "v1",
    "PersistentVolumeClaim": "v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "RuntimeClass": "node.k8s.io/v1",
    "Issuer": "cert-manager.io/v1",
    "ClusterIssuer": "cert-manager.io/v1",
    "SecretStore": "external-secrets.io/v1",
    "ClusterSecretStore": "external-secrets.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
}


@dataclass(frozen=True)
class Reference:
    """One object that another names.

    Attributes:
        path: the field that names it.
        kind: what it is.
        name: what it is called.
        namespace: where, None for a kind that is in no namespace.
        key: the entry of a Secret or ConfigMap that is asked for, if one is.
    """

    path: str
    kind: str
    name: str
    namespace: str | None
    key: str | None = None

    @property
    def api_version(self) -> str:
        """The version to look it up in."""
        return _API_VERSIONS[self.kind]

    @property
    def built_in(self) -> bool:
        """Whether each cluster has it from the start."""
        return (self.kind, self.name) in _BUILT_IN


def pod_template(manifest: Mapping[str, Any]) -> tuple[str, Object] | None:
    """Returns where a workload's pod template is, and the template; None for other objects."""
    spec = _map(manifest.get("spec"))
    kind = manifest.get("kind")
    if kind == "CronJob":
        inner = _map(_map(spec.get("jobTemplate")).get("spec"))
        return "spec.jobTemplate.spec.template", _map(inner.get("template"))
    if kind == "Pod":
        return "", cast("Object", manifest)
    if kind in {"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "Rollout"}:
        return ("spec.template", _map(spec.get("template"))) if spec.get("template") else None
    return None


def needed(manifest: Mapping[str, Any]) -> Iterator[Reference]:
    """Yields what must exist for an object to work, as far as it is known."""
    namespace = namespace_of(manifest) or "default"
    found = pod_template(manifest)
    if found:
        place, template = found
        prefix = f"{place}.spec" if place else "spec"
        yield from _known(_of_pod(_map(template.get("spec")), prefix, namespace))
        return
    spec = _map(manifest.get("spec"))
    kind = manifest.get("kind")
    if kind == "Certificate":
        issuer = _map(spec.get("issuerRef"))
        if issuer.get("group", "cert-manager.io") == "cert-manager.io":
            yield from _known(_plain(issuer, "spec.issuerRef.name", "Issuer", namespace))
    elif kind == "ExternalSecret":
        store = _map(spec.get("secretStoreRef"))
        yield from _known(_plain(store, "spec.secretStoreRef.name", "SecretStore", namespace))
    elif kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = _map(manifest.get("roleRef"))
        yield from _known(_plain(role, "roleRef.name", "Role", namespace))


def _known(references: Iterable[tuple[str, str, object, str, object]]) -> Iterator[Reference]:
    for path, kind, name, namespace, key in references:
        if isinstance(name, str) and name and kind in _API_VERSIONS:
            place = None if kind in _CLUSTER_SCOPED else namespace
            yield Reference(path, kind, name, place, key if isinstance(key, str) else None)


def _plain(
    reference: Object, path: str, default: str, namespace: str
) -> Iterator[tuple[str, str, object, str, object]]:
    yield path, str(reference.get("kind") or default), reference.get("name"), namespace, None


def _of_pod(
    spec: Object, prefix: str, namespace: str
) -> Iterator[tuple[str, str, object, str, object]]:
    for key, kind in (
        ("serviceAccountName", "ServiceAccount"),
        ("priorityClassName", "PriorityClass"),
        ("runtimeClassName", "RuntimeClass"),
    ):
        yield f"{prefix}.{key}", kind, spec.get(key), namespace, None
    for place, secret in _items(spec, "imagePullSecrets", prefix):
        yield f"{place}.name", "Secret", secret.get("name"), namespace, None
    for place, volume in _items(spec, "volumes", prefix):
        yield from _of_volume(volume, place, namespace)
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for place, container in _items(spec, key, prefix):
            yield from _of_container(container, place, namespace)


def _of_volume(
    volume: Object, place: str, namespace: str
) -> Iterator[tuple[str, str, object, str, object]]:
    yield from _source(volume, place, namespace)
    claim = _map(volume.get("persistentVolumeClaim")).get("claimName")
    path = f"{place}.persistentVolumeClaim.claimName"
    yield path, "PersistentVolumeClaim", claim, namespace, None
    projected = _map(volume.get("projected"))
    for inner, source in _items(projected, "sources", f"{place}.projected"):
        yield from _source(source, inner, namespace)


def _source(
    source: Object, place: str, namespace: str
) -> Iterator[tuple[str, str, object, str, object]]:
    for key, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
        one = _map(source.get(key))
        if one.get("optional") is True:
            continue
        field = "secretName" if "secretName" in one else "name"
        items = [item for _, item in _items(one, "items", "")]
        for item in items or [{}]:
            yield f"{place}.{key}.{field}", kind, one.get(field), namespace, item.get("key")


def _of_container(
    container: Object, place: str, namespace: str
) -> Iterator[tuple[str, str, object, str, object]]:
    for inner, source in _items(container, "envFrom", place):
        for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            one = _map(source.get(key))
            if one.get("optional") is not True:
                yield f"{inner}.{key}.name", kind, one.get("name"), namespace, None
    for inner, variable in _items(container, "env", place):
        origin = _map(variable.get("valueFrom"))
        for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            one = _map(origin.get(key))
            if one.get("optional") is not True:
                path = f"{inner}.valueFrom.{key}"
                yield f"{path}.name", kind, one.get("name"), namespace, one.get("key")


def made_secrets(manifest: Mapping[str, Any]) -> dict[str, frozenset[str] | None]:
    """Returns the Secrets that an add-on makes for an object: names, and keys where known."""
    spec, name = _map(manifest.get("spec")), name_of(manifest)
    kind = manifest.get("kind")
    if kind == "Certificate" and isinstance(spec.get("secretName"), str):
        return {spec["secretName"]: frozenset({"tls.crt", "tls.key", "ca.crt"})}
    if kind == "ExternalSecret":
        target = _map(spec.get("target"))
        entries = [item.get("secretKey") for _, item in _items(spec, "data", "")]
        templated = _map(_map(target.get("template")).get("data"))
        open_ended = "dataFrom" in spec or "templateFrom" in _map(target.get("template"))
        keys = frozenset(map(str, entries)) | frozenset(templated)
        made = target.get("name", name)
        return {made: None if open_ended else keys} if isinstance(made, str) else {}
    if kind == "Elasticsearch" and name:
        return {
            f"{name}-es-elastic-user": frozenset({"elastic"}),
            f"{name}-es-http-certs-public": frozenset({"tls.crt", "ca.crt"}),
        }
    return {}


def keys_of(manifest: Mapping[str, Any]) -> frozenset[str] | None:
    """Returns the entries of a Secret or ConfigMap, None when they are not all known."""
    keys: set[str] = set()
    for part in ("data", "stringData", "binaryData"):
        entries = manifest.get(part)
        if entries is None:
            continue
        if not isinstance(entries, dict):
            return None
        keys.update(cast("dict[str, Any]", entries))
    return frozenset(keys)


def dangling(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns what is left over once all objects of a cluster are declared, in words.

    That is a selector that matches no pod of the namespace, a port that no such pod has, a target
    that is not there. A namespace with a Helm release is left out: its chart makes pods of its own.
    """
    declared = list(objects)
    charted = {
        one.get("namespace") or "default" for one in declared if one.get("kind") == "Release"
    }
    found: list[str] = []
    for one in declared:
        if (namespace_of(one) or "default") in charted:
            continue
        found.extend(f"{title(one)}: {said}" for said in _dangling(one, declared))
    return sorted(found)


def _dangling(one: Mapping[str, Any], declared: list[Mapping[str, Any]]) -> Iterator[str]:
    spec, kind = _map(one.get("spec")), one.get("kind")
    namespace = namespace_of(one) or "default"
    near = [other for other in declared if (namespace_of(other) or "default") == namespace]
    if kind == "Service" and spec.get("selector") and spec.get("type") != "ExternalName":
        yield from _service(spec, near)
    elif kind == "PodDisruptionBudget":
        yield from _selected(_map(spec.get("selector")), "spec.selector", near)
    elif kind == "NetworkPolicy" and spec.get("podSelector"):
        yield from _selected(_map(spec["podSelector"]), "spec.podSelector", near)
    elif kind == "HorizontalPodAutoscaler":
        target = _map(spec.get("scaleTargetRef"))
        wanted = target.get("kind"), target.get("name")
        if not any((other.get("kind"), name_of(other)) == wanted for other in near):
            yield f"spec.scaleTargetRef names {wanted[0]} {wanted[1]}, which is not declared"


def _service(spec: Object, near: list[Mapping[str, Any]]) -> Iterator[str]:
    pods = [pod for pod in _pods(near) if _matches({"matchLabels": spec["selector"]}, pod)]
    if not pods:
        yield f"spec.selector {_labels(_map(spec['selector']))} matches no pod of the namespace"
        return
    named = {
        port.get("name")
        for pod in pods
        for _, container in _items(_map(pod.get("spec")), "containers", "")
        for _, port in _items(container, "ports", "")
    }
    for place, port in _items(spec, "ports", "spec"):
        target = port.get("targetPort")
        if isinstance(target, str) and target not in named:
            known = ", ".join(sorted(str(name) for name in named if name)) or "none"
            yield f"{place}.targetPort {target!r} is no port of the selected pods; named: {known}"


def _selected(selector: Object, path: str, near: list[Mapping[str, Any]]) -> Iterator[str]:
    if not any(_matches(selector, pod) for pod in _pods(near)):
        yield f"{path} {_labels(_map(selector.get('matchLabels')))} matches no pod of the namespace"


def _pods(near: list[Mapping[str, Any]]) -> Iterator[Object]:
    for other in near:
        found = pod_template(other)
        if found:
            yield found[1]


def _matches(selector: Object, pod: Object) -> bool:
    """Tells whether a selector matches; values that are not known yet match anything."""
    labels = _map(_map(pod.get("metadata")).get("labels"))
    for key, wanted in _map(selector.get("matchLabels")).items():
        if key not in labels:
            return False
        if isinstance(wanted, str) and isinstance(labels[key], str) and labels[key] != wanted:
            return False
    for _, rule in _items(selector, "matchExpressions", ""):
        have, values = labels.get(str(rule.get("key"))), _list(rule.get("values"))
        fits = {
            "In": have in values,
            "NotIn": have not in values,
            "Exists": have is not None,
            "DoesNotExist": have is None,
        }
        if not fits.get(str(rule.get("operator")), True):
            return False
    return True


def _labels(labels: Object) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "{}"


def _map(value: object) -> Object:
    return cast("Object", value) if isinstance(value, dict) else {}


def _items(parent: Object, key: str, place: str) -> Iterator[tuple[str, Object]]:
    for position, item in enumerate(_list(parent.get(key))):
        if isinstance(item, dict):
            yield f"{place}.{key}[{position}]", cast("Object", item)


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
