"""What a gateway says of itself: the metadata in its bootstrap."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field


class GatewayNode(BaseModel, frozen=True, extra="forbid"):
    """The part of a gateway's bootstrap that its listener is built from.

    Paths are paths on the gateway's machine; the control plane never opens them.
    """

    region: Annotated[str, Field(min_length=1)]
    address: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)]
    certificate_file: Annotated[str, Field(min_length=1)]
    key_file: Annotated[str, Field(min_length=1)]
    ca_file: Annotated[str, Field(min_length=1)]
    access_log: Annotated[str, Field(min_length=1)]
    issuer: Annotated[str, Field(min_length=1)]
    max_request_bytes: Annotated[int, Field(ge=1024, le=2**31 - 1)]

    @classmethod
    def from_metadata(cls, metadata: dict[str, Any]) -> GatewayNode:
        """Reads a node's metadata as it comes over xDS, where every number is a double.

        Raises:
            pydantic.ValidationError: A key is missing, unknown or wrong; the message names it.
        """
        return cls.model_validate(metadata)
