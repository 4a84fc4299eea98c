"""The components, composed as the stack composes them, against recording mocks."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import mocks as pulumi_mocks

import components
from components.clouds.local.settings import LocalSettings
from components.clouds.local.target import LocalTarget
from components.component import Component
from components.disaster_recovery import DisasterRecovery, DisasterRecoveryArgs
from components.global_load_balancer import GlobalLoadBalancer
from components.target import GlobalLoadBalancerArgs, Target
from stacks.environment import CONFIG_KEY, check
from stacks.local_environment import LocalEnvironment
from stacks.platform import Platform, deploy
from tests.components.recording import Made, Recorder, recording, resolved, settle

ROOT = Path(__file__).resolve().parents[2]


def environment(**changes: Any) -> LocalEnvironment:
    text = (ROOT / "environments" / "Pulumi.local.yaml").read_text()
    return check(
        LocalEnvironment, yaml.safe_load(text)["config"][CONFIG_KEY] | changes, file="test"
    )


class LocalRecorder(Recorder):
    """Knows the local provider's types by their short names."""

    def of(self, kind: str) -> dict[str, Made]:
        """Returns the resources of a type of the local provider, by name."""
        return super().of(f"local:index:{kind}")


def outputs_of(args: pulumi_mocks.MockResourceArgs) -> dict[str, Any]:
    return {
        "value": f"generated-{args.name}",
        "certificate_file": f"/certificates/{args.name}.crt",
        "key_file": f"/certificates/{args.name}.key",
        "ca_file": "/certificates/ca.crt",
        "fingerprint": f"fingerprint-{args.name}",
        "host": "127.0.0.1",
        "system_identifier": "1",
        "timeline": 1,
        "oid": "16384",
        "state": "running",
    }


@pytest.fixture
def recorder() -> Iterator[LocalRecorder]:
    mocks = LocalRecorder(outputs_of)
    with recording(mocks):
        yield mocks


def local(settings: LocalSettings) -> LocalTarget:
    return LocalTarget(settings, home=Path("/platform"), root=ROOT)


def declared(recorder: LocalRecorder, **changes: Any) -> Platform:
    spec = environment(**changes)
    platform = deploy(spec, local(spec.local))
    settle()
    assert recorder.made
    return platform


def test_each_region_has_its_own_of_everything(recorder: LocalRecorder) -> None:
    declared(recorder)
    regions = {"us-east-1", "eu-central-1"}
    assert set(recorder.of("PostgresServer")) == {f"{one}-database" for one in regions}
    assert set(recorder.of("Valkey")) == {f"{one}-cache" for one in regions}
    assert set(recorder.of("Envoy")) == {*(f"{one}-gateway" for one in regions), "director"}
    assert set(recorder.of("Supervisor")) == {
        *(f"{one}-cluster" for one in regions),
        "global-cluster",
    }
    for region in regions:
        for service in ("security", "marketplace"):
            assert f"{region}-{service}-0" in recorder.of("Process")


def test_the_standby_follows_the_primary(recorder: LocalRecorder) -> None:
    platform = declared(recorder)
    servers = recorder.of("PostgresServer")
    primary, standby = servers["us-east-1-database"], servers["eu-central-1-database"]
    assert primary.inputs["role"] == "primary"
    assert primary.inputs["standby_slots"] == ["eu_central_1"]
    assert standby.inputs["role"] == "standby"
    assert standby.inputs["slot"] == "eu_central_1"
    assert standby.inputs["primary"]["port"] == primary.inputs["port"]
    assert "us-east-1-database" in standby.depends_on
    assert {name: one.role for name, one in platform.databases.items()} == {
        "us-east-1": "primary",
        "eu-central-1": "standby",
    }


def test_another_primary_region_swaps_the_roles_and_keeps_the_names(
    recorder: LocalRecorder,
) -> None:
    declared(recorder, primary_region="eu-central-1")
    servers = recorder.of("PostgresServer")
    assert servers["eu-central-1-database"].inputs["role"] == "primary"
    assert servers["us-east-1-database"].inputs["role"] == "standby"
    assert "eu-central-1-database" in servers["us-east-1-database"].depends_on


def test_migrations_run_once_and_before_every_replica(recorder: LocalRecorder) -> None:
    declared(recorder)
    jobs = recorder.of("Job")
    assert set(jobs) == {"security-migrations", "marketplace-migrations"}
    for service in ("security", "marketplace"):
        for region in ("us-east-1", "eu-central-1"):
            replica = recorder.of("Process")[f"{region}-{service}-0"]
            assert f"{service}-migrations" in replica.depends_on


