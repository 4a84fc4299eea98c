"""The resource types of the provider, each loaded when it is first used."""

from functools import cache
from importlib import import_module

from components.clouds.local.provider.framework import AnyResource

PREFIX = "local:index:"

_MODULES = {
    "Certificate": "certificate",
    "CertificateAuthority": "certificate_authority",
    "Database": "database",
    "Envoy": "envoy",
    "Job": "job",
    "PostgresServer": "postgres_server",
    "Process": "process",
    "RandomPassword": "random_password",
    "Supervisor": "supervisor",
    "Valkey": "valkey",
}


def names() -> list[str]:
    """Returns the names of all resource types."""
    return sorted(_MODULES)


@cache
def find(token: str) -> AnyResource:
    """Returns the resource type of a token such as ``local:index:Process``.

    Raises:
        KeyError: there is none.
    """
    name = token.removeprefix(PREFIX)
    if name not in _MODULES:
        known = ", ".join(PREFIX + known for known in names())
        raise KeyError(f"{token} is no resource of the local provider; there are: {known}")
    module = import_module(f"components.clouds.local.provider.resources.{_MODULES[name]}")
    resource: AnyResource = getattr(module, name)()
    return resource
