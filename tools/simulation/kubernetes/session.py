"""What one connection of the engine works on: a run, a cluster of it, and how to get there."""

import hashlib
import http.client
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from components.clouds.local.provider.values import Properties, Value, has_unknown
from tools.go import BuildError
from tools.simulation.kubernetes import release, unknowns
from tools.simulation.kubernetes.api import ApiError, Object
from tools.simulation.kubernetes.clusters import Cluster, Clusters, chart_of
from tools.simulation.kubernetes.control_plane import ControlPlaneError
from tools.simulation.kubernetes.declared import Declared
from tools.simulation.kubernetes.objects import (
    namespace_of,
    previewed,
    title,
    unknown_paths,
    without_server_fields,
)
from tools.simulation.kubernetes.references import Reference, pod_template

_BUILT_IN_NAMESPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


class RefusedError(Exception):
    """An object can't be applied; the message names it, the field and what is wrong."""


class KubeconfigError(Exception):
    """A kubeconfig does not tell which cluster it is for."""


def server_of(kubeconfig: str, context: str | None = None) -> str:
    """Returns the URL of the apiserver that a kubeconfig, JSON or YAML, points to.

    Raises:
        KubeconfigError: it points to none; the message has no part of it, as it holds credentials.
    """
    try:
        parsed: object = yaml.safe_load(kubeconfig)
    except yaml.YAMLError:
        raise KubeconfigError("kubeconfig: is neither JSON nor YAML") from None
    config = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    current = context or config.get("current-context")
    chosen = _entry(config, "contexts", current)
    if chosen is None:
        raise KubeconfigError(f"kubeconfig: current-context {current!r} is none of its contexts")
    cluster = chosen.get("context", {}).get("cluster")
    found = _entry(config, "clusters", cluster)
    if found is None:
        raise KubeconfigError(f"kubeconfig: there is no cluster {cluster!r} in clusters")
    server = found.get("cluster", {}).get("server")
    if not isinstance(server, str) or not server.startswith("https://"):
        raise KubeconfigError("kubeconfig: clusters[].cluster.server would be an https URL")
    return server


def _entry(config: dict[str, Any], section: str, name: object) -> dict[str, Any] | None:
    entries = config.get(section)
    for one in cast("list[Any]", entries) if isinstance(entries, list) else ():
        if isinstance(one, dict) and cast("dict[str, Any]", one).get("name") == name:
            return cast("dict[str, Any]", one)
    return None


@contextmanager
def _named(manifest: Mapping[str, Any]) -> Generator[None]:
    """Puts the object's name in front of whatever is refused."""
    try:
        yield
    except (ApiError, RefusedError, ControlPlaneError, BuildError) as error:
        raise RefusedError(f"{title(manifest)}: {error}") from error


def _asks_for_force(manifest: Mapping[str, Any]) -> bool:
    annotations = cast("Object", manifest.get("metadata", {}).get("annotations") or {})
    return annotations.get("pulumi.com/patchForce") == "true"


def _moved(manifest: Object, namespace: tuple[str, str] | None) -> Object:
    """Returns an object in the second namespace of a pair, from the first."""
    if namespace is None:
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace[1]}}


def _renamed(error: ApiError, namespace: tuple[str, str] | None) -> ApiError:
    """Returns an error that speaks of the namespace that the program knows."""
    if namespace is None:
        return error
    return ApiError(error.code, str(error).replace(namespace[1], namespace[0]), error.causes)


@dataclass(frozen=True)
class Options:
    """Arguments of the provider, with the real one's defaults.

    Attributes:
        force: whether to take fields over that somebody else has set.
        mutable: kinds whose data may change in place, of ConfigMap and Secret.
    """

    force: bool = False
    mutable: frozenset[str] = frozenset()

    @classmethod
    def of(cls, arguments: Properties) -> "Options":
        """Reads the provider's arguments, which come as JSON."""
        kinds = {"enableConfigMapMutable": "ConfigMap", "enableSecretMutable": "Secret"}
        return cls(
            force=_is_true(arguments.get("enablePatchForce")),
            mutable=frozenset(kind for key, kind in kinds.items() if _is_true(arguments.get(key))),
        )


def _unserved(manifest: Mapping[str, Any], chart: str) -> RefusedError:
    return RefusedError(
        f'no matches for kind "{manifest.get("kind")}" in version '
        f'"{manifest.get("apiVersion")}"; a Helm release of {chart} brings it, and this '
        "object would depend on that"
    )


