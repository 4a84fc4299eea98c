"""Connections to the region's Valkey, which holds only what may be lost."""

import ssl

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.runtime.settings import ServiceSettings

_TIMEOUT_SECONDS = 2
_RETRIES = 1  # a pooled connection may have died; a cache that is down must not cost more


def open_cache(settings: ServiceSettings) -> Redis:
    """Returns a client that connects when first used; whoever opens it closes it (``aclose``).

    With TLS the server must have the name it is called by and an authority we trust.
    """
    return Redis(
        host=settings.cache_host,
        port=settings.cache_port,
        username=settings.cache_username,
        password=settings.cache_password.get_secret_value(),
        client_name=settings.service,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), _RETRIES),
        ssl=settings.cache_tls,
        ssl_ca_certs=str(settings.cache_tls_ca_file) if settings.cache_tls_ca_file else None,
        ssl_ca_data=settings.cache_ca,
        ssl_min_version=ssl.TLSVersion.TLSv1_2,
        # As for PostgreSQL: authorities of managed stores may lack extensions.
        ssl_exclude_verify_flags=[ssl.VerifyFlags.VERIFY_X509_STRICT],
    )
