"""What a change costs: the arithmetic, and that the price file leaves nothing out."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tools.paths import ROOT
from tools.review.cost import Resource, difference, monthly
from tools.review.prices import PriceFileError, Prices, load

FILE = ROOT / "tools" / "review" / "prices.yaml"
PRICES = load(FILE)
GOLDEN = ROOT / "tests" / "golden"
VALKEY = "aws:elasticache/replicationGroup:ReplicationGroup"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def resource(kind: str = VALKEY, place: str = "aws-us-east-1", **properties: Any) -> Resource:
    return Resource(kind=kind, name="it", place=place, properties=properties)


def declared(environment: str) -> list[Resource]:
    """Returns the resources of an environment, with their places, as its golden file has them."""
    written = yaml.safe_load((GOLDEN / f"{environment}.yaml").read_text())
    names = [key.partition(" ") for key in written]
    content = yaml.safe_load((ROOT / "environments" / f"Pulumi.{environment}.yaml").read_text())
    regions = content["config"]["ai-platform:environment"]["regions"]
    places = [f"{one['cloud']}-{one['location']}" for one in regions]
    return [
        Resource(
            kind=kind,
            name=name,
            place=next((one for one in places if name.startswith(one)), ""),
            properties=properties,
        )
        for (kind, _, name), properties in zip(names, written.values(), strict=True)
        if not kind.startswith("pulumi:")
    ]


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_everything_an_environment_is_made_of_has_a_price(environment: str) -> None:
    found = difference(PRICES, (), declared(environment))
    assert found.holes == ()
    assert found.amount > 0
    assert found.usage["aws:s3/bucket:Bucket"] > 0


def test_every_kind_of_production_has_a_price() -> None:
    counted = (GOLDEN / "production.yaml").read_text().splitlines()
    kinds = {line.strip().rpartition(":")[0] for line in counted if line.startswith("  ")}
    assert VALKEY in kinds
    assert {
        kind
        for kind in kinds
        if not kind.startswith("pulumi:")
        and kind not in PRICES.prices
        and not PRICES.is_free(kind)
        and not PRICES.is_usage(kind)
    } == set()


def test_no_kind_is_both_priced_and_not() -> None:
    assert not [one for one in PRICES.prices if PRICES.is_free(one) or PRICES.is_usage(one)]
    assert not [one for one in PRICES.usage if PRICES.is_free(one)]


def test_a_price_is_rate_times_hours_times_count_times_place() -> None:
    two = resource(nodeType="cache.t4g.medium", numCacheClusters=2)
    assert monthly(PRICES, two) == Decimal("0.052") * 730 * 2
    europe = resource(place="aws-eu-central-1", nodeType="cache.t4g.medium", numCacheClusters=2)
    assert monthly(PRICES, europe) == monthly(PRICES, two) * Decimal("1.1")


def test_elements_of_a_list_are_added_up_and_quantities_of_kubernetes_understood() -> None:
    pools = [
        {"vmSize": "Standard_D4ds_v5", "minCount": 2, "osDiskSizeGB": 100},
        {"vmSize": "Standard_D8ds_v5", "minCount": 1, "osDiskSizeGB": 100},
    ]
    kind = "azure-native:containerservice:ManagedCluster"
    nodes = resource(kind, "azure-eastus", agentPoolProfiles=pools, sku={"tier": "Standard"})
    hourly = Decimal("0.10") + 2 * Decimal("0.226") + Decimal("0.452")
    assert monthly(PRICES, nodes) == hourly * 730 + Decimal("0.15") * 300
    asks = [{"resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}]
    pods = {"replicas": 4, "template": {"spec": {"containers": asks}}}
    workload = "kubernetes:apps/v1:Deployment"
    cost = (2 * Decimal("0.0335") + 2 * Decimal("0.0036")) * 730
    assert monthly(PRICES, resource(workload, spec=pods)) == cost
    assert monthly(PRICES, resource(workload, "gcp-us-central1", spec=pods)) == 0


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            resource("aws:new/thing:Thing"),
            "prices.yaml has no price of aws:new/thing:Thing; add it",
        ),
        (resource(nodeType="cache.x9.huge"), "where nodeType is cache.x9.huge; it has cache.t4g"),
        (resource(nodeType=UNKNOWN), "nodeType of it, which its price needs, is not known yet"),
        (
            resource(nodeType="cache.t4g.small", numCacheClusters=UNKNOWN),
            "numCacheClusters of it, which its price needs, is not known yet",
        ),
        (
            resource(nodeType="cache.t4g.small", numCacheClusters="many"),
            "numCacheClusters of it is 'many', which is no number",
        ),
        (
            resource("gcp:managedkafka/cluster:Cluster", "gcp-us-central1"),
            "capacityConfig.vcpuCount of it (gcp:managedkafka/cluster:Cluster)",
        ),
    ],
)
def test_what_has_no_price_is_a_hole(lacking: Resource, said: str) -> None:
    (hole,) = difference(PRICES, (), [lacking]).holes
    assert said in hole


RESOURCES = st.lists(
    st.builds(
        resource,
        place=st.sampled_from(["", "aws-us-east-1", "aws-eu-central-1", "aws-sa-east-1"]),
        nodeType=st.sampled_from(["cache.t4g.micro", "cache.r7g.large"]),
        numCacheClusters=st.integers(1, 9),
    ),
    max_size=5,
)


@given(RESOURCES, RESOURCES)
def test_there_and_back_costs_nothing(
    before: Sequence[Resource], after: Sequence[Resource]
) -> None:
    there, back = difference(PRICES, before, after), difference(PRICES, after, before)
    assert there.amount == -back.amount
    assert difference(PRICES, before, before).amount == 0


@given(RESOURCES, RESOURCES)
def test_what_is_made_costs_the_sum_of_its_parts(
    some: list[Resource], others: list[Resource]
) -> None:
    apart = sum((difference(PRICES, (), [one]).amount for one in (*some, *others)), Decimal(0))
    assert difference(PRICES, (), [*some, *others]).amount == apart


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currencies": "USD"}, "currencies: Extra inputs are not permitted"),
        ({"currency": "dollars"}, "currency: String should match pattern"),
        ({"continents": {"europe": 1}}, "continents has no africa, asia"),
        ({"prices": {"a": [{"hourly": 1, "monthly": 1}]}}, "give either hourly or monthly"),
        ({"prices": {"a": [{"hourly": {"x": 1}}]}}, "a table of rates needs `by`"),
        ({"prices": {"a": [{"hourly": -1}]}}, "prices.a.0.hourly"),
        ({"prices": {"a": []}}, "prices.a: Value should have at least 1 item"),
    ],
)
def test_a_wrong_price_file_is_refused_with_the_key(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    content = yaml.safe_load(FILE.read_text()) | change
    file = tmp_path / "prices.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(PriceFileError) as raised:
        load(file)
    assert said in str(raised.value)
    assert str(raised.value).startswith("prices.yaml: ")


def test_a_price_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="No such file"):
        load(tmp_path / "prices.yaml")


def test_the_repository_has_one() -> None:
    assert isinstance(PRICES, Prices)
