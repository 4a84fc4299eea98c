"""The Kubernetes API as the stand-in speaks it: kinds, server-side apply, and errors.

Source: kubernetes.io/docs/reference/using-api (server-side apply, dry run, field validation).
"""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from urllib.parse import quote, urlencode

from tools.simulation.kubernetes.control_plane import LOOPBACK, Access

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object, or a part of one, as JSON."""

FIELD_MANAGER = "pulumi"
_TIMEOUT_SECONDS = 30
_ESTABLISH_SECONDS = 30


class ApiError(Exception):
    """The apiserver refused.

    Attributes:
        code: of the HTTP answer.
        causes: the fields it names, each with what is wrong; empty when it names none.
    """

    def __init__(self, code: int, message: str, causes: tuple[tuple[str, str], ...] = ()) -> None:
        """Takes over the apiserver's own words."""
        super().__init__(message)
        self.code = code
        self.causes = causes


@dataclass(frozen=True)
class Kind:
    """A kind of object that a cluster serves.

    Attributes:
        api_version: group and version, such as ``apps/v1``; ``v1`` for the core group.
        kind: such as ``Deployment``.
        plural: its name in paths.
        namespaced: whether its objects live in namespaces.
        verbs: what can be done with it.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...] = ()

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Returns the path of the collection, or of one object."""
        root = "/apis" if "/" in self.api_version else "/api"
        place = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        one = f"/{quote(name)}" if name else ""
        return f"{root}/{self.api_version}{place}/{self.plural}{one}"


