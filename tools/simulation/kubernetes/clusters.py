"""The clusters of a simulation: one for each kubeconfig, and a scratch one for dry runs.

There are no controllers. What objects rely on of them is done here, and nothing else: a namespace
gets its ``default`` ServiceAccount and is emptied when it is deleted, a load balancer gets an
address, a quota its status, and what a Certificate or an ExternalSecret promises becomes a Secret.
Pods never run; a workload counts as ready once it is accepted.
"""

import atexit
import base64
import contextlib
import hashlib
import http.client
import shutil
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tools.simulation.kubernetes import build
from tools.simulation.kubernetes.addons import ADD_ONS
from tools.simulation.kubernetes.api import FIELD_MANAGER, Api, ApiError, Object
from tools.simulation.kubernetes.control_plane import ApiServer, Etcd
from tools.simulation.kubernetes.objects import group_of, namespace_of
from tools.simulation.kubernetes.references import made_secrets, pod_template

_CONTROLLER = "controllers"
"""The field manager of what stands in for controllers."""
_MADE_BY = "ai-platform.simulation/made-by"


class Cluster:
    """One apiserver, and what stands in for the controllers of its cluster."""

    def __init__(self, server: ApiServer) -> None:
        """Prepares the namespaces that each cluster has."""
        self._server = server
        self.api = Api(server.access)
        self._crds = threading.Lock()
        for name in ("default", "kube-system"):
            with contextlib.suppress(ApiError):
                self._account(name)

    def stop(self) -> None:
        """Ends its apiserver; what it holds stays in the store."""
        self.api.close()
        self._server.stop()

    def serve(self, api_version: str, kind: str) -> None:
        """Lets the cluster serve a kind of a known add-on, if it does not yet.

        The CRD comes when its kind is first used, not with the release that brings it: a schema
        costs memory and seconds.
        """
        chart = chart_of(api_version)
        if chart is None:
            return
        with self._crds:
            try:
                self.api.find(api_version, kind)
            except ApiError:
                group = group_of(api_version)
                self.api.install_crds(
                    [
                        crd
                        for add_on in ADD_ONS
                        if add_on.name == chart
                        for crd in build.crds(add_on)
                        if crd["spec"]["group"] == group and crd["spec"]["names"]["kind"] == kind
                    ]
                )

    def admit_pod(self, manifest: Mapping[str, Any], namespace: str) -> None:
        """Lets the apiserver judge the pods that a workload would make, without making one.

        What a pod names may come later in the run, so it is left to the check of references.

        Raises:
            ApiError: it would refuse them.
        """
        found = pod_template(manifest)
        if not found or not found[0]:
            return
        place, template = found
        spec = {
            key: value
            for key, value in template.get("spec", {}).items()
            if key not in {"serviceAccountName", "priorityClassName", "runtimeClassName"}
        }
        labels = {
            key: template.get("metadata", {}).get(key, {}) for key in ("labels", "annotations")
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "template-", **labels},
            "spec": spec,
        }
        try:
            self.api.call(
                "POST",
                f"/api/v1/namespaces/{namespace}/pods",
                pod,
                dryRun="All",
                fieldValidation="Strict",
                fieldManager=FIELD_MANAGER,
            )
        except ApiError as error:
            causes = tuple((f"{place}.{path}", said) for path, said in error.causes)
            raise ApiError(error.code, f"{place}: {error}", causes) from None

    def make(self, manifest: Object, *, force: bool = False) -> Object:
        """Applies an object and does what controllers would.

        Args:
            manifest: the object.
            force: whether to take fields over that somebody else has set.

        Raises:
            ApiError: the apiserver refused.
        """
        live = self.api.apply(manifest, force=force)
        name, kind = live["metadata"]["name"], live["kind"]
        if kind == "Namespace":
            self._account(name)
        elif kind == "ResourceQuota":
            hard = live.get("spec", {}).get("hard", {})
            self.api.set_status(live, {"hard": hard, "used": dict.fromkeys(hard, "0")})
        elif kind == "Service" and live["spec"].get("type") == "LoadBalancer":
            digits = int(hashlib.sha256(live["metadata"]["uid"].encode()).hexdigest()[:4], 16)
            address = f"203.0.113.{digits % 254 + 1}"
            self.api.set_status(live, {"loadBalancer": {"ingress": [{"ip": address}]}})
        for secret, keys in made_secrets(live).items():
            self._secret(live, secret, keys or frozenset())
        found = self.api.get(live["apiVersion"], kind, namespace_of(live), name)
        return found or live

    def remove(self, manifest: Mapping[str, Any]) -> None:
        """Deletes an object, what a controller had made for it, and all that is in a namespace.

        Raises:
            ApiError: the apiserver refused.
        """
        kind, metadata = manifest["kind"], manifest["metadata"]
        namespace, name = namespace_of(manifest) or "default", metadata["name"]
        self.api.delete(manifest["apiVersion"], kind, namespace, name)
        if kind == "Namespace":
            self._empty(name)
        for secret in made_secrets(manifest):
            owned = self.api.get("v1", "Secret", namespace, secret)
            if owned and _MADE_BY in owned["metadata"].get("labels", {}):
                self.api.delete("v1", "Secret", namespace, secret)

    def discard(self, namespace: str) -> None:
        """Removes a namespace in which dry runs took place, and what they needed there.

        Raises:
            ApiError: the apiserver refused.
        """
        self.api.delete("v1", "Namespace", None, namespace)
        for plural in ("serviceaccounts", "limitranges", "resourcequotas"):
            self.api.call("DELETE", f"/api/v1/namespaces/{namespace}/{plural}")
        self._finalize(namespace)

    def _account(self, namespace: str) -> None:
        self.api.apply(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": namespace},
            },
            manager=_CONTROLLER,
        )

    def _secret(self, owner: Object, name: str, keys: frozenset[str]) -> None:
        namespace = namespace_of(owner) or "default"
        existing = self.api.get("v1", "Secret", namespace, name)
        if existing and _MADE_BY not in existing["metadata"].get("labels", {}):
            return
        self.api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {_MADE_BY: owner["kind"]},
                },
                "data": dict.fromkeys(keys, base64.b64encode(b"made by a stand-in").decode()),
            },
            manager=_CONTROLLER,
            force=True,
        )

    def _empty(self, namespace: str) -> None:
        for kind in self.api.namespaced_kinds():
            with contextlib.suppress(ApiError):
                self.api.call("DELETE", kind.path(namespace))
        self._finalize(namespace)

    def _finalize(self, namespace: str) -> None:
        found = self.api.get("v1", "Namespace", None, namespace)
        if found:
            found["spec"] = {**found.get("spec", {}), "finalizers": []}
            try:
                self.api.call("PUT", f"/api/v1/namespaces/{namespace}/finalize", found)
            except ApiError as error:
                if error.code != http.client.NOT_FOUND:
                    raise


