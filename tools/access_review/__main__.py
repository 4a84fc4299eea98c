"""``python -m tools.access_review BASE``: what the change of the access policies since then means.

Uncommitted files count too. Decisions are made anew from the logs that are named, by default from
those of the platform on this machine and a small recording. Exit status 1: a policy is wrong.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.access_review import Analyser, logs, recorded, render, review
from tools.paths import ROOT
from tools.repository import Repository

FOLDER = "policies/access"


def main(arguments: Sequence[str], *, root: Path = ROOT) -> int:
    """Prints the review of a checkout and returns the exit status.

    Args:
        arguments: of the command.
        root: the checkout.

    Raises:
        SystemExit: there is no such commit, or the arguments are wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.access_review")
    parser.add_argument("base", nargs="?", default="main", help="a branch or a commit")
    parser.add_argument("--log", type=Path, action="append", help="JSON lines with decisions")
    asked = parser.parse_args(arguments)
    repository = Repository(root=root)
    trees = repository.tree_of(repository.fork(asked.base)), repository.working_tree()
    before, after = (repository.files(tree, FOLDER) for tree in trees)
    made = review(before, after, recorded=recorded(asked.log or logs()), proof=Analyser())
    print(render(made), end="")
    return 1 if made.errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
