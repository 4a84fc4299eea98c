"""Serves the gateways their configuration by incremental xDS over one stream (delta ADS)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from google.protobuf import json_format
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from pydantic import ValidationError

from services.marketplace.gateway.messages import message_class
from services.marketplace.gateway.node import GatewayNode
from services.marketplace.gateway.resources import CatalogueSnapshot, resources_for
from services.marketplace.gateway.session import (
    DeltaRequest,
    DeltaResponse,
    Rejection,
    Rejections,
    Session,
)

_log = logging.getLogger(__name__)

DISCOVERY_SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_Request: Final[Any] = message_class("envoy.service.discovery.v3.DeltaDiscoveryRequest")
_Response: Final[Any] = message_class("envoy.service.discovery.v3.DeltaDiscoveryResponse")


class SnapshotHolder:
    """The newest snapshot of the catalogue, for any number of streams to wait on."""

    def __init__(self) -> None:
        self._snapshot: CatalogueSnapshot | None = None
        self._changed = asyncio.Event()

    @property
    def snapshot(self) -> CatalogueSnapshot | None:
        """The newest snapshot; None until there is a first one."""
        return self._snapshot

    def publish(self, snapshot: CatalogueSnapshot) -> None:
        """Replaces the snapshot and wakes every stream."""
        self._snapshot = snapshot
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def newer_than(self, snapshot: CatalogueSnapshot | None) -> CatalogueSnapshot:
        """Waits for a snapshot that is not the given one."""
        while self._snapshot is None or self._snapshot is snapshot:
            await self._changed.wait()
        return self._snapshot


class DiscoveryMetrics:
    """What there is to see of the control plane from outside."""

    def __init__(self, meter: Meter) -> None:
        self.streams = meter.create_up_down_counter(
            "gateway_streams", description="Gateways connected to this control plane"
        )
        self.responses = meter.create_counter(
            "gateway_responses", description="Configuration sent to gateways, by type"
        )
        self.rejections = meter.create_counter(
            "gateway_rejections", description="Configuration that a gateway refused, by type"
        )
        self._rejected: defaultdict[str, Rejections] = defaultdict(dict)
        meter.create_observable_gauge(
            "gateway_rejected_resources",
            callbacks=[self._observe],
            description="Resources whose newest version a gateway refuses, by gateway",
        )

    def rejected_by(self, node_id: str) -> Rejections:
        """Returns what a gateway refuses; outlives its streams, so that it is not sent again."""
        return self._rejected[node_id]

    def _observe(self, _: CallbackOptions) -> list[Observation]:
        return [Observation(len(found), {"node": node}) for node, found in self._rejected.items()]


class DiscoveryServicer:
    """`envoy.service.discovery.v3.AggregatedDiscoveryService`, the incremental half of it.

    Args:
        snapshots: Where the catalogue's snapshots arrive.
        metrics: Counters of this control plane.
    """

    def __init__(self, snapshots: SnapshotHolder, metrics: DiscoveryMetrics) -> None:
        self._snapshots = snapshots
        self._metrics = metrics

    async def StreamAggregatedResources(  # noqa: N802
        self, _requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """Refuses the state-of-the-world protocol: it sends everything on every change."""
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "only incremental xDS is served; set api_type: DELTA_GRPC in the gateway's ads_config",
        )
        yield  # makes this a stream; never reached

    async def DeltaAggregatedResources(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        """Sends a gateway what it subscribes to, for as long as its stream lasts."""
        inbox: asyncio.Queue[Any | None] = asyncio.Queue()
        first = await anext(aiter(requests), None)
        if first is None:
            return
        try:
            node = GatewayNode.from_metadata(json_format.MessageToDict(first.node.metadata))
        except ValidationError as error:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"node.metadata of gateway '{first.node.id}': {_explain(error)}",
            )
            return
        inbox.put_nowait(first)
        reader = asyncio.create_task(_read(requests, inbox))
        labels = {"node": first.node.id}
        self._metrics.streams.add(1, labels)
        _log.info("gateway connected", extra={"fields": {"node": first.node.id}})
        try:
            async for response in self._converse(first.node.id, node, inbox):
                yield response
        finally:
            self._metrics.streams.add(-1, labels)
            _log.info("gateway disconnected", extra={"fields": {"node": first.node.id}})
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _converse(
        self, node_id: str, node: GatewayNode, inbox: asyncio.Queue[Any | None]
    ) -> AsyncIterator[Any]:
        session = Session(self._metrics.rejected_by(node_id))
        snapshot: CatalogueSnapshot | None = None
        received = asyncio.create_task(inbox.get())
        published = asyncio.create_task(self._snapshots.newer_than(None))
        try:
            while True:
                await asyncio.wait({received, published}, return_when=asyncio.FIRST_COMPLETED)
                if received.done():
                    request = received.result()
                    if request is None:
                        return
                    rejection = session.receive(_from_wire(request))
                    if rejection is not None:
                        self._note(node_id, rejection)
                    received = asyncio.create_task(inbox.get())
                if published.done():
                    snapshot = published.result()
                    published = asyncio.create_task(self._snapshots.newer_than(snapshot))
                if snapshot is None:
                    continue
                resources = resources_for(node, snapshot)
                while (response := session.send(resources)) is not None:
                    self._metrics.responses.add(1, {"type": response.type_url})
                    yield _to_wire(response, snapshot.revision)
        finally:
            received.cancel()
            published.cancel()

    def _note(self, node_id: str, rejection: Rejection) -> None:
        self._metrics.rejections.add(1, {"type": rejection.type_url})
        _log.error(
            "gateway refused its configuration",
            extra={
                "fields": {
                    "node": node_id,
                    "type": rejection.type_url,
                    "resources": list(rejection.resources),
                    "reason": rejection.reason,
                }
            },
        )


def add_discovery_to_server(servicer: DiscoveryServicer, server: Any) -> None:
    """Registers the servicer; the generated function of xds-protos has no types."""
    handlers = {
        name: grpc.stream_stream_rpc_method_handler(
            getattr(servicer, name), _Request.FromString, _Response.SerializeToString
        )
        for name in ("StreamAggregatedResources", "DeltaAggregatedResources")
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(DISCOVERY_SERVICE, handlers),)
    )
    server.add_registered_method_handlers(DISCOVERY_SERVICE, handlers)


async def _read(requests: AsyncIterator[Any], inbox: asyncio.Queue[Any | None]) -> None:
    try:
        async for request in requests:
            inbox.put_nowait(request)
    finally:
        inbox.put_nowait(None)


def _explain(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()
    )


def _from_wire(request: Any) -> DeltaRequest:
    return DeltaRequest(
        type_url=request.type_url,
        subscribe=tuple(request.resource_names_subscribe),
        unsubscribe=tuple(request.resource_names_unsubscribe),
        initial_versions=dict(request.initial_resource_versions),
        nonce=request.response_nonce,
        error=request.error_detail.message if request.HasField("error_detail") else "",
    )


def _to_wire(response: DeltaResponse, revision: int) -> Any:
    return _Response(
        type_url=response.type_url,
        nonce=response.nonce,
        system_version_info=str(revision),
        removed_resources=response.removed,
        resources=[
            {"name": item.name, "version": item.version, "resource": item.body}
            for item in response.resources
        ],
    )
