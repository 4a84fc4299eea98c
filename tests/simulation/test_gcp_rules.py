"""What the simulated Google Cloud refuses, in Google's words."""

from typing import Any

import pytest

from tests.simulation.calls import Caller, Made, RefusedError

SERVICE, NETWORK = "gcp:projects/service:Service", "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
INSTANCE, JOB = "gcp:sql/databaseInstance:DatabaseInstance", "gcp:cloudrunv2/job:Job"


@pytest.fixture(autouse=True)
def services(gcp: Caller) -> None:
    for name in ("compute", "container", "sqladmin", "cloudkms", "dns", "run"):
        gcp.create(SERVICE, name, service=f"{name}.googleapis.com")


def test_an_api_must_be_enabled_first(gcp: Caller) -> None:
    with pytest.raises(RefusedError, match=r"secretmanager\.googleapis\.com has not been used"):
        gcp.create("gcp:secretmanager/secret:Secret", secretId="a", replication={"auto": {}})


def test_ranges_of_a_network_do_not_overlap_nor_do_those_of_peers(gcp: Caller) -> None:
    network = gcp.create(NETWORK, name="one", autoCreateSubnetworks=False)
    gcp.create(
        SUBNETWORK,
        name="first",
        network=network.id,
        ipCidrRange="10.0.0.0/20",
        secondaryIpRanges=[{"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"}],
    )
    with pytest.raises(RefusedError, match=r"10\.5\.0\.0/20 conflicts with .*'first'"):
        gcp.create(
            SUBNETWORK,
            "two",
            name="second",
            network=network["selfLink"],
            ipCidrRange="10.5.0.0/20",
            region="us-east1",
        )
    other = gcp.create(NETWORK, "other", name="other", autoCreateSubnetworks=False)
    gcp.create(SUBNETWORK, "there", name="there", network=other.id, ipCidrRange="10.0.8.0/24")
    with pytest.raises(RefusedError, match="overlaps with an IP range"):
        gcp.create(
            "gcp:compute/networkPeering:NetworkPeering",
            network=network["selfLink"],
            peerNetwork=other["selfLink"],
        )
    with pytest.raises(RefusedError, match="is already being used by"):
        gcp.delete(network)


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (NETWORK, {"name": "Upper"}, "lower-case"),
        (SUBNETWORK, {"network": "n", "ipCidrRange": "10.0.0.1/24"}, "host bits"),
        (SUBNETWORK, {"network": "n", "region": "europe-wst3"}, "did you mean europe-west3"),
        ("gcp:storage/bucket:Bucket", {"location": "EU", "name": "my-google"}, "not hold google"),
        ("gcp:storage/bucket:Bucket", {"location": "EU", "labels": {"Key": "a"}}, "lower-case"),
        ("gcp:serviceaccount/account:Account", {"accountId": "short"}, "6 to 30"),
        ("gcp:container/cluster:Cluster", {"name": "c" * 41}, "1 to 40"),
    ],
)
def test_what_can_be_known_beforehand_is_refused_by_a_preview(
    gcp: Caller, token: str, inputs: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RefusedError, match=reason):
        gcp.preview(token, **inputs)


def test_what_is_referred_to_must_be_there(gcp: Caller) -> None:
    missing = "projects/ai-platform-simulated/global/networks/none"
    with pytest.raises(RefusedError, match=f"404: The resource '{missing}' was not found"):
        gcp.create(SUBNETWORK, network=missing, ipCidrRange="10.0.0.0/20")
    with pytest.raises(RefusedError, match="named 'none' does not exist"):
        gcp.create("gcp:dns/recordSet:RecordSet", managedZone="none", name="a.", type="A")


def test_names_that_stay_taken(gcp: Caller) -> None:
    gcp.create("gcp:storage/bucket:Bucket", name="data", location="EU")
    with pytest.raises(RefusedError, match="bucket name is not available"):
        gcp.create("gcp:storage/bucket:Bucket", "two", name="data", location="US")
    ring = gcp.create("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west3")
    gcp.delete(ring)
    with pytest.raises(RefusedError, match="key rings can't be deleted"):
        gcp.create("gcp:kms/keyRing:KeyRing", name="ring", location="europe-west3")
    gcp.delete(_server(gcp, "data"))
    with pytest.raises(RefusedError, match="can't reuse the name of the deleted instance"):
        _server(gcp, "data")


def test_a_cluster_is_protected_unless_it_says_otherwise(gcp: Caller) -> None:
    cluster = gcp.create("gcp:container/cluster:Cluster", location="europe-west3")
    with pytest.raises(RefusedError, match="deletion_protection is set to true"):
        gcp.delete(cluster)
    gcp.delete(gcp.update(cluster, deletionProtection=False))


def _server(gcp: Caller, name: str, **inputs: Any) -> Made:
    settings = {"tier": "db-custom-2-7680"}
    return gcp.create(
        INSTANCE,
        name,
        name=name,
        databaseVersion="POSTGRES_17",
        deletionProtection=False,
        settings=settings,
        **inputs,
    )


def test_a_replica_follows_and_takes_over_when_a_job_says_so(gcp: Caller) -> None:
    with pytest.raises(RefusedError, match="master instance none does not exist"):
        _server(gcp, "west", masterInstanceName="none")
    east = _server(gcp, "east")
    west = _server(gcp, "west", masterInstanceName="east", region="us-west1")
    assert west["instanceType"] == "READ_REPLICA_INSTANCE"
    with pytest.raises(RefusedError, match="because it has replicas: west"):
        gcp.delete(east)
    script = """
        gcloud sql instances patch east --project "$P" --failover-dr-replica-name west --quiet &&
        gcloud sql instances switchover west --project "$P" --quiet
    """
    job: dict[str, Any] = {
        "name": "lead",
        "location": "us-west1",
        "template": {
            "template": {
                "containers": [
                    {
                        "image": "gcr.io/google.com/cloudsdktool/google-cloud-cli:540.0.0-slim",
                        "commands": ["bash", "-c"],
                        "args": [script],
                        "envs": [{"name": "P", "value": "ai-platform-simulated"}],
                    }
                ]
            }
        },
    }
    made = gcp.create(JOB, **job)
    assert _role(gcp, west) == "READ_REPLICA_INSTANCE", "a job without a token does not run"
    gcp.update(made, runExecutionToken="first")
    assert _role(gcp, west) == "CLOUD_SQL_INSTANCE"
    assert _role(gcp, east) == "READ_REPLICA_INSTANCE"
    with pytest.raises(RefusedError, match="west is no replica"):
        gcp.update(made, runExecutionToken="second")


def _role(gcp: Caller, server: Made) -> str:
    found = gcp.read(server)
    assert found is not None
    return found["instanceType"]


def test_functions_answer(gcp: Caller) -> None:
    client = gcp.invoke("gcp:organizations/getClientConfig:getClientConfig")
    assert client["project"] == "ai-platform-simulated"
    project = gcp.invoke("gcp:organizations/getProject:getProject")
    assert project["number"] == "123456789012"


def test_a_location_is_part_of_what_something_is(gcp: Caller) -> None:
    bucket = gcp.create("gcp:storage/bucket:Bucket", location="EU")
    assert list(gcp.diff(bucket, location="US").replaces) == ["location"]
    assert gcp.diff(bucket, labels={"a": "b"}).replaces == []
