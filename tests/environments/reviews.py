"""Pull requests as they come, each with what its review says: ``tests/golden/reviews``.

``python -m tests.environments.reviews [NAME ...]`` writes them down anew, all when none is named.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from stacks.environment import CONFIG_KEY
from stacks.tenants import CELL_KEY
from tests.environments.clouds import on_aws
from tools.access_review.recordings import KEPT
from tools.paths import ROOT
from tools.repository import Repository
from tools.review.__main__ import review
from tools.review.render import Review, render

GOLDEN = ROOT / "tests" / "golden" / "reviews"

_ENVIRONMENT = on_aws("us-east-1", "eu-central-1", size="medium")
_TENANTS: Mapping[str, Mapping[str, Any]] = {
    "northwind": {"residency": ["eu"], "domain": "ai.northwind.example"},
    "contoso": {"residency": ["us"], "domain": "ai.contoso.example"},
}
_AUTHOR = ("-c", "user.name=A developer", "-c", "user.email=developer@ai-platform.example")


class PullRequest:
    """A clone of the repository with one environment and a cell, whose files a change edits."""

    def __init__(self, folder: Path) -> None:
        """Makes the clone; what is in the checkout and not committed is in it too."""
        self.root = folder / "repository"
        self.kept = folder / "reviews"
        ours = Repository(root=ROOT)
        ours.git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(self.root))
        self.repository = Repository(root=self.root)
        self.repository.git("read-tree", "-u", "--reset", ours.working_tree())
        shutil.rmtree(self.root / "environments")
        environment = {CONFIG_KEY: dict(_ENVIRONMENT)}
        self.write("environments/Pulumi.test.yaml", {"config": environment})
        cell = {CELL_KEY: {"environment": "test", "number": 1}}
        self.write("environments/Pulumi.test-cell-1.yaml", {"config": cell})
        for name, said in _TENANTS.items():
            self.write_tenant(name, said)
        self._commit("Before")

    def write(self, path: str, content: Any) -> None:
        """Writes a YAML file."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def write_tenant(self, name: str, said: Mapping[str, Any]) -> None:
        """Writes the file of a tenant in the one cell there is."""
        content = {"tenant": name, "environment": "test", "cell": 1, **said}
        self.write(f"environments/tenants/{name}.yaml", content)

    def environment(self, **changes: Any) -> None:
        """Changes keys of the environment's file."""
        content = {CONFIG_KEY: {**_ENVIRONMENT, **changes}}
        self.write("environments/Pulumi.test.yaml", {"config": content})

    def edit(self, path: str, old: str, new: str) -> None:
        """Replaces a text, which must be there once, in a file."""
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        file.write_text(text.replace(old, new))

    def review(self) -> Review:
        """Reviews what has been edited."""
        return review(self.repository, "HEAD", folder=self.kept, decisions=[KEPT])

    def take_back(self) -> None:
        """Undoes every edit."""
        self.repository.git("reset", "--quiet", "--hard")
        self.repository.git("clean", "--quiet", "-fd")

    def _commit(self, message: str) -> None:
        self.repository.git("add", "--all")
        self.repository.git(*_AUTHOR, "commit", "--quiet", "--no-verify", "-m", message)


def _region_added(change: PullRequest) -> None:
    regions = [*_ENVIRONMENT["regions"], {"cloud": "aws", "location": "ap-southeast-1"}]
    change.environment(regions=regions)


def _region_removed(change: PullRequest) -> None:
    change.environment(regions=_ENVIRONMENT["regions"][:1])
    (change.root / "environments/tenants/northwind.yaml").unlink()


def _tenant_added(change: PullRequest) -> None:
    change.write_tenant("tailspin", {"residency": ["us"], "domain": "ai.tailspin.example"})


def _tenant_given_more(change: PullRequest) -> None:
    change.write_tenant("northwind", {**_TENANTS["northwind"], "quotas": {"cpu": 16}})


def _database_class(change: PullRequest) -> None:
    change.edit(
        "components/clouds/aws/database.py",
        'instance_class="db.serverless"',
        'instance_class="db.r7g.large"',
    )


def _primary_moved(change: PullRequest) -> None:
    change.environment(primary_region="aws-eu-central-1")


def _rule_added(change: PullRequest) -> None:
    file = "policies/infrastructure/catalogue.py"
    change.edit(file, "import Rule\n", "import Must, Rule\n" + _CONDITION)
    change.edit(file, "    *inventory.RULES,\n", _RULE)


_CONDITION = "from policies.infrastructure.conditions import AtLeast\n"
_RULE = """    *inventory.RULES,
    Rule(
        name="aws-logs-kept-for-long",
        about="Logs are kept for ten years.",
        kinds=("aws:cloudwatch/logGroup:LogGroup",),
        holds=(Must("retentionInDays", AtLeast(3650)),),
        severity="medium",
        frameworks=("SOX 802",),
        remedy="set a retention of 3,650 days",
    ),
"""