def _is_true(value: Value) -> bool:
    return value is True or value == "true"


@dataclass
class Session:
    """One cluster in one run.

    Attributes:
        clusters: all clusters of the simulation.
        server: URL of its apiserver; None while it is not known.
        place: tells the clusters of a run apart, also while their servers are not known.
        options: how the program wants the provider to behave.
        declared: what the run declares for the cluster.
    """

    clusters: Clusters
    server: str | None
    place: str
    options: Options
    declared: Declared = field(default_factory=Declared)
    _scratch: dict[str, str] = field(default_factory=dict[str, str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def live(self) -> Cluster:
        """Returns the cluster itself.

        Raises:
            RefusedError: its kubeconfig is not known.
        """
        if self.server is None:
            raise RefusedError("the provider has no kubeconfig yet")
        return self.clusters.live(self.server)

    def apply(self, manifest: Object) -> Object:
        """Applies an object to the cluster.

        Raises:
            RefusedError: it is wrong, or names what is not there.
        """
        cluster = self.live()
        with _named(manifest):
            self._require_release(cluster, manifest)
            self._require_references(
                manifest,
                lambda one: cluster.api.get(one.api_version, one.kind, one.namespace, one.name),
            )
            force = self.options.force or _asks_for_force(manifest)
            if pod_template(manifest):
                cluster.api.apply(manifest, dry_run=True, force=force)
                cluster.admit_pod(manifest, namespace_of(manifest) or "default")
            return without_server_fields(cluster.make(manifest, force=force))

    def preview(self, inputs: Properties, before: Properties | None) -> Properties:
        """Returns what an object would become, having changed nothing.

        What it needs may be declared beside it, or be in the cluster: another stack's, as what a
        cell of tenants finds in its environment's clusters.

        Args:
            inputs: as declared, with what is not known yet.
            before: the inputs of the last update, None at create.

        Raises:
            RefusedError: it is wrong, or names what is not there.
        """
        scratch = self.clusters.scratch()
        known = cast("Object", inputs)
        with _named(known):
            self._require_declared_release(known)
            self._require_references(known, self._existing)
            scratch.serve(known["apiVersion"], known["kind"])
            namespace = self._namespace(scratch, known)
            return previewed(self._dry_run(scratch, inputs, before, namespace), inputs)

    def _dry_run(
        self,
        scratch: Cluster,
        inputs: Properties,
        before: Properties | None,
        namespace: tuple[str, str] | None,
    ) -> Object:
        manifest = _moved(unknowns.fill(scratch.api, inputs), namespace)
        try:
            with self._previous(scratch, before, namespace):
                answer = scratch.api.apply(manifest, dry_run=True)
            if namespace:
                scratch.admit_pod(manifest, namespace[1])
        except ApiError as error:
            unknown = list(unknown_paths(inputs))
            if not unknown or not unknowns.explains(error, unknown):
                raise _renamed(error, namespace) from None
            answer = manifest
        if manifest["kind"] == "CustomResourceDefinition":
            scratch.api.install_crds([manifest])
        elif manifest["kind"] in {"LimitRange", "ResourceQuota"}:
            scratch.make(manifest)  # pods to come are judged by it
        return _moved(answer, namespace and (namespace[1], namespace[0]))

    @contextmanager
    def _previous(
        self, scratch: Cluster, before: Properties | None, namespace: tuple[str, str] | None
    ) -> Generator[None]:
        """Has an object in its last state, so that a forbidden change of it is refused."""
        if not before or not namespace or has_unknown(before):
            yield
            return
        manifest = _moved(cast("Object", before), namespace)
        with suppress(ApiError):
            scratch.api.apply(manifest)
        try:
            yield
        finally:
            scratch.remove(manifest)

    def _namespace(self, scratch: Cluster, manifest: Object) -> tuple[str, str] | None:
        """Returns an object's namespace and the one that stands for it on the scratch cluster."""
        kind = scratch.api.find(manifest["apiVersion"], manifest["kind"])
        if not kind.namespaced:
            return None
        wanted = namespace_of(manifest) or "default"
        with self._lock:
            if wanted in self._scratch:
                return wanted, self._scratch[wanted]
        built_in = wanted in _BUILT_IN_NAMESPACES
        declared = None if built_in else self.declared.namespace(wanted)
        if declared is None and not built_in:
            declared = self._existing(Reference("", "Namespace", wanted, None))
        if declared is None and not built_in:
            raise ApiError(http.client.NOT_FOUND, f'namespaces "{wanted}" not found')
        digest = hashlib.sha256(f"{self.place} {wanted}".encode()).hexdigest()[:12]
        stand_in = f"{wanted[:40]}-{digest}"
        labels = cast("object", (declared or {}).get("metadata", {}).get("labels"))
        known = cast("dict[str, Value]", labels) if isinstance(labels, dict) else {}
        told = {key: value for key, value in known.items() if isinstance(value, str)}
        with self._lock:
            scratch.make(
                {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": stand_in, "labels": told},
                }
            )
            self._scratch[wanted] = stand_in
        return wanted, stand_in

    def clear(self) -> None:
        """Removes what previews of this session needed on the scratch cluster."""
        with self._lock:
            for stand_in in self._scratch.values():
                self.clusters.scratch().discard(stand_in)
            self._scratch.clear()

    def _existing(self, one: Reference) -> Object | None:
        """Looks in the cluster itself, which may not be there yet."""
        if self.server is None:
            return None
        return self.live().api.get(one.api_version, one.kind, one.namespace, one.name)

    def _require_release(self, cluster: Cluster, manifest: Mapping[str, Any]) -> None:
        chart = chart_of(str(manifest.get("apiVersion")))
        if chart is None:
            return
        if not release.recorded(cluster.api, chart=chart):
            raise _unserved(manifest, chart)
        cluster.serve(str(manifest["apiVersion"]), str(manifest["kind"]))

    def _require_declared_release(self, manifest: Mapping[str, Any]) -> None:
        chart = chart_of(str(manifest.get("apiVersion")))
        if chart is None:
            return
        there = self.server and release.recorded(self.live().api, chart=chart)
        if not there and not self.declared.has_release(chart):
            raise _unserved(manifest, chart)

    def _require_references(
        self, manifest: Mapping[str, Any], live: Callable[[Reference], Object | None]
    ) -> None:
        said = self.declared.missing(manifest, live)
        if said:
            raise RefusedError(said)

    def preview_release(self, inputs: Properties) -> Properties:
        """Returns what a Helm release would become.

        Raises:
            RefusedError: its namespace is not declared.
        """
        wanted = release.namespace_of(inputs)
        made = inputs.get("createNamespace") is True or wanted in _BUILT_IN_NAMESPACES
        if not made and self.declared.namespace(wanted) is None:
            raise RefusedError(f'Release {inputs.get("name")}: namespaces "{wanted}" not found')
        return release.outputs(inputs, None)

    def install(self, inputs: Properties) -> Properties:
        """Records a Helm release, after which the cluster serves what its chart brings.

        Raises:
            RefusedError: its namespace does not exist.
        """
        api = self.live().api
        namespace, name = release.namespace_of(inputs), str(inputs["name"])
        with _named({"kind": "Release", "metadata": {"namespace": namespace, "name": name}}):
            if inputs.get("createNamespace") is True and not api.get(
                "v1", "Namespace", None, namespace
            ):
                self.live().make(
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
                )
            before = [
                one
                for one in release.recorded(api, name=name)
                if one["metadata"]["namespace"] == namespace
            ]
            revision = release.revision_of(before) + 1
            api.apply(release.record(inputs, revision))
            for one in before:
                api.delete("v1", "Secret", namespace, one["metadata"]["name"])
        return release.outputs(inputs, revision)

    def uninstall(self, inputs: Properties) -> None:
        """Drops the records of a release; as with Helm, its CRDs stay."""
        api = self.live().api
        for one in release.recorded(api, name=str(inputs["name"])):
            if one["metadata"]["namespace"] == release.namespace_of(inputs):
                api.delete("v1", "Secret", release.namespace_of(inputs), one["metadata"]["name"])

    def read(self, identity: str, inputs: Properties) -> Object | None:
        """Returns an object as it is in the cluster, None when it is not there.

        Args:
            identity: its id, ``namespace/name`` or ``name``.
            inputs: with its ``apiVersion`` and ``kind``.
        """
        namespace, _, name = identity.rpartition("/")
        found = self.live().api.get(
            str(inputs["apiVersion"]), str(inputs["kind"]), namespace or "default", name
        )
        return without_server_fields(found) if found else None

    def drifted(self, live: Object, declared: Properties) -> bool:
        """Tells whether applying what was declared would change an object.

        The apiserver decides, as it writes some values in another way than programs do.
        """
        try:
            answer = self.live().api.apply(cast("Object", declared), dry_run=True)
        except ApiError:
            return True  # somebody else has taken a field over
        return without_server_fields(answer) != live
