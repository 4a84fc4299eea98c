"""The engine's connections: their configuration, and how calls on them end.

Source: pulumi/proto/provider.proto. Each provider of a program, default or explicit, has its own
connection, which is how calls find the configuration they belong to. Secrets are taken in the
clear and marked again by the engine, since the connection stays on this machine.
"""

import json
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from components.clouds.local.provider.values import from_struct
from tools.simulation.behaviour import Behaviour, Session, decoded
from tools.simulation.differences import differences
from tools.simulation.errors import CloudError, CutOffError
from tools.simulation.sdk.check import Mistake, check


class ConnectedProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves the part of the protocol that is about a provider and not about resources."""

    def __init__(self, behaviour: Behaviour) -> None:
        """Sets what the cloud does."""
        self.behaviour = behaviour
        self._sessions: dict[str, Session] = {}
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def Handshake(  # noqa: N802
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Agrees on the protocol."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(  # noqa: N802
        self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Takes an engine that found the provider already running."""
        del request, context
        return empty_pb2.Empty()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the version of the SDK that is simulated."""
        del request, context
        return plugin_pb2.PluginInfo(version=self.behaviour.sdk.version)

    def GetSchema(  # noqa: N802
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Returns an empty schema: programs bring the SDK."""
        del request, context
        sdk = self.behaviour.sdk
        return provider_pb2.GetSchemaResponse(
            schema=json.dumps({"name": sdk.provider, "version": sdk.version})
        )

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Reports mistakes in the provider's own arguments."""
        del context
        sdk = self.behaviour.sdk
        declared = sdk.find(sdk.provider).inputs
        given = from_struct(request.news)
        arguments = {k: v for k, v in decoded(given, declared).items() if k != "version"}
        found = check(sdk, declared, arguments)
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures(found))

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Finds what changed in the arguments; none makes the provider's resources anew."""
        del context
        old, new = from_struct(request.old_inputs or request.olds), from_struct(request.news)
        changed = [one.path for one in differences(old, new)]
        kinds = provider_pb2.DiffResponse
        return kinds(changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE, diffs=changed)

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Starts a session for this connection."""
        with refusing(context):
            sdk = self.behaviour.sdk
            arguments = decoded(from_struct(request.args), sdk.find(sdk.provider).inputs)
            session = self.behaviour.configure(arguments)
            with self._lock:
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

    def session(self, context: grpc.ServicerContext) -> Session:
        """Returns the session of a call's connection."""
        with self._lock:
            # Before it is configured (unknown arguments in a preview) a provider can still check.
            return self._sessions.get(context.peer(), Session())

    def stopped(self, context: grpc.ServicerContext) -> Callable[[], bool]:
        """Returns what tells whether the engine still waits for a call."""
        return lambda: not context.is_active() or context.peer() in self._cancelled


@contextmanager
def refusing(context: grpc.ServicerContext) -> Generator[None]:
    """Ends the call with what the cloud said."""
    try:
        yield
    except CloudError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except CutOffError as error:
        context.abort(grpc.StatusCode.UNAVAILABLE, f"error reading from server: EOF ({error})")


def failures(found: Iterable[Mistake]) -> list[provider_pb2.CheckFailure]:
    """Returns mistakes as the protocol has them."""
    return [
        provider_pb2.CheckFailure(property=one.path, reason=f"{one.path}: {one.reason}")
        for one in found
    ]
