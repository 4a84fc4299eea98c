"""Of which size the environment is that a stack is of."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from policies.infrastructure.rule import SIZES
from stacks.cloud_environment import Size
from stacks.environment import CONFIG_KEY
from stacks.tenants import CELL_KEY

ROOT = Path(__file__).resolve().parents[2]


def size_of(config: Mapping[str, str]) -> Size:
    """Returns the size of the environment that a stack is of; the largest where in doubt.

    Args:
        config: the stack's configuration, values as JSON.
    """
    if CELL_KEY in config:
        name = str(_read(config[CELL_KEY]).get("environment"))
        file = ROOT / "environments" / f"Pulumi.{name}.yaml"
        content: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {}
        environment = (content.get("config") or {}).get(CONFIG_KEY) or {}
    else:
        environment = _read(config.get(CONFIG_KEY, "{}"))
    if environment.get("target") == "local":
        return "small"
    sizes: Mapping[str, Size] = {one: one for one in SIZES}
    return sizes.get(str(environment.get("size")), SIZES[-1])


def _read(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}
