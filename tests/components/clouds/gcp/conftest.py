"""A recorder that answers like Google Cloud."""

from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime import mocks as pulumi_mocks

from components.clouds.cloud import CloudEnvironment
from tests.components.clouds.gcp import program
from tests.components.clouds.gcp.program import PROJECT
from tests.components.recording import Recorder, recording, settle

NUMBER = "123456789012"

CALLS = {
    "gcp:organizations/getProject:getProject": {
        "id": f"projects/{PROJECT}",
        "projectId": PROJECT,
        "number": NUMBER,
    },
    "gcp:organizations/getClientConfig:getClientConfig": {
        "project": PROJECT,
        "accessToken": "ya29.short-lived",
    },
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {
        "member": "serviceAccount:storage-agent",
    },
    "gcp:storage/getTransferProjectServiceAccount:getTransferProjectServiceAccount": {
        "member": "serviceAccount:transfer-agent",
    },
}


def outputs_of(args: pulumi_mocks.MockResourceArgs) -> dict[str, Any]:
    connections = [
        {"pscAutoConnection": {"connectionType": f"CONNECTION_TYPE_{kind}", "ipAddress": address}}
        for kind, address in (("READER", "10.97.16.8"), ("PRIMARY", "10.97.16.7"))
    ]
    found: dict[str, Any] = {
        "name": f"{args.name}-1234567",
        "address": f"address-of-{args.name}",
        "email": f"{args.name}@{PROJECT}.iam.gserviceaccount.com",
        "member": f"serviceAccount:{args.name}@{PROJECT}.iam.gserviceaccount.com",
        "selfLink": f"https://google/{args.name}",
    }
    match args.typ:
        case "gcp:container/cluster:Cluster":
            dns = {"allowExternalTraffic": True, "endpoint": f"{args.name}.gke.goog"}
            args.inputs["controlPlaneEndpointsConfig"] = {"dnsEndpointConfig": dns}
        case "gcp:sql/databaseInstance:DatabaseInstance":
            found["serverCaCerts"] = [{"cert": f"certificate of {args.name}"}]
            found["dnsName"] = f"{args.name}.1a2b3c4d.sql.goog."
            found["pscServiceAttachmentLink"] = f"attachment-of-{args.name}"
        case "gcp:memorystore/instance:Instance":
            found["endpoints"] = [{"connections": connections}]
            found["managedServerCas"] = [{"caCerts": [{"certificates": ["one", "two"]}]}]
        case "gcp:managedkafka/cluster:Cluster":
            found["bootstrapAddress"] = f"{args.name}:9092"
        case "gcp:storage/bucket:Bucket":
            found["url"] = f"gs://{args.inputs['name']}"
        case "gcp:dns/managedZone:ManagedZone":
            found["nameServers"] = ["ns-1.example.", "ns-2.example."]
        case "random:index/randomPassword:RandomPassword":
            found["result"] = f"password-of-{args.name}"
        case "random:index/randomId:RandomId":
            found["hex"] = "0badcafe"
        case _:
            pass
    return found


class GcpRecorder(Recorder):
    """Answers functions too: Pulumi's mocks want a result alone where nothing failed."""

    def call(self, args: pulumi_mocks.MockCallArgs) -> Any:
        return super().call(args)[0]


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording(GcpRecorder(outputs_of, CALLS)) as found:
        yield found


def everything(spec: CloudEnvironment, *, leader: str | None = None) -> program.Made:
    """Makes one of everything in every region, and waits until all is registered."""
    made = program.everything(spec, leader=leader)
    settle()
    return made
