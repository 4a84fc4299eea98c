"""The environment file: what it may say, and what a mistake in it gets to hear."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.environment import CONFIG_KEY, EnvironmentFileError
from stacks.environments import parse

ROOT = Path(__file__).resolve().parents[3]
FILE = "environments/Pulumi.local.yaml"


@pytest.fixture
def local() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load((ROOT / FILE).read_text())["config"][CONFIG_KEY])


def refusal(value: Any) -> str:
    with pytest.raises(EnvironmentFileError) as caught:
        parse(value, file=FILE)
    return str(caught.value)


def put(value: dict[str, Any], path: str, new: Any) -> None:
    *parents, last = path.split("/")
    where: Any = value
    for key in parents:
        where = where[int(key) if isinstance(where, list) else key]
    if new is None:
        del where[last]
    else:
        where[int(last) if isinstance(where, list) else last] = new


def test_the_file_in_the_repository_is_right(local: dict[str, Any]) -> None:
    environment = parse(local, file=FILE)
    assert {one.name: one.weight for one in environment.regions} == {
        "us-east-1": 60,
        "eu-central-1": 40,
    }
    assert environment.primary_region == "us-east-1"
    assert environment.standby_regions == ["eu-central-1"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("regions/0/weigth", 60, "regions.0.weigth: there is no such key"),
        ("colour", "blue", "colour: there is no such key"),
        ("regions/0/weight", "60", "regions.0.weight: input should be a valid integer, not '60'"),
        ("regions/0/weight", True, "regions.0.weight: input should be a valid integer, not True"),
        ("regions/0/weight", 59, "regions: the weights sum to 99; they must sum to 100"),
        ("regions/0/weight", -1, "regions.0.weight: input should be greater than or equal to 0"),
        ("regions/1/name", "us-east-1", "regions: region 'us-east-1' is there twice"),
        ("regions/1/name", "Frankfurt", "regions.1.name: string should match pattern"),
        ("primary_region", "eu-west-9", "primary_region: 'eu-west-9' is not one of the regions"),
        ("primary_region", None, "primary_region: is missing"),
        ("target", "aws", "target: must be 'local' or 'clouds', not 'aws'"),
        ("versions/postgresql", "12", "versions.postgresql: input should be '18', not '12'"),
        ("services/security/replicas", 0, "services.security.replicas: input should be greater"),
        ("services/billing", {"replicas": 1}, "services.billing: there is no such key"),
        ("local/regions/us-east-1/gateway", 80, "local.regions.us-east-1.gateway: input should be"),
        ("local/regions/us-east-1/gateway", 18443, "is also taken by local.global.director"),
        ("local/regions/us-east-1/services/security", 18241, "port 18241 is also taken by"),
        ("local/regions/us-east-1/services/security", None, "it must have exactly the services"),
        ("local/regions/eu-central-1", None, "local.regions: has us-east-1; it must have exactly"),
    ],
)
def test_a_mistake_names_file_key_and_reason(
    local: dict[str, Any], path: str, value: Any, said: str
) -> None:
    put(local, path, value)
    message = refusal(local)
    assert said in message
    assert all(line.startswith(f"{FILE}: {CONFIG_KEY}.") for line in message.splitlines())


def test_all_mistakes_are_told_at_once(local: dict[str, Any]) -> None:
    local["trust_domain"] = "Mars!"
    local["regions"][0]["weight"] = "much"
    del local["versions"]
    assert len(refusal(local).splitlines()) == 3


@pytest.mark.parametrize("value", [None, [], "local", 7])
def test_something_else_than_a_mapping_is_refused(value: Any) -> None:
    assert CONFIG_KEY in refusal(value)


@given(weights=st.lists(st.integers(0, 100), min_size=2, max_size=2))
def test_only_weights_that_sum_to_100_are_taken(weights: list[int]) -> None:
    value = yaml.safe_load((ROOT / FILE).read_text())["config"][CONFIG_KEY]
    for region, weight in zip(value["regions"], weights, strict=True):
        region["weight"] = weight
    if sum(weights) == 100:
        assert [one.weight for one in parse(value, file=FILE).regions] == weights
    else:
        assert f"the weights sum to {sum(weights)}" in refusal(value)
