"""Becomes the program a specification file describes: ``python -I -S launch.py <file>``.

supervisord's own settings can't carry every command and environment (quotes, line breaks, per cent
signs). Here a program gets what its JSON file says, ``{"command": [...], "environment": {...},
"working_directory": "..."}``, over the few variables supervisord itself was started with.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Replaces this process; a missing command or folder is said on stderr with exit code 127."""
    specification = json.loads(Path(sys.argv[1]).read_text())
    command = specification["command"]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SUPERVISOR_")
    }
    try:
        os.chdir(specification["working_directory"])
        os.execvpe(command[0], command, inherited | specification["environment"])  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{command[0]} can't be started: {error}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
