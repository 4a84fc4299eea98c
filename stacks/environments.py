"""Reads an environment file whatever its target is."""

from typing import Any, cast

from stacks.cloud_environment import CloudEnvironment
from stacks.environment import CONFIG_KEY, EnvironmentFileError, check
from stacks.local_environment import LocalEnvironment

_KINDS = {"local": LocalEnvironment, "clouds": CloudEnvironment}


def parse(value: Any, *, file: str) -> LocalEnvironment | CloudEnvironment:
    """Checks what an environment file holds under ``ai-platform:environment``.

    Args:
        value: the value of that key, as YAML gives it.
        file: the file's name, for messages.

    Raises:
        EnvironmentFileError: lists every mistake.
    """
    where = f"{file}: {CONFIG_KEY}"
    if not isinstance(value, dict):
        raise EnvironmentFileError(f"{where}: must be a mapping, not {value!r}")
    target = cast("dict[str, Any]", value).get("target")
    if target is None:
        raise EnvironmentFileError(f"{where}.target: is missing; it is 'local' or 'clouds'")
    if target not in _KINDS:
        raise EnvironmentFileError(f"{where}.target: must be 'local' or 'clouds', not {target!r}")
    return check(_KINDS[target], value, file=file)
