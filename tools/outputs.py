"""``make outputs``: the stack's outputs as JSON on standard output; ``SECRETS=1`` shows secrets."""

import json
import os
import sys

from tools.stack import Stack


def main() -> None:
    """Prints the outputs."""
    shown = Stack().outputs(show_secrets=os.environ.get("SECRETS") == "1")
    sys.stdout.write(json.dumps(shown, indent=2) + "\n")


if __name__ == "__main__":
    main()
