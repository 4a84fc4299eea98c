"""What a change costs: the arithmetic, and that the price file leaves nothing out."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.clouds.locations import LOCATIONS
from tools.paths import ROOT
from tools.review.changes import place_of
from tools.review.cost import Resource, difference, monthly
from tools.review.prices import load

FILE = ROOT / "tools" / "review" / "prices.yaml"
PRICES = load(FILE)
GOLDEN = ROOT / "tests" / "golden"
CLOUDS = ROOT / "components" / "clouds"
VALKEY = "aws:elasticache/replicationGroup:ReplicationGroup"
INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
CLUSTER = "aws:rds/cluster:Cluster"
WORKLOAD = "kubernetes:apps/v1:Deployment"
AUTOSCALER = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
ASKS = [{"resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}]
SPEC = {"template": {"spec": {"containers": ASKS}}}
POD = (Decimal("0.0375") + Decimal("0.004")) * 730 / 2


def resource(
    kind: str = VALKEY, place: str = "aws-us-east-1", *, name: str = "it", **properties: Any
) -> Resource:
    return Resource(kind=kind, name=name, place=place, properties=properties)


def declared(environment: str) -> list[Resource]:
    """Returns the resources of an environment, with their places, as its golden file has them."""
    written = yaml.safe_load((GOLDEN / f"{environment}.yaml").read_text())
    content = yaml.safe_load((ROOT / "environments" / f"Pulumi.{environment}.yaml").read_text())
    regions = content["config"]["ai-platform:environment"]["regions"]
    places = [f"{one['cloud']}-{one['location']}" for one in regions]
    found: list[Resource] = []
    for key, properties in written.items():
        kind, _, name = key.partition(" ")
        if kind == "gcp:managedkafka/cluster:Cluster":
            # The golden file takes a long number for a random suffix, and masks it.
            properties["capacityConfig"]["memoryBytes"] = str(12 * 2**30)
        place = place_of(name, places)
        found.append(Resource(kind=kind, name=name, place=place, properties=properties))
    return found


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_everything_an_environment_is_made_of_has_a_price(environment: str) -> None:
    found = difference(PRICES, (), declared(environment))
    assert found.holes == ()
    assert found.before == 0
    assert found.amount == found.after > 0
    assert found.usage["aws:s3/bucket:Bucket"] > 0
    assert difference(PRICES, declared(environment), declared(environment)).amount == 0


def test_every_kind_of_production_has_a_price() -> None:
    counted = (GOLDEN / "production.yaml").read_text().splitlines()
    kinds = {line.strip().rpartition(":")[0] for line in counted if line.startswith("  ")}
    assert VALKEY in kinds
    assert {kind for kind in kinds if not PRICES.covers(kind)} == set()


GROUPS = {
    "helm": "helm.sh",
    "networking": "networking.k8s.io",
    "rbac": "rbac.authorization.k8s.io",
    "scheduling": "scheduling.k8s.io",
}


def made_by(file: Path) -> Iterator[str]:
    """Yields the kinds of resources that a module of a cloud makes; custom ones have no class."""
    return (kind for kind in named_in(file) if re.search(r":[A-Z]\w*$(?<!Args)(?<!Dict)", kind))


def named_in(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    azure = {
        one.name for node in imports if node.module == "pulumi_azure_native" for one in node.names
    }
    for node in imports:
        match (node.module or "").split("."):
            case ["pulumi_kubernetes", group, version]:
                group = GROUPS.get(group, group)
                yield from (f"kubernetes:{group}/{version}:{one.name}" for one in node.names)
            case _:
                pass
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                ast.Attribute(ast.Attribute(ast.Name("aws" | "gcp" as cloud), module), name)
            ):
                yield f"{cloud}:{module.rstrip('_')}/{name[0].lower()}{name[1:]}:{name}"
            case ast.Call(ast.Attribute(ast.Name(module), name)) if module in azure:
                yield f"azure-native:{module}:{name}"
            case _:
                pass


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "kubernetes"])
def test_every_kind_that_the_clouds_modules_make_has_a_price(cloud: str) -> None:
    kinds = {kind for file in (CLOUDS / cloud).glob("*.py") for kind in made_by(file)}
    assert len(kinds) > 10
    assert {kind for kind in kinds if not PRICES.covers(kind)} == set()


def test_a_kind_that_is_new_is_a_hole_that_says_what_to_add() -> None:
    new = [resource("aws:new/thing:Thing", name=f"new-{number}") for number in range(5)]
    (hole,) = difference(PRICES, (), new).holes
    assert hole == (
        "prices.yaml has no price of aws:new/thing:Thing: add it to `prices`, `usage` or `free` "
        "(new-0, new-1, new-2 and 2 more)"
    )


def test_a_price_is_rate_times_hours_times_count_times_place() -> None:
    two = resource(nodeType="cache.t4g.medium", numCacheClusters=2)
    assert monthly(PRICES, two) == Decimal("0.052") * 730 * 2
    europe = resource(place="aws-eu-central-1", nodeType="cache.t4g.medium", numCacheClusters=2)
    assert monthly(PRICES, europe) == monthly(PRICES, two) * Decimal("1.2")


@pytest.mark.parametrize(
    ("kind", "own", "factor"),
    [
        (INSTANCE, {"instanceClass": "db.r7g.large", "region": "eu-central-1"}, "1.2"),
        (INSTANCE, {"instanceClass": "db.r7g.large", "region": "somewhere"}, "1"),
        ("azure-native:network:NatGateway", {"location": "westeurope"}, "1.2"),
        ("azure-native:network:NatGateway", {"location": "global"}, "1"),
    ],
)
def test_what_is_named_after_no_region_is_where_it_says_itself(
    kind: str, own: dict[str, str], factor: str
) -> None:
    inside, outside = ("aws-us-east-1", "azure-eastus"), resource(kind, "", **own)
    base = resource(kind, inside["azure" in kind], **own)
    assert monthly(PRICES, outside) == monthly(PRICES, base) * Decimal(factor)


def test_what_costs_the_same_everywhere_does() -> None:
    key = "aws:kms/key:Key"
    assert monthly(PRICES, resource(key, "aws-sa-east-1")) == 1


def test_elements_of_a_list_are_added_up() -> None:
    pools = [
        {"vmSize": "Standard_D4ds_v5", "minCount": 2, "osDiskSizeGB": 100},
        {"vmSize": "Standard_D8ds_v5", "count": 1, "osDiskSizeGB": 100},
    ]
    kind = "azure-native:containerservice:ManagedCluster"
    nodes = resource(kind, "azure-eastus", agentPoolProfiles=pools, sku={"tier": "Standard"})
    hourly = Decimal("0.10") + 2 * Decimal("0.226") + Decimal("0.452")
    assert monthly(PRICES, nodes) == hourly * 730 + Decimal("0.15") * 300


def test_elements_of_a_list_are_counted() -> None:
    kind = "aws:ec2/vpcEndpoint:VpcEndpoint"
    three = resource(kind, vpcEndpointType="Interface", subnetIds=[UNKNOWN] * 3)
    assert monthly(PRICES, three) == Decimal("0.01") * 730 * 3
    assert monthly(PRICES, resource(kind, vpcEndpointType="Gateway")) == 0


def test_a_second_instance_costs_as_much_as_the_first() -> None:
    tier = {"tier": "db-custom-1-3840"}
    kind = "gcp:sql/databaseInstance:DatabaseInstance"
    one = resource(kind, "gcp-us-central1", settings={**tier, "availabilityType": "ZONAL"})
    two = resource(kind, "gcp-us-central1", settings={**tier, "availabilityType": "REGIONAL"})
    assert monthly(PRICES, two) == 2 * monthly(PRICES, one)


def test_pods_cost_what_they_ask_for_on_aws_and_nothing_elsewhere() -> None:
    four = {**SPEC, "replicas": 4}
    assert monthly(PRICES, resource(WORKLOAD, spec=four)) == 4 * POD
    assert monthly(PRICES, resource(WORKLOAD, spec=SPEC)) == POD
    assert monthly(PRICES, resource(WORKLOAD, "gcp-us-central1", spec=four)) == 0


def test_an_autoscaler_says_how_many_pods_there_are_at_least() -> None:
    def pods(replicas: int) -> list[Resource]:
        autoscaler = resource(AUTOSCALER, name="a", spec={"minReplicas": replicas})
        other = resource(AUTOSCALER, name="b", spec={"minReplicas": 9})
        return [other, autoscaler, resource(WORKLOAD, name="a", spec=SPEC)]

    found = difference(PRICES, pods(2), pods(3))
    assert (found.before, found.after) == (2 * POD, 3 * POD)


def test_a_serverless_instance_costs_the_least_that_its_cluster_lets_it_have() -> None:
    def database(least: float) -> list[Resource]:
        scaling = {"minCapacity": least, "maxCapacity": 16}
        cluster = resource(CLUSTER, name="a-db", serverlessv2ScalingConfiguration=scaling)
        names = ("a-db-0", "a-db-1")
        return [
            cluster,
            *(resource(INSTANCE, name=one, instanceClass="db.serverless") for one in names),
        ]

    unit = Decimal("0.12") * 730
    assert difference(PRICES, (), database(0)).amount == 0
    assert difference(PRICES, (), database(4)).amount == 8 * unit
    assert difference(PRICES, database(1), database(1.5)).amount == unit
    alone = resource(INSTANCE, name="b-db-0", instanceClass="db.serverless")
    assert difference(PRICES, (), [*database(4), alone]).amount == 8 * unit + unit / 2


def test_the_largest_parts_come_first_and_what_stays_is_in_none() -> None:
    stays = resource("aws:kms/key:Key", name="stays")
    before = [stays, resource(nodeType="cache.t4g.micro", name="a")]
    after = [
        stays,
        resource("aws:kms/key:Key", name="new"),
        *(resource(nodeType="cache.r7g.large", name=one) for one in "ab"),
    ]
    found = difference(PRICES, before, after)
    more = (2 * Decimal("0.175") - Decimal("0.0128")) * 730
    assert list(found.parts.items()) == [(VALKEY, (2, more)), ("aws:kms/key:Key", (1, 1))]
    assert (found.before, found.after) == (1 + Decimal("0.0128") * 730, found.before + more + 1)
    assert found.currency == "USD"


def test_two_of_one_name_both_cost() -> None:
    two = [resource(nodeType="cache.t4g.micro")] * 2
    assert difference(PRICES, (), two).amount == 2 * monthly(PRICES, two[0])


def test_what_is_billed_by_use_is_counted_and_has_no_amount() -> None:
    buckets = [resource("aws:s3/bucket:Bucket", name=one) for one in "abc"]
    found = difference(PRICES, buckets[:1], buckets)
    assert (found.amount, found.usage, found.parts) == (0, {"aws:s3/bucket:Bucket": 2}, {})
    assert difference(PRICES, buckets, buckets).usage == {}


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (
            resource(nodeType="cache.x9.huge"),
            f"no price of {VALKEY} where nodeType is cache.x9.huge: add it to its table of cache.",
        ),
        (resource(), f"no price of {VALKEY} where nodeType is not set: add it"),
        (resource(nodeType=UNKNOWN), f"nodeType of {VALKEY}, which its price needs, is not known"),
        (
            resource(nodeType="cache.t4g.small", numCacheClusters=f"a-{UNKNOWN}"),
            f"numCacheClusters of {VALKEY}, which its price needs, is not known yet (it)",
        ),
        (
            resource(nodeType="cache.t4g.small", numCacheClusters="[secret]"),
            f"numCacheClusters of {VALKEY}, which its price needs, is '[secret]', no number",
        ),
        (
            resource("gcp:sql/databaseInstance:DatabaseInstance", "gcp-us-east1", settings=UNKNOWN),
            "settings.tier of gcp:sql/databaseInstance:DatabaseInstance, which its price needs, is",
        ),
        (
            resource(WORKLOAD, spec={**SPEC, "replicas": 1, "template": UNKNOWN}),
            "spec.template.spec.containers[*].resources.requests.cpu of kubernetes:apps/v1:Deploy",
        ),
        (
            resource("kubernetes:elasticsearch.k8s.elastic.co/v1:Elasticsearch", spec=UNKNOWN),
            "spec.nodeSets[*] of kubernetes:elasticsearch.k8s.elastic.co/v1:Elasticsearch, which",
        ),
        (
            resource("gcp:managedkafka/cluster:Cluster", "gcp-us-central1"),
            "which its price needs, is not set: prices.yaml can say what it is `otherwise` (it)",
        ),
        (
            resource(WORKLOAD, "", spec=SPEC),
            "depends on the cloud it is on, and it is in no region",
        ),
        (resource(WORKLOAD, "mars", spec=SPEC), "and mars is no location of a cloud (it)"),
        (
            resource(place="mars", nodeType="cache.t4g.small"),
            "depends on its location, and mars is",
        ),
    ],
)
def test_what_has_no_price_is_a_hole(lacking: Resource, said: str) -> None:
    for found in (difference(PRICES, (), [lacking]), difference(PRICES, [lacking], [lacking])):
        (hole,) = found.holes
        assert said in hole
    with pytest.raises(ValueError, match="it"):
        monthly(PRICES, lacking)


KINDS: Sequence[Callable[[str, str, int], Resource]] = (
    lambda name, place, count: resource(
        place=place, name=name, nodeType="cache.t4g.micro", numCacheClusters=count
    ),
    lambda name, place, count: resource(
        WORKLOAD, place, name=name, spec={**SPEC, "replicas": count}
    ),
    lambda name, place, count: resource(
        "azure-native:eventhub:Namespace",
        place,
        name=name,
        sku={"tier": "Premium", "capacity": count},
    ),
)
PLACES = st.sampled_from([f"{one.cloud}-{one.name}" for one in LOCATIONS])


@st.composite
def resources(draw: st.DrawFn, names: str = "abcdefgh") -> list[Resource]:
    """Returns resources of several kinds, each name once."""
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=5))
    return [
        draw(st.sampled_from(KINDS))(name, draw(PLACES), draw(st.integers(0, 9))) for name in chosen
    ]


@given(resources(), resources())
def test_there_and_back_costs_nothing(before: list[Resource], after: list[Resource]) -> None:
    there, back = difference(PRICES, before, after), difference(PRICES, after, before)
    assert there.amount == -back.amount
    assert (there.before, there.after) == (back.after, back.before)
    assert there.parts == {kind: (count, -more) for kind, (count, more) in back.parts.items()}
    assert sum(part.amount for part in there.parts.values()) == there.amount
    nothing = difference(PRICES, before, before)
    assert (nothing.amount, nothing.parts) == (0, {})


@given(resources("abcd"), resources("abcd"), resources("efgh"), resources("efgh"))
def test_what_has_nothing_to_do_with_each_other_adds_up(
    before: list[Resource], after: list[Resource], others: list[Resource], then: list[Resource]
) -> None:
    together = difference(PRICES, [*before, *others], [*after, *then])
    apart = difference(PRICES, before, after), difference(PRICES, others, then)
    assert together.amount == sum(one.amount for one in apart)
    for kind, part in together.parts.items():
        assert part.amount == sum(one.parts[kind].amount for one in apart if kind in one.parts)


@given(st.sampled_from(KINDS), PLACES, st.integers(1, 9))
def test_twice_as_many_cost_twice_as_much(
    kind: Callable[[str, str, int], Resource], place: str, count: int
) -> None:
    one, two = (monthly(PRICES, kind("it", place, number)) for number in (count, 2 * count))
    assert two == 2 * one
