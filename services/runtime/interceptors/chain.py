"""One ordered chain around every call, the same for unary and streaming methods.

gRPC has four kinds of method handlers and one wrapper a kind a interceptor; here one wrapper a
kind reduces every call to ``proceed()``, and an interceptor is one function around it.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.message import Message
from typing_extensions import override

_log = logging.getLogger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Proceed = Callable[[], Awaitable[None]]


@dataclass
class Call:
    """One call on its way through the chain.

    Attributes:
        method: Full name without the leading slash, ``package.Service/Method``.
        context: gRPC's own view of the call.
        streaming: Whether requests, responses or both are streams.
        request_id: Id of the request, set by the first interceptor.
        message_checks: Called with each request message before the servicer sees it.
        trailers: Metadata sent at the end, whether the call succeeds or not.
        code: Name of the status code the call ends with.
        reason: Reason of the error the call ends with; empty when it succeeds.
    """

    method: str
    context: Context
    streaming: bool
    request_id: str = ""
    message_checks: list[Callable[[Message], None]] = field(
        default_factory=list[Callable[[Message], None]]
    )
    trailers: list[tuple[str, str | bytes]] = field(default_factory=list[tuple[str, str | bytes]])
    code: str = "OK"
    reason: str = ""

    @property
    def service(self) -> str:
        """Full name of the service, ``package.Service``."""
        return self.method.rpartition("/")[0]

    @property
    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None when it set none."""
        context: Any = self.context  # the stubs deny that there may be none
        return context.time_remaining()

    def metadata(self, key: str) -> list[str]:
        """Returns the text values the client sent for a metadata key."""
        sent = self.context.invocation_metadata() or ()
        return [str(value) for name, value in sent if name == key]

    def checked(self, message: Message) -> Message:
        """Returns a request message after every check has let it pass."""
        for check in self.message_checks:
            check(message)
        return message

    async def checked_stream(self, messages: AsyncIterator[Message]) -> AsyncIterator[Message]:
        """Yields request messages, each after every check has let it pass."""
        async for message in messages:
            yield self.checked(message)


Interceptor = Callable[[Call, Proceed], Awaitable[None]]
"""``async def interceptor(call, proceed)``: awaits ``proceed()`` once, or raises."""


class Chain(grpc.aio.ServerInterceptor):
    """Runs interceptors around every call.

    Args:
        interceptors: Outermost first.
    """

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        self._interceptors = tuple(interceptors)

    async def _run(self, call: Call, serve: Proceed) -> None:
        async def step(index: int) -> None:
            if index == len(self._interceptors):
                await serve()
            else:
                await self._interceptors[index](call, lambda: step(index + 1))

        try:
            await step(0)
        except grpc.aio.AbortError:
            raise
        except Exception:  # noqa: BLE001  (an interceptor failed; gRPC would tell the caller why)
            _log.exception("the call chain failed", extra={"fields": {"method": call.method}})
            await call.context.abort(grpc.StatusCode.INTERNAL, "Internal error.")

    @override
    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # gRPC answers UNIMPLEMENTED
        method = handler_call_details.method.removeprefix("/")
        if handler.response_streaming:
            return self._answering_with_stream(method, handler)
        return self._answering_once(method, handler)

    def _answering_once(self, method: str, handler: Handler) -> Handler:
        streaming = bool(handler.request_streaming)
        behavior: Any = handler.stream_unary if streaming else handler.unary_unary

        async def respond(request: Any, context: Context) -> Any:
            call = Call(method, context, streaming)
            response: Any = None

            async def serve() -> None:
                nonlocal response
                received = call.checked_stream(request) if streaming else call.checked(request)
                response = await behavior(received, context)

            await self._run(call, serve)
            return response

        make: Any = (
            grpc.stream_unary_rpc_method_handler
            if streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make(respond, handler.request_deserializer, handler.response_serializer)

    def _answering_with_stream(self, method: str, handler: Handler) -> Handler:
        streaming = bool(handler.request_streaming)
        behavior: Any = handler.stream_stream if streaming else handler.unary_stream

        async def respond(request: Any, context: Context) -> None:
            call = Call(method, context, streaming=True)

            async def serve() -> None:
                received = call.checked_stream(request) if streaming else call.checked(request)
                responses = behavior(received, context)
                if hasattr(responses, "__aiter__"):
                    async for response in responses:
                        await context.write(response)
                else:  # the servicer is a coroutine that writes by itself
                    await responses

            await self._run(call, serve)

        make: Any = (
            grpc.stream_stream_rpc_method_handler
            if streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return make(respond, handler.request_deserializer, handler.response_serializer)
