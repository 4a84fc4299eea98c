"""The server's side of one incremental xDS stream, without the stream.

Source: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds

A `Session` remembers what its gateway has and says what to send next. It makes before it breaks:
clusters come before the routes that lead to them and go after them, and a type waits until what it
depends on was acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from services.marketplace.gateway.resources import (
    CLUSTER_TYPE,
    LISTENER_TYPE,
    ROUTES_TYPE,
    SECRET_TYPE,
    Resource,
    ResourceSet,
)

SENDING_ORDER: Final = (CLUSTER_TYPE, SECRET_TYPE, LISTENER_TYPE, ROUTES_TYPE)
_WILDCARD: Final = "*"

Rejections: TypeAlias = MutableMapping[tuple[str, str], str]
"""Version that a gateway refused, by type URL and resource name."""


@dataclass(frozen=True, slots=True)
class DeltaRequest:
    """What a `DeltaDiscoveryRequest` says."""

    type_url: str
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial_versions: Mapping[str, str] = field(default_factory=dict[str, str])
    nonce: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeltaResponse:
    """What a `DeltaDiscoveryResponse` says."""

    type_url: str
    nonce: str
    resources: tuple[Resource, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A response that the gateway did not take (NACK), and why."""

    type_url: str
    resources: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class _Subscription:
    wildcard: bool = False
    names: set[str] = field(default_factory=set[str])
    known: dict[str, str] = field(default_factory=dict[str, str])
    # Asked for by name and not answered yet: owed an answer even when there is no such resource.
    owed: set[str] = field(default_factory=set[str])
    # A first wildcard request is owed an answer even when there is nothing to send.
    owes_first: bool = False
    in_flight: DeltaResponse | None = None


class Session:
    """State of one gateway's stream.

    Args:
        rejections: What this gateway refused on this stream and those before it; kept up to date.
    """

    def __init__(self, rejections: Rejections) -> None:
        self._rejections = rejections
        self._subscriptions: dict[str, _Subscription] = {}
        self._nonce = 0

    def receive(self, request: DeltaRequest) -> Rejection | None:
        """Takes a request: a subscription, an acknowledgement or a refusal, or several at once.

        Returns:
            The refusal, where it is one.
        """
        first = request.type_url not in self._subscriptions
        subscription = self._subscriptions.setdefault(request.type_url, _Subscription())
        if first:
            subscription.known.update(request.initial_versions)
            if not request.subscribe:
                subscription.wildcard = True
        self._subscribe(subscription, request, first=first)
        return self._settle(subscription, request)

    def send(self, resources: ResourceSet) -> DeltaResponse | None:
        """Returns the next response that brings the gateway closer to `resources`.

        None when nothing is left to send, or when what is left waits for an acknowledgement.
        """
        for type_url in SENDING_ORDER:
            subscription = self._subscriptions.get(type_url)
            if subscription is None:
                continue
            if subscription.in_flight is not None:
                return None
            # Clusters go last, below: until then something may still lead to them.
            response = self._difference(
                type_url,
                subscription,
                resources.get(type_url, {}),
                removals=type_url != CLUSTER_TYPE,
            )
            if response is not None:
                return response
        clusters = self._subscriptions.get(CLUSTER_TYPE)
        if clusters is None:
            return None
        return self._difference(
            CLUSTER_TYPE, clusters, resources.get(CLUSTER_TYPE, {}), removals=True
        )

    @staticmethod
    def _subscribe(subscription: _Subscription, request: DeltaRequest, *, first: bool) -> None:
        for name in request.subscribe:
            if name == _WILDCARD:
                subscription.wildcard = True
                continue
            subscription.names.add(name)
            if not (first and name in request.initial_versions):
                # The client may have forgotten it, whatever was sent before.
                subscription.known.pop(name, None)
                subscription.owed.add(name)
        for name in request.unsubscribe:
            if name == _WILDCARD:
                subscription.wildcard = False
            subscription.names.discard(name)
            subscription.owed.discard(name)
            if not subscription.wildcard:
                subscription.known.pop(name, None)
        if first and subscription.wildcard and not request.initial_versions:
            subscription.owes_first = True

    def _settle(self, subscription: _Subscription, request: DeltaRequest) -> Rejection | None:
        sent = subscription.in_flight
        if sent is None or not request.nonce or request.nonce != sent.nonce:
            return None
        subscription.in_flight = None
        for resource in sent.resources:
            key = (sent.type_url, resource.name)
            if request.error:
                self._rejections[key] = resource.version
            else:
                self._rejections.pop(key, None)
        if not request.error:
            return None
        names = tuple(resource.name for resource in sent.resources)
        return Rejection(sent.type_url, names, request.error)

    def _difference(
        self,
        type_url: str,
        subscription: _Subscription,
        available: Mapping[str, Resource],
        *,
        removals: bool,
    ) -> DeltaResponse | None:
        wanted = {
            name: resource
            for name, resource in available.items()
            if subscription.wildcard or name in subscription.names
        }
        changed = tuple(
            resource
            for name, resource in wanted.items()
            if subscription.known.get(name) != resource.version
            and (
                name in subscription.owed
                or self._rejections.get((type_url, name)) != resource.version
            )
        )
        removed: tuple[str, ...] = ()
        if removals:
            gone = (subscription.known.keys() | subscription.owed) - wanted.keys()
            removed = tuple(sorted(gone))
        if not changed and not removed and not subscription.owes_first:
            return None
        for resource in changed:
            subscription.known[resource.name] = resource.version
        for name in removed:
            subscription.known.pop(name, None)
            self._rejections.pop((type_url, name), None)
        subscription.owed.difference_update(wanted.keys(), removed)
        subscription.owes_first = False
        self._nonce += 1
        response = DeltaResponse(type_url, str(self._nonce), changed, removed)
        subscription.in_flight = response
        return response
