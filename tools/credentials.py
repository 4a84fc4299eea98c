"""Whether there are credentials of a cloud at hand, by the places its own SDK looks in."""

import os
from collections.abc import Iterable
from pathlib import Path

from components.clouds.locations import CloudName

_VARIABLES: dict[CloudName, tuple[str, ...]] = {
    "aws": (
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ),
    "gcp": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
    ),
    "azure": (
        "ARM_CLIENT_ID",
        "ARM_USE_OIDC",
        "ARM_USE_MSI",
        "AZURE_CLIENT_ID",
    ),
}

_FILES: dict[CloudName, tuple[str, ...]] = {
    "aws": (".aws/credentials", ".aws/config"),
    "gcp": (".config/gcloud/application_default_credentials.json",),
    "azure": (".azure/azureProfile.json",),
}


def missing(clouds: Iterable[CloudName]) -> list[CloudName]:
    """Returns the clouds that no credentials are found for."""
    return [cloud for cloud in clouds if not _found(cloud)]


def sources(cloud: CloudName) -> str:
    """Says where credentials of a cloud are looked for, in words for a message."""
    variables = ", ".join(_VARIABLES[cloud])
    return f"{variables}; {', '.join('~/' + one for one in _FILES[cloud])}"


def _found(cloud: CloudName) -> bool:
    return any(os.environ.get(name) for name in _VARIABLES[cloud]) or any(
        (Path.home() / name).exists() for name in _FILES[cloud]
    )
