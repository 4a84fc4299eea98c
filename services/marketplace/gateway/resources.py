"""A gateway's whole configuration: resources by type and name, versioned by their content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from google.protobuf import any_pb2

from services.marketplace.domain import Service
from services.marketplace.gateway import clusters, listener, messages, routes
from services.marketplace.gateway.node import GatewayNode
from services.marketplace.gateway.routes import Timeouts

_CLUSTER: Final = "envoy.config.cluster.v3.Cluster"
_SECRET: Final = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105
_LISTENER: Final = "envoy.config.listener.v3.Listener"
_ROUTES: Final = "envoy.config.route.v3.RouteConfiguration"

CLUSTER_TYPE: Final = messages.TYPE_PREFIX + _CLUSTER
SECRET_TYPE: Final = messages.TYPE_PREFIX + _SECRET
LISTENER_TYPE: Final = messages.TYPE_PREFIX + _LISTENER
ROUTES_TYPE: Final = messages.TYPE_PREFIX + _ROUTES


@dataclass(frozen=True, slots=True)
class Resource:
    """One xDS resource with the version that its content gives it."""

    name: str
    version: str
    body: any_pb2.Any


ResourceSet: TypeAlias = Mapping[str, Mapping[str, Resource]]
"""Resources by type URL and name."""


@dataclass(frozen=True, slots=True)
class CatalogueSnapshot:
    """What of the configuration comes from the catalogue, the same for every gateway.

    Attributes:
        revision: Revision of the catalogue that it was built from.
        resources: Clusters and routes.
    """

    revision: int
    resources: ResourceSet

    @classmethod
    def build(
        cls, revision: int, services: Sequence[Service], timeouts: Timeouts
    ) -> CatalogueSnapshot:
        """Builds clusters and routes for the given services, in any order."""
        ordered = sorted(services, key=lambda service: service.id)
        return cls(
            revision,
            {
                CLUSTER_TYPE: _by_name(_cluster(service) for service in ordered),
                ROUTES_TYPE: _by_name(
                    [_resource(routes.ROUTE_CONFIG, routes.route_configuration(ordered, timeouts))]
                ),
            },
        )


@lru_cache(maxsize=64)
def node_resources(node: GatewayNode) -> ResourceSet:
    """Returns what of a gateway's configuration comes from its own description."""
    return {
        SECRET_TYPE: _by_name(
            [_resource(listener.CERTIFICATE, messages.message(_SECRET, listener.certificate(node)))]
        ),
        LISTENER_TYPE: _by_name(
            [_resource(listener.LISTENER, messages.message(_LISTENER, listener.listener(node)))]
        ),
    }


def resources_for(node: GatewayNode, snapshot: CatalogueSnapshot) -> ResourceSet:
    """Returns all of a gateway's resources."""
    return {**snapshot.resources, **node_resources(node)}


@lru_cache(maxsize=65536)
def _cluster(service: Service) -> Resource:
    value = clusters.cluster(service)
    return _resource(value["name"], messages.message(_CLUSTER, value))


def _resource(name: str, value: messages.Message) -> Resource:
    body = messages.pack(value)
    return Resource(name, messages.version(body), body)


def _by_name(items: Iterable[Resource]) -> dict[str, Resource]:
    return {item.name: item for item in items}
