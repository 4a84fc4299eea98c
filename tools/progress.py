"""What set-up tells the person who waits for it."""

import sys


def say(line: str) -> None:
    """Prints one line to standard error at once; standard output is for results."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
