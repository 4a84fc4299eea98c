"""Objects through their life: previewed, made, left alone, changed, replaced, deleted."""

from tests.simulation.kubernetes.engine import Engine
from tools.simulation.kubernetes.provider import KubernetesProvider

EAST = "https://east.example.internal"
WEST = "https://west.example.internal"
PROGRAM = """
opts = cluster()
space = namespace(opts)
deployment(opts, space)
service(opts, space)
"""


def test_is_made_left_alone_and_removed(engine: Engine, provider: KubernetesProvider) -> None:
    assert "+ 5 to create" in engine.preview(PROGRAM)
    engine.up()
    api = provider.clusters.live(EAST).api
    made = api.get("apps/v1", "Deployment", "platform", "api")
    assert made
    assert made["spec"]["replicas"] == 1
    assert engine.changes() == {"same": 5}
    engine.destroy()
    assert api.get("apps/v1", "Deployment", "platform", "api") is None
    assert api.get("v1", "Namespace", None, "platform") is None


def test_a_preview_leaves_nothing_behind(engine: Engine, provider: KubernetesProvider) -> None:
    engine.preview(PROGRAM)
    api = provider.clusters.live(EAST).api
    assert api.get("v1", "Namespace", None, "platform") is None
    scratch = provider.clusters.scratch().api
    assert scratch.call("GET", "/apis/apps/v1/deployments")["items"] == []
    assert scratch.call("GET", "/api/v1/pods")["items"] == []


