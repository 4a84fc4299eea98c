"""Where things are: the checkout, the platform's state and its cache."""

import os
from pathlib import Path

from components.clouds.local import settings

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ai-platform"
"""What is made once a machine: the Pulumi CLI, tools built for benchmarks."""


def home() -> Path:
    """Returns the folder that holds everything a running platform writes."""
    return settings.home(ROOT)
