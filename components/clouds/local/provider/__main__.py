"""Serves the provider to a Pulumi engine: ``python -u <this folder> <engine address>``."""

import sys
from pathlib import Path

# Python runs a folder with that folder first on the path, where our modules would shadow others of
# the same name; the package is found from the repository's root.
sys.path[0] = str(Path(__file__).resolve().parents[4])

from components.clouds.local.provider.lean import without_sdk  # noqa: E402 - needs the path above

without_sdk()

from components.clouds.local.provider.server import serve  # noqa: E402 - needs the lean packages

if __name__ == "__main__":
    serve(sys.argv[-1] if len(sys.argv) > 1 else None)