def test_an_update_goes_in_place_and_an_immutable_field_replaces(
    engine: Engine, provider: KubernetesProvider
) -> None:
    engine.up(PROGRAM)
    api = provider.clusters.live(EAST).api
    before = api.get("apps/v1", "Deployment", "platform", "api")
    assert before

    changed = PROGRAM.replace("deployment(opts, space)", "deployment(opts, space, image='api:2')")
    assert engine.preview(changed).count("[urn=") == 2  # the stack and the Deployment
    engine.up()
    updated = api.get("apps/v1", "Deployment", "platform", "api")
    assert updated
    assert updated["metadata"]["uid"] == before["metadata"]["uid"]
    assert updated["spec"]["template"]["spec"]["containers"][0]["image"] == "api:2"

    other = PROGRAM.replace("opts, space)", "opts, space, {'app': 'other'})")
    assert engine.preview(other)
    engine.program(other)
    assert engine.changes()["replace"] == 1
    engine.up()
    replaced = api.get("apps/v1", "Deployment", "platform", "api")
    assert replaced
    assert replaced["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_change_that_the_apiserver_forbids_is_refused_in_the_preview(engine: Engine) -> None:
    program = """
opts = cluster()
space = namespace(opts)
k8s.core.v1.ConfigMap(
    "settings", metadata={"name": "settings", "namespace": "platform", "labels": {"a": "1"}},
    immutable=IMMUTABLE, opts=pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(depends_on=[space])),
)
"""
    engine.up(program.replace("IMMUTABLE", "True"))
    said = engine.preview(program.replace("IMMUTABLE", "False"), fails=True)
    assert "ConfigMap platform/settings" in said
    assert "immutable: Forbidden: field is immutable when `immutable` is set" in said


def test_drift_is_found_and_mended(engine: Engine, provider: KubernetesProvider) -> None:
    engine.up(PROGRAM.replace("space)\nservice", "space, image='api:1')\nservice"))
    api = provider.clusters.live(EAST).api
    live = api.get("apps/v1", "Deployment", "platform", "api")
    assert live
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "api:tampered"
    live["metadata"].pop("managedFields")
    api.call("PUT", "/apis/apps/v1/namespaces/platform/deployments/api", live)
    assert "api:tampered" in engine.refresh()
    assert engine.changes() == {"same": 4, "update": 1}


def test_what_is_deleted_behind_the_program_is_made_again(
    engine: Engine, provider: KubernetesProvider
) -> None:
    engine.up(PROGRAM)
    api = provider.clusters.live(EAST).api
    api.delete("v1", "Service", "platform", "api")
    engine.refresh()
    engine.up()
    assert api.get("v1", "Service", "platform", "api")


def test_two_clusters_are_apart_and_outlive_their_processes(
    engine: Engine, provider: KubernetesProvider
) -> None:
    engine.up(
        """
namespace(cluster("east"))
k8s.core.v1.Namespace("other", metadata={"name": "other"}, opts=cluster("west"))
"""
    )
    provider.stop()
    east, west = (provider.clusters.live(server).api for server in (EAST, WEST))
    assert east.get("v1", "Namespace", None, "platform")
    assert west.get("v1", "Namespace", None, "platform") is None
    assert west.get("v1", "Namespace", None, "other")
    assert engine.changes() == {"same": 5}


def test_names_are_made_up_and_kept(engine: Engine) -> None:
    program = """
made = k8s.core.v1.ConfigMap("settings", data={"LEVEL": "VALUE"}, opts=cluster())
pulumi.export("name", made.metadata.name)
"""
    engine.up(program.replace("VALUE", "debug"))
    first = engine.outputs()["name"]
    assert first.startswith("settings-")
    engine.up(program.replace("VALUE", "debug"))
    assert engine.outputs()["name"] == first
    engine.up(program.replace("VALUE", "info"))
    assert engine.outputs()["name"] != first  # its data made it anew, under a name of its own


def test_secrets_stay_secret(engine: Engine) -> None:
    engine.up(
        """
opts = cluster()
made = k8s.core.v1.Secret("password", string_data={"password": "correct-horse"}, opts=opts)
pulumi.export("password", made.data)
"""
    )
    state = engine.state()
    assert "correct-horse" not in state
    assert "Y29ycmVjdC1ob3JzZQ==" not in state
    assert engine.outputs()["password"] == {"password": "Y29ycmVjdC1ob3JzZQ=="}


def test_drift_of_a_secret_is_found_and_values_written_differently_are_none(
    engine: Engine, provider: KubernetesProvider
) -> None:
    engine.up(
        """
opts = cluster()
space = namespace(opts)
deployment(opts, space, resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}})
k8s.core.v1.Secret(
    "password", metadata={"name": "password", "namespace": space.metadata.name},
    string_data={"password": "correct-horse"}, opts=opts,
)
"""
    )
    engine.refresh()
    assert engine.changes() == {"same": 5}
    api = provider.clusters.live(EAST).api
    live = api.get("v1", "Secret", "platform", "password")
    assert live
    api.call("PUT", "/api/v1/namespaces/platform/secrets/password", {**live, "data": {}})
    engine.refresh()
    assert engine.changes() == {"same": 4, "replace": 1}


def test_data_changes_in_place_where_the_provider_is_told_so(engine: Engine) -> None:
    program = """
provider = k8s.Provider("east", kubeconfig=kubeconfig("east"), enable_config_map_mutable=True)
k8s.core.v1.ConfigMap(
    "settings", data={"LEVEL": "VALUE"}, opts=pulumi.ResourceOptions(provider=provider)
)
"""
    engine.up(program.replace("VALUE", "debug"))
    engine.program(program.replace("VALUE", "info"))
    assert engine.changes() == {"same": 2, "update": 1}


def test_a_field_that_somebody_else_has_set_is_not_taken_over_unasked(
    engine: Engine, provider: KubernetesProvider
) -> None:
    program = """
provider = k8s.Provider("east", kubeconfig=kubeconfig("east"), enable_patch_force=FORCE)
deployment(
    pulumi.ResourceOptions(provider=provider),
    k8s.core.v1.Namespace(
        "platform", metadata={"name": "platform"}, opts=pulumi.ResourceOptions(provider=provider)
    ),
    image=IMAGE,
)
"""
    engine.up(program.replace("FORCE", "False").replace("IMAGE", "'api:1'"))
    api = provider.clusters.live(EAST).api
    path = "/apis/apps/v1/namespaces/platform/deployments/api"
    live = api.call("GET", path)
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "api:tampered"
    api.call("PUT", path, live)
    changed = program.replace("IMAGE", "'api:2'")
    said = engine.up(changed.replace("FORCE", "False"), fails=True)
    assert "Deployment platform/api: Apply failed with 1 conflict" in said
    engine.up(changed.replace("FORCE", "True"))
    assert api.call("GET", path)["spec"]["template"]["spec"]["containers"][0]["image"] == "api:2"