class Api:
    """A client of one apiserver, for many threads."""

    def __init__(self, access: Access) -> None:
        """Sets whom to call."""
        self._access = access
        self._idle: list[http.client.HTTPSConnection] = []
        self._kinds: dict[str, dict[str, Kind]] = {}
        self._schemas: dict[str, Object] = {}

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: str = "application/json",
        **query: str,
    ) -> Object:
        """Sends one request and returns the answer.

        Raises:
            ApiError: the apiserver refused.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Authorization": f"Bearer {self._access.token}", "Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = content
        status, answer = self._send(method, target, payload, headers)
        parsed = _parse(answer)
        if status >= http.client.BAD_REQUEST:
            raise _error(status, parsed, answer)
        return parsed

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        while self._idle:
            self._idle.pop().close()

    def _send(
        self, method: str, target: str, payload: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        try:
            kept = self._idle.pop()
        except IndexError:
            kept = None
        if kept is not None:
            try:
                return self._exchange(kept, method, target, payload, headers)
            except (OSError, http.client.HTTPException):
                kept.close()  # it was kept open for too long
        fresh = http.client.HTTPSConnection(
            LOOPBACK, self._access.port, timeout=_TIMEOUT_SECONDS, context=self._access.tls
        )
        try:
            return self._exchange(fresh, method, target, payload, headers)
        except (OSError, http.client.HTTPException):
            fresh.close()
            raise

    def _exchange(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        target: str,
        payload: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, bytes]:
        connection.request(method, target, payload, dict(headers))
        with connection.getresponse() as response:
            answer = response.status, response.read()
        self._idle.append(connection)
        return answer

    def find(self, api_version: str, kind: str) -> Kind:
        """Returns a kind that the cluster serves.

        Raises:
            ApiError: it serves no such kind, in kubectl's words.
        """
        known = self._kinds.get(api_version, {}).get(kind)
        if known is None:
            self._kinds[api_version] = self._discover(api_version)
            known = self._kinds[api_version].get(kind)
        if known is None:
            raise ApiError(
                http.client.NOT_FOUND, f'no matches for kind "{kind}" in version "{api_version}"'
            )
        return known

    def _discover(self, api_version: str) -> dict[str, Kind]:
        root = "/apis" if "/" in api_version else "/api"
        try:
            answer = self.call("GET", f"{root}/{api_version}")
        except ApiError as error:
            if error.code == http.client.NOT_FOUND:
                return {}
            raise
        return {
            one["kind"]: Kind(
                api_version, one["kind"], one["name"], one["namespaced"], tuple(one["verbs"])
            )
            for one in answer["resources"]
            if "/" not in one["name"]
        }

    def namespaced_kinds(self) -> list[Kind]:
        """Returns every kind whose objects live in namespaces and can be deleted together."""
        groups = self.call("GET", "/apis")["groups"]
        versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
        return [
            kind
            for version in versions
            for kind in self._discover(version).values()
            if kind.namespaced and "deletecollection" in kind.verbs
        ]

    def get(self, api_version: str, kind: str, namespace: str | None, name: str) -> Object | None:
        """Returns an object, None when there is none or its kind is not served."""
        try:
            found = self.find(api_version, kind)
            return self.call("GET", found.path(namespace, name))
        except ApiError as error:
            if error.code == http.client.NOT_FOUND:
                return None
            raise

    def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        """Applies an object on the server's side, with strict field validation.

        Raises:
            ApiError: the apiserver refused.
        """
        kind = self.find(manifest["apiVersion"], manifest["kind"])
        metadata = manifest["metadata"]
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        if force:
            query["force"] = "true"
        return self.call(
            "PATCH",
            kind.path(metadata.get("namespace", "default"), metadata["name"]),
            manifest,
            content="application/apply-patch+yaml",
            **query,
        )

    def set_status(self, manifest: Object, status: Object) -> None:
        """Sets an object's status, as a controller would."""
        kind = self.find(manifest["apiVersion"], manifest["kind"])
        metadata = manifest["metadata"]
        self.call(
            "PATCH",
            kind.path(metadata.get("namespace"), metadata["name"]) + "/status",
            {"status": status},
            content="application/merge-patch+json",
        )

    def delete(self, api_version: str, kind: str, namespace: str | None, name: str) -> None:
        """Deletes an object; succeeds when it is gone already."""
        try:
            found = self.find(api_version, kind)
            self.call("DELETE", found.path(namespace, name), propagationPolicy="Background")
        except ApiError as error:
            if error.code != http.client.NOT_FOUND:
                raise

    def install_crds(self, crds: list[Object]) -> None:
        """Applies CustomResourceDefinitions and waits until their kinds are served.

        Raises:
            ApiError: the apiserver refused one, or serves it after too long a time.
        """
        for crd in crds:
            self.apply(crd, force=True)
        deadline = time.monotonic() + _ESTABLISH_SECONDS
        for crd in crds:
            group, name = crd["spec"]["group"], crd["spec"]["names"]["kind"]
            served = [one["name"] for one in crd["spec"]["versions"] if one["served"]]
            for version in served:
                while name not in self._discover(f"{group}/{version}"):
                    if time.monotonic() > deadline:
                        raise ApiError(
                            http.client.GATEWAY_TIMEOUT,
                            f"{crd['metadata']['name']} is not established "
                            f"after {_ESTABLISH_SECONDS} s",
                        )
                    time.sleep(0.05)

    def schema(self, api_version: str) -> Object:
        """Returns the OpenAPI v3 document of a group and version, empty when there is none."""
        if api_version not in self._schemas:
            root = "apis" if "/" in api_version else "api"
            try:
                self._schemas[api_version] = self.call("GET", f"/openapi/v3/{root}/{api_version}")
            except ApiError as error:
                if error.code != http.client.NOT_FOUND:
                    raise
                return {}
        return self._schemas[api_version]


def _parse(answer: bytes) -> Object:
    try:
        parsed: object = json.loads(answer)
    except ValueError:
        return {}
    return cast("Object", parsed) if isinstance(parsed, dict) else {}


def _error(status: int, parsed: Object, answer: bytes) -> ApiError:
    message = str(parsed.get("message") or answer.decode(errors="replace").strip())
    details = cast("Object", parsed.get("details") or {})
    causes = tuple(
        (str(cause["field"]), str(cause.get("message", "")))
        for cause in cast("list[Object]", details.get("causes") or [])
        if cause.get("field")
    )
    return ApiError(status, message, causes)