def _secret_rotated(change: PullRequest) -> None:
    change.edit("components/clouds/aws/cache.py", "_PASSWORD_LENGTH = 32", "_PASSWORD_LENGTH = 40")


def _cidr_wrong(change: PullRequest) -> None:
    first, second = _ENVIRONMENT["regions"]
    change.environment(regions=[first, {**second, "cidr": "10.0.0.0/8"}])


def _provider_upgraded(change: PullRequest) -> None:
    file = change.root / "requirements.lock"
    lines = file.read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith("pulumi-random=="))
    while lines[at].rstrip().endswith("\\"):
        del lines[at]
    lines[at] = (
        "pulumi-random==4.21.3 \\\n    --hash=sha256:"
        "1828dda933534b40e8783a5bc137d61e62e12c042390f272e4d75936bdd436d2\n"
    )
    file.write_text("".join(lines))


def _renamed(change: PullRequest) -> None:
    change.edit("components/clouds/aws/object_store.py", "aws.s3.Bucket(\n        name,", _BUCKET)


_BUCKET = 'aws.s3.Bucket(\n        f"{name}-objects",'


def _renamed_with_alias(change: PullRequest) -> None:
    _renamed(change)
    change.edit(
        "components/clouds/aws/object_store.py",
        "        tags=tags,\n        region=location,\n        opts=inside,\n    )\n    versioning",
        "        tags=tags,\n        region=location,\n"
        "        opts=pulumi.ResourceOptions.merge(\n"
        "            inside, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])\n"
        "        ),\n    )\n    versioning",
    )


def _keys_reordered(change: PullRequest) -> None:
    content = {CONFIG_KEY: dict(reversed(_ENVIRONMENT.items()))}
    change.write("environments/Pulumi.test.yaml", {"config": content})
    change.write(
        "environments/tenants/northwind.yaml",
        {**_TENANTS["northwind"], "cell": 1, "environment": "test", "tenant": "northwind"},
    )


def _image_only(change: PullRequest) -> None:
    file = change.root / "services/security/seed.py"
    file.write_text(f"{file.read_text()}\nSEEDS = 1\n")


def _tags_only(change: PullRequest) -> None:
    change.edit("components/clouds/cloud.py", '"project": "ai-platform"', '"project": "platform"')


def _access_given(change: PullRequest) -> None:
    file = change.root / "policies/access/marketplace.cedar"
    file.write_text(f"{file.read_text()}\n{_POLICY}")


_POLICY = """@id("anyone-may-list-services")
permit (
    principal,
    action == AiPlatform::Action::"aiplatform.marketplace.v1.MarketplaceService/ListServices",
    resource
);
"""


def _documents_only(change: PullRequest) -> None:
    (change.root / "docs" / "more.md").write_text("# More\n")


def _program_broken(change: PullRequest) -> None:
    file = change.root / "stacks/platform.py"
    file.write_text(f'{file.read_text()}\nraise RuntimeError("half a merge")\n')


def _rules_broken(change: PullRequest) -> None:
    file = change.root / "policies/infrastructure/catalogue.py"
    file.write_text(f'{file.read_text()}\nraise RuntimeError("no rules today")\n')


def _price_missing(change: PullRequest) -> None:
    _database_class(change)
    change.edit(
        "components/clouds/aws/database.py",
        'instance_class="db.r7g.large"',
        'instance_class="db.r99z.large"',
    )


CASES: Mapping[str, Callable[[PullRequest], None]] = {
    "region-added": _region_added,
    "region-removed": _region_removed,
    "tenant-added": _tenant_added,
    "tenant-given-more": _tenant_given_more,
    "database-class-changed": _database_class,
    "primary-moved": _primary_moved,
    "rule-added": _rule_added,
    "secret-rotated": _secret_rotated,
    "cidr-wrong": _cidr_wrong,
    "provider-upgraded": _provider_upgraded,
    "renamed": _renamed,
    "renamed-with-alias": _renamed_with_alias,
    "keys-reordered": _keys_reordered,
    "image-only": _image_only,
    "tags-only": _tags_only,
    "access-given": _access_given,
    "documents-only": _documents_only,
    "program-broken": _program_broken,
    "rules-broken": _rules_broken,
    "price-missing": _price_missing,
}
"""Pull requests by name: what each edits."""


def main(names: list[str]) -> None:
    """Writes the reviews down anew."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        change = PullRequest(Path(folder))
        for name in names or CASES:
            CASES[name](change)
            (GOLDEN / f"{name}.md").write_text(render(change.review()))
            change.take_back()


if __name__ == "__main__":
    main(sys.argv[1:])