def chart_of(api_version: str) -> str | None:
    """Returns the chart that brings the kinds of a version, None when no known add-on does."""
    return _groups().get(group_of(api_version))


@cache
def _groups() -> dict[str, str]:
    return {crd["spec"]["group"]: one.name for one in ADD_ONS for crd in build.crds(one)}


class Clusters:
    """Starts the clusters of one simulation as they are needed."""

    def __init__(self, folder: Path) -> None:
        """Sets the folder that keeps every cluster between runs."""
        self._folder = folder / "kubernetes"
        self._scratch = self._folder / "scratch"
        self._lock = threading.Lock()
        self._starting: dict[str, threading.Lock] = {}
        self._running: dict[str, Cluster] = {}
        self._stores: dict[Path, Etcd] = {}
        atexit.register(self.stop)

    def live(self, server: str) -> Cluster:
        """Returns the cluster behind a kubeconfig's server URL.

        Raises:
            ControlPlaneError: it does not start.
        """
        prefix = f"cluster-{hashlib.sha256(server.encode()).hexdigest()[:12]}"
        return self._get(prefix, self._folder)

    def scratch(self) -> Cluster:
        """Returns the cluster on which previews try things out, empty when it starts.

        Raises:
            ControlPlaneError: it does not start.
        """
        return self._get("scratch", self._scratch)

    def stop(self) -> None:
        """Ends every process, and forgets the scratch cluster."""
        with self._lock:
            for cluster in self._running.values():
                cluster.stop()
            for store in self._stores.values():
                store.stop()
            self._running.clear()
            self._stores.clear()
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _get(self, prefix: str, folder: Path) -> Cluster:
        with self._lock:
            if prefix in self._running:
                return self._running[prefix]
            starting = self._starting.setdefault(prefix, threading.Lock())
        with starting:
            with self._lock:
                if prefix in self._running:
                    return self._running[prefix]
                if folder not in self._stores:
                    if folder == self._scratch:  # of a process that was killed
                        shutil.rmtree(folder, ignore_errors=True)
                    self._stores[folder] = Etcd(folder)
                store = self._stores[folder]
            cluster = Cluster(ApiServer(folder, store, prefix))
            with self._lock:
                self._running[prefix] = cluster
            return cluster