def test_replicas_have_ports_of_their_own(recorder: LocalRecorder) -> None:
    declared(recorder, services={"security": {"replicas": 2}, "marketplace": {"replicas": 3}})
    processes = recorder.of("Process").values()
    ports = [int(port) for one in processes for port in one.inputs["ports"]]
    assert len(ports) == len(set(ports))
    bootstrap = json.loads(recorder.of("Envoy")["us-east-1-gateway"].inputs["bootstrap"])
    clusters = {one["name"]: one for one in bootstrap["static_resources"]["clusters"]}
    endpoints = clusters["marketplace"]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert [one["endpoint"]["address"]["socket_address"]["port_value"] for one in endpoints] == [
        18240,
        18242,
        18244,
    ]


def test_no_secret_reaches_an_environment_a_command_or_a_bootstrap(recorder: LocalRecorder) -> None:
    declared(recorder)
    passwords = [f"generated-{name}" for name in recorder.of("RandomPassword")]
    assert len(passwords) > 8
    for one in recorder.made:
        if one.type.startswith("local:index:"):
            in_the_clear = {
                key: value
                for key, value in one.inputs.items()
                if key in {"environment", "command", "check_command", "bootstrap", "files"}
            }
            assert not [word for word in passwords if word in json.dumps(in_the_clear)], one.name


def test_the_director_splits_by_weight_and_skips_regions_without_any(
    recorder: LocalRecorder,
) -> None:
    regions = [{"name": "us-east-1", "weight": 100}, {"name": "eu-central-1", "weight": 0}]
    declared(recorder, regions=regions)
    bootstrap = json.loads(recorder.of("Envoy")["director"].inputs["bootstrap"])
    (cluster,) = bootstrap["static_resources"]["clusters"]
    assert {
        one["locality"]["region"]: one["load_balancing_weight"]
        for one in cluster["load_assignment"]["endpoints"]
    } == {"us-east-1": 100}


def test_stack_outputs_point_at_the_director_and_the_gateways(recorder: LocalRecorder) -> None:
    platform = declared(recorder)
    assert resolved(platform.balancer.url) == "https://localhost:18443"
    assert resolved(platform.balancer.grpc_address) == "localhost:18443"
    assert {one.region: resolved(one.url) for one in platform.gateways} == {
        "us-east-1": "https://localhost:18210",
        "eu-central-1": "https://localhost:18310",
    }
    assert resolved(platform.admin_password) == "generated-admin-password"


def component_classes() -> list[type[Component]]:
    for module in pkgutil.iter_modules(components.__path__):
        if not module.ispkg:
            importlib.import_module(f"components.{module.name}")
    return sorted(Component.__subclasses__(), key=lambda one: one.__name__)


@pytest.mark.parametrize("component", component_classes(), ids=lambda one: one.__name__)
def test_every_component_is_documented_and_takes_its_target_by_keyword(
    component: type[Component],
) -> None:
    assert component.__doc__
    parameters = inspect.signature(component.__init__).parameters
    assert list(parameters)[:3] == ["self", "name", "args"]
    assert parameters["target"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["opts"].kind is inspect.Parameter.KEYWORD_ONLY


def test_every_resource_is_a_child_of_a_component(recorder: LocalRecorder) -> None:
    declared(recorder)
    for one in recorder.made:
        if one.type.startswith(("local:index:", "ai-platform:components:")):
            is_root = one.type == "ai-platform:components:Platform"
            assert (one.parent == "ai-platform-test") == is_root, one.name


def test_the_local_target_implements_the_whole_protocol() -> None:
    wanted = {name for name, _ in inspect.getmembers(Target, inspect.isfunction) if name[0] != "_"}
    assert wanted
    for name in wanted:
        ours = inspect.signature(getattr(LocalTarget, name))
        assert ours.parameters.keys() == inspect.signature(getattr(Target, name)).parameters.keys()


def test_arguments_that_contradict_each_other_are_refused(recorder: LocalRecorder) -> None:
    target = local(environment().local)
    platform = declared(recorder)
    with pytest.raises(ValueError, match="named twice"):
        DisasterRecovery(
            "recovery",
            DisasterRecoveryArgs(
                primary_region="us-east-1",
                standby_regions=["us-east-1"],
                clusters={},
                database_version="18",
            ),
            target=target,
        )
    with pytest.raises(ValueError, match="has no cluster"):
        DisasterRecovery(
            "recovery",
            DisasterRecoveryArgs(
                primary_region="us-east-1",
                standby_regions=[],
                clusters={},
                database_version="18",
            ),
            target=target,
        )
    with pytest.raises(ValueError, match="weights sum to 70"):
        GlobalLoadBalancer(
            "balancer",
            GlobalLoadBalancerArgs(
                weights={"us-east-1": 60, "eu-central-1": 10},
                gateways=platform.gateways,
                trust=platform.trust,
            ),
            target=target,
        )
    settle()
