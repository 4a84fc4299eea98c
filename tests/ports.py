"""Ports for the servers that tests start."""

import random

from components.clouds.local.provider.ports import is_free

# Below the ports the system gives to whoever asks for any, so that none is taken between the
# moment it is chosen and the moment a server listens on it.
_PORTS = iter(random.sample(range(20_000, 32_000), 12_000))


def free_port() -> int:
    """Returns a port nobody listens on, another one at each call."""
    return next(port for port in _PORTS if is_free(port))
