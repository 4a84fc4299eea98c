"""The repository as git knows it: what changed since a commit, and files as they were.

A state of the repository is named by the id of its git tree, the working tree's included, so that
what is in a commit and what is not yet in one are read the same way.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A checkout and its history.

    Attributes:
        root: the checkout.
    """

    root: Path

    def fork(self, base: str) -> str:
        """Returns the commit at which the current branch left ``base``.

        Raises:
            SystemExit: there is no such commit, or the two have none in common.
        """
        return self.git("merge-base", base, "HEAD").strip()

    def tree_of(self, commit: str) -> str:
        """Returns the tree of a commit."""
        return self.git("rev-parse", f"{commit}^{{tree}}").strip()

    def working_tree(self) -> str:
        """Returns the tree of what is in the checkout now, ignored files aside."""
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git("read-tree", "HEAD", **index)
            self.git("add", "--all", **index)
            return self.git("write-tree", **index).strip()

    def changed(self, before: str, after: str) -> set[str]:
        """Returns the paths of the files that differ between two trees; a rename is two files."""
        return set(self._listed("diff-tree", "-r", "--name-only", "--no-renames", before, after))

    def files(self, tree: str, folder: str) -> dict[str, str]:
        """Returns the content of the files below a folder of a tree, by path."""
        paths = self._listed("ls-tree", "-r", "--name-only", tree, "--", f"{folder}/")
        return {path: self.content(tree, path) for path in paths}

    def content(self, tree: str, path: str) -> str:
        """Returns what a file of a tree says.

        Raises:
            SystemExit: there is no such file.
        """
        return self.git("show", f"{tree}:{path}")

    def id_of(self, tree: str, path: str) -> str:
        """Returns the id of a file or folder of a tree: what it holds, as a digest.

        Raises:
            SystemExit: there is no such path.
        """
        return self.git("rev-parse", f"{tree}:{path}").strip()

    def entries(self, tree: str) -> dict[str, str]:
        """Returns the ids of what is at the top of a tree, by name."""
        found: dict[str, str] = {}
        for line in self._listed("ls-tree", tree):
            described, _, name = line.partition("\t")
            found[name] = described.rpartition(" ")[2]
        return found

    def write_to(self, folder: Path, tree: str) -> None:
        """Makes a folder hold a tree's files; files that are the same already are left alone."""
        folder.mkdir(parents=True, exist_ok=True)
        index = {"GIT_INDEX_FILE": str(folder.with_name(f"{folder.name}.index"))}
        self.git(f"--work-tree={folder}", "read-tree", "-u", "--reset", tree, **index)

    def git(self, *arguments: str, **environment: str) -> str:
        """Runs git in the checkout and returns what it printed.

        Raises:
            SystemExit: git failed; the message has its own.
        """
        ended = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise SystemExit(f"`git {' '.join(arguments)}` failed: {ended.stderr.strip()}")
        return ended.stdout

    def _listed(self, command: str, *arguments: str) -> list[str]:
        return [one for one in self.git(command, "-z", *arguments).split("\0") if one]
