"""An environment on the clouds: short files with good defaults, and what a mistake gets to hear."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.clouds.locations import LOCATIONS, find, jurisdictions
from stacks.cloud_environment import CloudEnvironment
from stacks.environment import CONFIG_KEY, EnvironmentFileError
from stacks.environments import parse
from tests.unit.stacks.test_environment import put

ROOT = Path(__file__).resolve().parents[3]
FILE = "environments/Pulumi.staging.yaml"
AWS = {
    "target": "clouds",
    "size": "large",
    "domain": "ai.example",
    "contact": "platform@ai.example",
    "primary_region": "aws-us-east-1",
    "versions": {"platform": "0.1.0"},
    "accounts": {"aws": "123456789012"},
    "regions": [{"cloud": "aws", "location": "us-east-1"}],
}


def of_file(name: str) -> dict[str, Any]:
    text = (ROOT / "environments" / f"Pulumi.{name}.yaml").read_text()
    return yaml.safe_load(text)["config"][CONFIG_KEY]


def environment(value: dict[str, Any]) -> CloudEnvironment:
    parsed = parse(value, file=FILE)
    assert isinstance(parsed, CloudEnvironment)
    return parsed


def refusal(value: Any) -> str:
    with pytest.raises(EnvironmentFileError) as caught:
        parse(value, file=FILE)
    return str(caught.value)


def test_a_short_file_says_enough() -> None:
    found = environment(AWS)
    assert found.trust_domain == "ai.example"
    assert found.protect
    assert found.services.replicas() == {"security": 3, "marketplace": 3}
    (region,) = found.regions
    assert (region.name, region.weight) == ("aws-us-east-1", 100)
    assert str(region.addresses) == "10.1.0.0/16"
    assert found.versions.postgresql == "17"


def test_the_environments_are_what_they_are_for() -> None:
    dev, staging, production = (environment(of_file(n)) for n in ("dev", "staging", "production"))
    assert dev.clouds == ["aws"]
    assert len(dev.regions) == 1
    assert sorted(region.cloud for region in staging.regions) == ["aws", "azure", "gcp"]
    assert len(production.regions) == 16
    assert {"aws", "gcp", "azure"} == set(production.clouds)
    assert len({region.place.continent for region in production.regions}) == 6
    assert production.protect
    assert not dev.protect
    accounts = [
        one.accounts.of(cloud) for one in (dev, staging, production) for cloud in one.clouds
    ]
    assert len(set(accounts)) == len(accounts), "no two environments share an account"


def test_the_law_of_the_place_is_added_to_what_the_file_says() -> None:
    production = environment(of_file("production"))
    regimes = {region.name: region.regimes for region in production.regions}
    assert "gdpr" in regimes["aws-eu-central-1"]
    assert "iso27001" in regimes["aws-eu-central-1"]
    assert regimes["aws-af-south-1"] == ["popia"]
    assert "gdpr" not in regimes["azure-uksouth"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "regions/0/location",
            "us-east-9",
            "regions.0.location: aws has no location 'us-east-9' with three zones; did you mean",
        ),
        (
            "regions/0/location",
            "europe-west4",
            "regions.0.location: 'europe-west4' is a location of gcp, not of aws",
        ),
        ("regions/0/cloud", "alibaba", "regions.0.cloud: input should be 'aws', 'gcp' or 'azure'"),
        ("regions/0/lokation", "x", "regions.0.lokation: there is no such key"),
        ("regions/0/compliance", ["hippa"], "regions.0.compliance.0: input should be"),
        (
            "regions/0/cidr",
            "10.0.0.0/8",
            "regions.0.cidr: value error, must be a /16 of 10.0.0.0/8",
        ),
        ("regions/0/cidr", "10.255.0.0/16", "other than 10.0.0.0/16 and 10.255.0.0/16"),
        ("regions/0/cidr", "172.16.0.0/16", "regions.0.cidr: value error, must be a /16 of 10.0"),
        (
            "regions/0/cidr",
            "8.8.0.0/16",
            "regions.0.cidr: value error, must be a /16 of 10.0.0.0/8",
        ),
        ("regions/0/cidr", "10.97.0.0/16", "10.97.0.0/16 overlaps 10.97.0.0/16 of aws-us-east-1"),
        ("accounts/aws", None, "accounts.aws: is missing, and there are regions on aws"),
        ("accounts/aws", "1234", "accounts.aws: string should match pattern"),
        ("accounts/azure", "not-a-uuid", "accounts.azure: string should match pattern"),
        ("primary_region", "us-east-1", "primary_region: 'us-east-1' is not one of the regions"),
        ("size", "huge", "size: input should be 'small', 'medium' or 'large', not 'huge'"),
        ("domain", None, "domain: is missing"),
        ("versions/postgresql", "14", "versions.postgresql: input should be '15', '16'"),
        ("versions/postgresql", "16", "versions.postgresql: is 16; over several clouds"),
        ("regions/0/weight", 101, "regions.0.weight: input should be less than or equal to 100"),
    ],
)
def test_a_mistake_names_file_key_and_reason(path: str, value: Any, said: str) -> None:
    staging = copy.deepcopy(of_file("staging"))
    put(staging, path, value)
    message = refusal(staging)
    assert said in message
    assert all(line.startswith(f"{FILE}: {CONFIG_KEY}.") for line in message.splitlines())


def test_an_account_nobody_uses_is_refused() -> None:
    said = refusal(AWS | {"accounts": AWS["accounts"] | {"gcp": "some-project"}})
    assert "accounts.gcp: no region is on gcp; leave the key out" in said


def test_several_clouds_without_aws_have_nowhere_to_put_their_dns() -> None:
    regions = [
        {"cloud": "gcp", "location": "europe-west4"},
        {"cloud": "azure", "location": "westeurope"},
    ]
    accounts = {"gcp": "some-project", "azure": "22222222-2222-4222-8222-222222222222"}
    said = refusal(
        AWS | {"regions": regions, "accounts": accounts, "primary_region": "gcp-europe-west4"}
    )
    assert "has its DNS in Route 53" in said


def test_one_location_is_one_region() -> None:
    regions = [{"cloud": "aws", "location": "us-east-1", "name": n} for n in ("one", "two")]
    said = refusal(AWS | {"regions": regions, "primary_region": "one"})
    assert "regions: two regions are in aws us-east-1" in said


@given(
    given_weights=st.lists(st.integers(0, 100), max_size=6),
    rest=st.integers(1, 10),
)
def test_what_is_left_of_the_traffic_is_shared_evenly(given_weights: list[int], rest: int) -> None:
    locations = [one for one in LOCATIONS if one.cloud == "aws"]
    regions: list[dict[str, Any]] = [
        {"cloud": "aws", "location": one.name} for one in locations[: len(given_weights) + rest]
    ]
    for region, weight in zip(regions, given_weights, strict=False):
        region["weight"] = weight
    value = AWS | {"regions": regions}
    if sum(given_weights) > 100:
        assert "regions" in refusal(value)
        return
    weights = [region.weight for region in environment(value).regions]
    shared = weights[len(given_weights) :]
    assert weights[: len(given_weights)] == given_weights
    assert sum(weights) == 100
    assert max(shared) - min(shared) <= 1


def test_locations_are_consistent() -> None:
    assert len({one.number for one in LOCATIONS}) == len(LOCATIONS)
    assert all(1 <= one.number <= 254 for one in LOCATIONS)
    continents = {one.continent for one in LOCATIONS}
    assert continents == {
        "africa",
        "asia",
        "australia",
        "europe",
        "middle-east",
        "north-america",
        "south-america",
    }
    assert all(len(set(one.zones)) == 3 for one in LOCATIONS)
    assert find("gcp", "europe-west1").zones == (
        "europe-west1-b",
        "europe-west1-c",
        "europe-west1-d",
    )
    assert find("azure", "northeurope").jurisdiction == "eu"
    assert find("aws", "eu-west-2").jurisdiction == "gb"
    assert {"eu", "us", "ca", "za"} <= jurisdictions()
