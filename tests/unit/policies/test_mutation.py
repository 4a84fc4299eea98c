"""No property that a rule asserts can be wrong unseen, in what the golden previews are made of."""

from collections.abc import Iterator

import pytest

from components.clouds.local.provider.values import UNKNOWN, Properties
from policies.infrastructure import mutation
from policies.infrastructure.mutation import mutate
from policies.infrastructure.rule import Finding, Rule, judge
from policies.infrastructure.stack_rule import Resource
from tests.unit.policies.asked import urn
from tests.unit.policies.samples import ENVIRONMENTS, resources
from tools.policy_mutate import resources_of


def recorded(environment: str) -> list[Resource]:
    return [
        Resource(urn=urn(kind, str(number)), kind=kind, provider="", properties=properties)
        for number, (kind, properties) in enumerate(resources(environment))
    ]


@pytest.mark.parametrize(("environment", "size"), ENVIRONMENTS.items())
def test_no_mutant_survives(environment: str, size: str) -> None:
    found = mutate(recorded(environment), size)  # pyright: ignore[reportArgumentType]
    assert found.tried > 100
    assert not found.survivors


def test_what_a_rule_that_sleeps_lets_through_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def asleep(rule: Rule, properties: Properties) -> Iterator[Finding]:
        return iter(()) if rule.name == "gcp-bucket-private" else judge(rule, properties)

    monkeypatch.setattr(mutation, "judge", asleep)
    buckets = [one for one in recorded("staging") if one.kind == "gcp:storage/bucket:Bucket"]
    survivors = mutate(buckets, "medium").survivors
    assert [one.partition(": ")[2] for one in survivors[:2]] == [
        "publicAccessPrevention = null (gcp-bucket-private)",
        "uniformBucketLevelAccess = false (gcp-bucket-private)",
    ]


def test_a_previews_steps_are_resources_as_rules_see_them() -> None:
    bucket = urn("aws:s3/bucket:Bucket", "one")
    state = {
        "urn": urn("aws:s3/bucketPolicy:BucketPolicy", "one"),
        "type": "aws:s3/bucketPolicy:BucketPolicy",
        "provider": "urn:pulumi:test::p::pulumi:providers:aws::aws::the-id",
        "inputs": {"bucket": "b", "policy": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"},
        "propertyDependencies": {"bucket": [bucket], "policy": None},
    }
    (found,) = resources_of([{"newState": state}])
    assert found.name == "one"
    assert found.provider == "urn:pulumi:test::p::pulumi:providers:aws::aws"
    assert found.properties == {"bucket": "b", "policy": UNKNOWN}
    assert found.needs == {"bucket": frozenset({bucket}), "policy": frozenset()}
