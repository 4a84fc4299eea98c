"""Envoy API messages, written as the JSON that Envoy's own documentation uses.

xds-protos ships no type stubs, so everything that touches its modules is here: a resource is built
as a plain mapping, and `message` checks it against the protocol buffer schema. Messages newer than
the package travel as `xds.type.v3.TypedStruct`, which Envoy converts itself.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from google.protobuf import any_pb2, json_format, symbol_database
from google.protobuf.message import Message

Json: TypeAlias = dict[str, Any]
"""A JSON object of Envoy's API."""

TYPE_PREFIX: Final = "type.googleapis.com/"

_SCHEMAS: Final = (
    "envoy.config.cluster.v3.cluster_pb2",
    "envoy.config.listener.v3.listener_pb2",
    "envoy.config.route.v3.route_pb2",
    "envoy.extensions.access_loggers.file.v3.file_pb2",
    "envoy.extensions.access_loggers.filters.cel.v3.cel_pb2",
    "envoy.extensions.filters.http.grpc_json_transcoder.v3.transcoder_pb2",
    "envoy.extensions.filters.http.jwt_authn.v3.config_pb2",
    "envoy.extensions.filters.http.lua.v3.lua_pb2",
    "envoy.extensions.filters.http.rbac.v3.rbac_pb2",
    "envoy.extensions.filters.http.router.v3.router_pb2",
    "envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2",
    "envoy.extensions.transport_sockets.tls.v3.secret_pb2",
    "envoy.extensions.transport_sockets.tls.v3.tls_pb2",
    "envoy.extensions.upstreams.http.v3.http_protocol_options_pb2",
    "envoy.service.discovery.v3.discovery_pb2",
    "envoy.type.matcher.v3.http_inputs_pb2",
    "xds.type.matcher.v3.matcher_pb2",
    "xds.type.v3.typed_struct_pb2",
)

for _schema in _SCHEMAS:
    importlib.import_module(_schema)


def message_class(name: str) -> Any:
    """Returns the generated class of a message.

    Args:
        name: Full name, for example "envoy.config.cluster.v3.Cluster".
    """
    database = symbol_database.Default()
    return cast("Any", database).GetSymbol(name)


def message(name: str, value: Mapping[str, Any]) -> Message:
    """Builds a message from its JSON form.

    Args:
        name: Full name of the message.
        value: Fields by their proto names; an Any is a mapping with "@type".

    Raises:
        google.protobuf.json_format.ParseError: A field does not exist or has the wrong type.
    """
    return json_format.ParseDict(dict(value), message_class(name)())


def typed(name: str, /, **fields: Any) -> Json:
    """Returns the JSON form of an Any that carries the named message."""
    return {"@type": f"{TYPE_PREFIX}{name}", **fields}


def typed_struct(name: str, /, **fields: Any) -> Json:
    """Returns the JSON form of an Any for a message that xds-protos does not know yet."""
    return typed("xds.type.v3.TypedStruct", type_url=f"{TYPE_PREFIX}{name}", value=fields)


def pack(value: Message) -> any_pb2.Any:
    """Packs a message with a serialisation that depends on nothing but its content."""
    return any_pb2.Any(
        type_url=f"{TYPE_PREFIX}{value.DESCRIPTOR.full_name}",
        value=value.SerializeToString(deterministic=True),
    )


def version(value: any_pb2.Any) -> str:
    """Returns the version of a packed resource: a hash of its content."""
    return hashlib.blake2b(value.value, digest_size=12).hexdigest()
