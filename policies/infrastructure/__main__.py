"""Serves the rules to a Pulumi engine: ``pulumi preview --policy-pack policies/infrastructure``."""

import sys
from pathlib import Path

# Pulumi runs the folder with that folder first on the path; the package is found from the root.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from policies.infrastructure.server import serve  # noqa: E402 - needs the path above

if __name__ == "__main__":
    serve()
