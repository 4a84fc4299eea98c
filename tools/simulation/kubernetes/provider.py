"""The engine's side: the ResourceProvider protocol in place of Pulumi's kubernetes provider.

Objects go by server-side apply to a real kube-apiserver: a dry run on a scratch cluster in a
preview, the cluster behind the kubeconfig in an update. Source: pulumi/proto/provider.proto; names,
ids and replacements follow pulumi-kubernetes.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from components.clouds.local.provider.values import (
    SIGNATURE,
    Properties,
    Unknown,
    Value,
    from_struct,
    to_struct,
)
from tools.simulation import faults
from tools.simulation.errors import CloudError, CutOffError
from tools.simulation.kubernetes import release
from tools.simulation.kubernetes.api import ApiError, Object
from tools.simulation.kubernetes.clusters import Clusters
from tools.simulation.kubernetes.objects import (
    as_declared,
    changed_paths,
    identity,
    keeps_place,
    named,
    replaces,
    show,
)
from tools.simulation.kubernetes.session import (
    KubeconfigError,
    Options,
    RefusedError,
    Session,
    server_of,
)

VERSION: Final = "4.34.2"
VERIFY: Final = "kubernetes:simulation:verify"
"""The function that returns what the last run left dangling."""
_NOT_KNOWN_YET: Final = "not known yet: "
_KEPT_RUNS: Final = 2
# The engine's own mark of a secret (sdk/go/common/resource/sig).
_SECRET: Final = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}
_SECRET_PARTS: Final = ("data", "stringData")
_PropertyDiff = provider_pb2.PropertyDiff


class KubernetesProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves every kind of object, and Helm releases of the add-ons that are known."""

    def __init__(self, folder: Path, ordered: faults.Faults | None = None) -> None:
        """Sets where clusters are kept, and which calls are to fail."""
        self.folder = folder
        self.clusters = Clusters(folder)
        self._faults = ordered
        self._runs: dict[str, dict[str, Session]] = {}
        self._engines: dict[str, str] = {}
        self._sessions: dict[str, Session] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Ends every apiserver and etcd."""
        self.clusters.stop()

    def dangling(self) -> list[str]:
        """Returns the selectors and targets of the last run that match nothing, in words."""
        with self._lock:
            last = list(self._runs.values())[-1:]
        return [
            f"{(session.server or session.place).rpartition('::')[2]}: {said}"
            for run in last
            for session in run.values()
            for said in session.declared.dangling()
        ]

    def Handshake(  # noqa: N802
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Notes which engine is calling."""
        self._meet(context, request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(  # noqa: N802
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Notes which engine is calling."""
        self._meet(context, request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the version of the provider that is stood in for."""
        del request, context
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Returns an empty schema: the apiserver has the types."""
        del request, context
        schema = json.dumps({"name": "kubernetes", "version": VERSION})
        return provider_pb2.GetSchemaResponse(schema=schema)

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Checks the kubeconfig, and marks one that is not known yet.

        The engine asks nothing of a provider whose configuration has unknowns; with the mark in
        their place it does, and objects of clusters that are still to be made are previewed too.
        """
        del context
        news = from_struct(request.news)
        kubeconfig = _revealed(news.get("kubeconfig"))
        failures: list[provider_pb2.CheckFailure] = []
        if isinstance(kubeconfig, str) and not kubeconfig.startswith(_NOT_KNOWN_YET):
            try:
                server_of(kubeconfig)
            except KubeconfigError as error:
                failures.append(provider_pb2.CheckFailure(property="kubeconfig", reason=str(error)))
        if "namespace" in news:
            failures.append(
                provider_pb2.CheckFailure(
                    property="namespace",
                    reason="is not known here: give each object its own metadata.namespace",
                )
            )
        if kubeconfig is None:
            failures.append(
                provider_pb2.CheckFailure(
                    property="kubeconfig",
                    reason="is missing: the kubeconfig of the cluster, never the one of this user",
                )
            )
        known = {
            key: _NOT_KNOWN_YET + request.urn if isinstance(_revealed(value), Unknown) else value
            for key, value in news.items()
        }
        return provider_pb2.CheckResponse(inputs=to_struct(known), failures=failures)

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Replaces everything when the kubeconfig is for another cluster."""
        del context
        olds = from_struct(request.old_inputs) or from_struct(request.olds)
        news = from_struct(request.news)
        changed = sorted(key for key in olds.keys() | news.keys() if olds.get(key) != news.get(key))
        kinds = provider_pb2.DiffResponse
        response = kinds(changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE, diffs=changed)
        before, after = (_revealed(one.get("kubeconfig")) for one in (olds, news))
        if isinstance(before, str) and isinstance(after, str) and before != after:
            with contextlib.suppress(KubeconfigError):
                if server_of(before) != server_of(after):
                    response.replaces.append("kubeconfig")
        return response

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Finds the cluster that this connection is for."""
        arguments = {key: _revealed(one) for key, one in from_struct(request.args).items()}
        kubeconfig = arguments.get("kubeconfig")
        if not isinstance(kubeconfig, str):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "kubeconfig: is missing")
        server = None
        if not kubeconfig.startswith(_NOT_KNOWN_YET):
            try:
                server = server_of(kubeconfig)
            except KubeconfigError as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        with self._lock:
            engine = self._engines.get(context.peer(), "")
            run = self._runs.setdefault(engine, {})
            place = f"{engine} {server or kubeconfig}"
            options = Options.of(arguments)
            session = run.setdefault(place, Session(self.clusters, server, place, options))
            self._sessions[context.peer()] = session
            self._cancelled.discard(context.peer())
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Makes whoever waits on this connection give up."""
        del request
        with self._lock:
            self._cancelled.add(context.peer())
        return empty_pb2.Empty()

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Names the object, and notes that the program declares it."""
        olds = from_struct(request.olds)
        inputs: Properties = {
            key: value for key, value in from_struct(request.news).items() if value is not None
        }
        declared = self._session(context).declared
        name = request.urn.split("::", 3)[3]
        if _token(request.urn) == release.TOKEN:
            inputs = release.completed(inputs, olds, name, request.randomSeed)
            declared.add_release(
                request.urn, release.chart_of(inputs), release.namespace_of(inputs)
            )
            failures = [
                provider_pb2.CheckFailure(property=path, reason=f"{path}: {reason}")
                for path, reason in release.mistakes(inputs)
            ]
            return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)
        if not isinstance(inputs.get("kind"), str) or not isinstance(inputs.get("apiVersion"), str):
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{_token(request.urn)}: only objects with apiVersion and kind, and "
                f"{release.TOKEN}, can be tried without a cluster",
            )
        inputs = named(inputs, olds, name, request.randomSeed)
        declared.add(request.urn, inputs)
        return provider_pb2.CheckResponse(inputs=_struct(inputs))

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compares what was declared with what is."""
        mutable = self._session(context).options.mutable
        olds, news = from_struct(request.old_inputs), from_struct(request.news)
        ignored = tuple(request.ignoreChanges)
        released = _token(request.urn) == release.TOKEN
        kinds = provider_pb2.DiffResponse
        response = kinds(changes=kinds.DIFF_NONE, hasDetailedDiff=True)
        for path in changed_paths(olds, news):
            shown, top = show(path), str(path[0])
            if any(shown == one or shown.startswith((f"{one}.", f"{one}[")) for one in ignored):
                continue
            anew = release.replaces(top) if released else replaces(news, path, mutable)
            response.changes = kinds.DIFF_SOME
            if top not in response.diffs:
                response.diffs.append(top)
            if anew and shown not in response.replaces:
                response.replaces.append(shown)
            kind = _PropertyDiff.UPDATE_REPLACE if anew else _PropertyDiff.UPDATE
            response.detailedDiff[shown].CopyFrom(_PropertyDiff(kind=kind, inputDiff=True))
        same = olds.get("name") == news.get("name") if released else keeps_place(olds, news)
        response.deleteBeforeReplace = bool(response.replaces) and same
        return response

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Applies the object, or in a preview tries it out."""
        inputs = from_struct(request.properties)
        if request.preview:
            outputs = self._preview(request.urn, context, inputs, None)
            return provider_pb2.CreateResponse(properties=outputs)
        with self._calling("create", request.urn, context, request.timeout) as session:
            outputs, made = _apply(session, request.urn, inputs)
        return provider_pb2.CreateResponse(id=made, properties=outputs)

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Looks at the cluster: for a refresh, an import or a ``get``."""
        known = from_struct(request.inputs)
        recorded = from_struct(request.properties)
        with self._calling("read", request.urn, context, 0) as session:
            if _token(request.urn) == release.TOKEN:
                found = release.recorded(session.live().api, name=str(known.get("name")))
                if not found:
                    return provider_pb2.ReadResponse()
                return provider_pb2.ReadResponse(
                    id=request.id, properties=request.properties, inputs=request.inputs
                )
            live = session.read(request.id, known or recorded)
            if live is None:
                return provider_pb2.ReadResponse()
            inputs = cast("Properties", live)
            if known:
                drifted = session.drifted(live, known)
                inputs = as_declared(inputs, known) if drifted else known
        return provider_pb2.ReadResponse(
            id=identity(live),
            properties=_struct(cast("Properties", live)),
            inputs=_struct(inputs),
        )

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Brings the object to its new inputs, or in a preview tries that out."""
        inputs, before = from_struct(request.news), from_struct(request.old_inputs)
        if request.preview:
            outputs = self._preview(request.urn, context, inputs, before)
            return provider_pb2.UpdateResponse(properties=outputs)
        with self._calling("update", request.urn, context, request.timeout) as session:
            outputs, _ = _apply(session, request.urn, inputs)
        return provider_pb2.UpdateResponse(properties=outputs)

    def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Deletes the object; succeeds when it has gone already."""
        inputs = from_struct(request.old_inputs) or from_struct(request.properties)
        with self._calling("delete", request.urn, context, request.timeout) as session:
            if _token(request.urn) == release.TOKEN:
                session.uninstall(inputs)
            else:
                session.live().remove(cast("Object", inputs))
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answers `VERIFY`, and no other function."""
        if request.tok != VERIFY:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"{request.tok} is not known without a cluster"
            )
        found: list[Value] = [*self.dangling()]
        reply = provider_pb2.InvokeResponse()
        getattr(reply, "return").CopyFrom(to_struct({"dangling": found}))
        return reply

    def _preview(
        self,
        urn: str,
        context: grpc.ServicerContext,
        inputs: Properties,
        before: Properties | None,
    ) -> struct_pb2.Struct:
        session = self._session(context)
        try:
            if _token(urn) == release.TOKEN:
                return to_struct(session.preview_release(inputs))
            return _struct(session.preview(inputs, before))
        except RefusedError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def _meet(self, context: grpc.ServicerContext, engine: str) -> None:
        with self._lock:
            self._engines[context.peer()] = engine
            self._runs.setdefault(engine, {})
            over = list(self._runs)[:-_KEPT_RUNS]
            gone = [session for one in over for session in self._runs.pop(one).values()]
        for session in gone:
            session.clear()

    def _session(self, context: grpc.ServicerContext) -> Session:
        with self._lock:
            found = self._sessions.get(context.peer())
        if found is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the provider is not configured")
        return found

    @contextmanager
    def _calling(
        self,
        operation: faults.Operation,
        urn: str,
        context: grpc.ServicerContext,
        seconds: float,
    ) -> Generator[Session]:
        """Ends a call with what was refused, or as ordered."""
        session = self._session(context)
        fault = self._faults.due(operation, _token(urn), urn) if self._faults else None
        try:
            faults.before(fault, deadline=seconds, stopped=self._stopped(context))
            yield session
            faults.after(fault)
        except (RefusedError, ApiError, CloudError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except CutOffError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"error reading from server: EOF ({error})")

    def _stopped(self, context: grpc.ServicerContext) -> Callable[[], bool]:
        return lambda: not context.is_active() or context.peer() in self._cancelled


def _apply(session: Session, urn: str, inputs: Properties) -> tuple[struct_pb2.Struct, str]:
    """Applies a resource; returns its outputs and its id."""
    if _token(urn) == release.TOKEN:
        made = f"{release.namespace_of(inputs)}/{inputs['name']}"
        return to_struct(session.install(inputs)), made
    live = session.apply(cast("Object", inputs))
    return _struct(cast("Properties", live)), identity(live)


def _struct(properties: Properties) -> struct_pb2.Struct:
    """Returns an object's properties, with what a Secret holds marked as secret."""
    marked = dict(properties)
    if properties.get("kind") == "Secret":
        for part in _SECRET_PARTS:
            if part in marked and not isinstance(marked[part], Unknown):
                marked[part] = {**_SECRET, "value": marked[part]}
    return to_struct(marked)


def _token(urn: str) -> str:
    # urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _revealed(value: "Value | None") -> "Value | None":
    """Returns what a secret holds, and anything else as it is."""
    if isinstance(value, dict) and _SECRET.keys() <= value.keys():
        return value.get("value")
    return value
