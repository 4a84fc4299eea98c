"""``make down``: destroys the platform of this checkout; no process, port or lock is left.

It works after a crash too: what Pulumi cannot delete is stopped by the mark its processes carry.
"""

import sys

from components.clouds.local.provider.reap import reap
from tools.progress import say
from tools.stack import Stack


def down(stack: Stack) -> None:
    """Destroys a stack and everything it runs."""
    if stack.exists():
        stack.prepare()
        if not stack.destroy():
            say("pulumi destroy did not get through; stopping what is left and forgetting the rest")
            stack.forget()
    for stopped in reap(stack.folder):
        say(f"stopped {stopped}")
    stack.wipe()


if __name__ == "__main__":
    down(Stack())
    sys.stdout.write("the platform is gone; `make up` brings it back\n")
