"""The engine's side: the ResourceProvider protocol over gRPC.

Source: pulumi/proto/provider.proto. Secrets are taken and given in the clear and marked again by
the engine (``accept_secrets`` false), since the protocol's channel stays on this machine.
"""

import json
import logging
import os
import socket
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2  # pyright: ignore[reportMissingTypeStubs]
from grpc_status import rpc_status
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from components.clouds.local.provider import registry
from components.clouds.local.provider.framework import (
    AnyResource,
    LocalError,
    RefusedError,
    cancelled,
)
from components.clouds.local.provider.values import Properties, Value, from_struct, to_struct

VERSION = "0.1.0"
UNFINISHED = "the last update did not finish"
"""In ``drift`` from a failed create or update until one succeeds."""
_THREADS = 64
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PropertyDiff = provider_pb2.PropertyDiff

log = logging.getLogger(__name__)


class LocalProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves every resource type of the registry."""

    def Handshake(  # noqa: N802
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agrees on the protocol."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the provider's version."""
        del request, context
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Returns the resource types without their properties, which are typed by hand."""
        del request, context
        none: dict[str, object] = {}
        schema = {
            "name": "local",
            "version": VERSION,
            "resources": dict.fromkeys((registry.PREFIX + name for name in registry.names()), none),
        }
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Takes any configuration: the provider has none."""
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Finds no difference: the provider has no configuration."""
        del request, context
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Asks for previews to be sent too."""
        del request, context
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Attach(  # noqa: N802
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Takes an engine that found the provider already running."""
        del request, context
        return empty_pb2.Empty()

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Makes whoever waits give up."""
        del request, context
        cancelled.set()
        return empty_pb2.Empty()

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Reports every mistake in the inputs."""
        resource = _resource(request.urn, context)
        inputs, failures = resource.check(from_struct(request.news))
        return provider_pb2.CheckResponse(
            inputs=to_struct(inputs),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=failure.reason)
                for failure in failures
            ],
        )

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Tells what an update would change."""
        resource = _resource(request.urn, context)
        difference = resource.diff(
            from_struct(request.old_inputs), from_struct(request.news), from_struct(request.olds)
        )
        touched = sorted(difference.updates | difference.replaces)
        response = provider_pb2.DiffResponse(
            replaces=sorted(difference.replaces),
            # The successor takes the same ports and folders, so the predecessor goes first.
            deleteBeforeReplace=True,
            changes=provider_pb2.DiffResponse.DIFF_SOME
            if touched
            else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=touched,
            hasDetailedDiff=True,
        )
        for key in touched:
            kind = (
                _PropertyDiff.UPDATE_REPLACE if key in difference.replaces else _PropertyDiff.UPDATE
            )
            declared = key in request.news.fields or key in request.old_inputs.fields
            response.detailedDiff[key].CopyFrom(_PropertyDiff(kind=kind, inputDiff=declared))
        return response

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Makes the resource; what a failure leaves is recorded with it."""
        resource = _resource(request.urn, context)
        news = from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(resource.preview(news, None)))
        identity = resource.identify(resource.parse(news))
        outputs = _apply(context, resource, identity, news, None)
        return provider_pb2.CreateResponse(
            id=identity,
            properties=to_struct(news | outputs | {"drift": []}),
            refresh_before_update=resource.watched,
        )

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Looks at the real thing."""
        resource = _resource(request.urn, context)
        recorded = from_struct(request.properties)
        known = from_struct(request.inputs)
        if not known:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED,
                "the local provider can't import what it did not make: declare it and run up",
            )
        live = resource.read(resource.parse(known), recorded)
        if live is None:
            return provider_pb2.ReadResponse()
        drift: list[Value] = [*live.drift]
        before = recorded.get("drift")
        if isinstance(before, list) and UNFINISHED in before:
            drift.append(UNFINISHED)
        return provider_pb2.ReadResponse(
            id=request.id,
            properties=to_struct(recorded | live.outputs | {"drift": drift}),
            inputs=request.inputs,
            refresh_before_update=resource.watched,
        )

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Brings the resource to its new inputs."""
        resource = _resource(request.urn, context)
        news, recorded = from_struct(request.news), from_struct(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(
                properties=to_struct(resource.preview(news, recorded))
            )
        outputs = _apply(context, resource, request.id, news, recorded)
        return provider_pb2.UpdateResponse(
            properties=to_struct(news | outputs | {"drift": []}),
            refresh_before_update=resource.watched,
        )

    def Delete(  # noqa: N802
        self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Removes the resource."""
        resource = _resource(request.urn, context)
        declared = from_struct(request.old_inputs) or from_struct(request.properties)
        try:
            resource.delete(resource.parse(declared))
        except LocalError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        return empty_pb2.Empty()


def _resource(urn: str, context: grpc.ServicerContext) -> AnyResource:
    # urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    try:
        return registry.find(token)
    except KeyError as error:
        context.abort(grpc.StatusCode.NOT_FOUND, str(error.args[0]))


def _apply(
    context: grpc.ServicerContext,
    resource: AnyResource,
    identity: str,
    news: Properties,
    recorded: Properties | None,
) -> Properties:
    """Creates or updates; a failure ends the call with what is recorded so far.

    Whatever fails but a precondition may have changed something. The resource is then recorded with
    its new inputs and as unfinished, so that the next `pulumi up` updates it.
    """
    try:
        return resource.apply(resource.parse(news), recorded)
    except RefusedError as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except LocalError as error:
        reason = str(error)
    except Exception as error:
        log.exception("unexpected error in %s", identity)
        reason = f"{type(error).__name__}: {error}"
    kept = {key: recorded[key] for key in resource.outputs if recorded and key in recorded}
    unfinished: Properties = {"drift": [UNFINISHED]}
    detail = provider_pb2.ErrorResourceInitFailed(
        id=identity,
        properties=to_struct(news | kept | unfinished),
        inputs=to_struct(news),
        reasons=[reason],
        refresh_before_update=resource.watched,
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    code = grpc.StatusCode.UNKNOWN.value[0]
    status = status_pb2.Status(code=code, message=reason, details=[packed])
    raise context.abort_with_status(rpc_status.to_status(status))  # pyright: ignore[reportUnknownMemberType] - the package has no types


def _leave_with_engine(address: str) -> None:
    """Ends the provider once its engine is gone, also one that was killed."""
    host, _, port = address.rpartition(":")
    missed = 0
    while missed < 2:
        time.sleep(2)
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            missed = 0
        except OSError:
            missed += 1
    os._exit(1)


def serve(engine_address: str | None) -> None:
    """Serves until the engine stops the provider; prints the port on the first line."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_UNLIMITED)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(LocalProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    if engine_address:
        watch = threading.Thread(target=_leave_with_engine, args=(engine_address,), daemon=True)
        watch.start()
    server.wait_for_termination()
