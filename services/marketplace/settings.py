"""Settings of the marketplace service."""

from __future__ import annotations

from pydantic import Field

from services.runtime.settings import Seconds, ServiceSettings


class MarketplaceSettings(ServiceSettings):
    """What the marketplace has besides every service's settings; also `AIP_*` variables."""

    call_timeout_seconds: Seconds = Field(
        default=15, description="how long a gateway waits for the whole answer to a call"
    )
    stream_idle_seconds: Seconds = Field(
        default=60, description="how long a gateway waits for the next byte of a streamed answer"
    )
