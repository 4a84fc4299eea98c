"""``python -m tools.simulation <folder> <ready file> <parent's process id>``."""

import sys
from pathlib import Path

from components.clouds.local.provider.lean import without_sdk

without_sdk()

from tools.simulation.server import serve  # noqa: E402 - needs the lean packages

if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
