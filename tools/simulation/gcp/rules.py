"""What Google Cloud refuses to make, change or delete."""

from collections.abc import Iterator
from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation import networks
from tools.simulation.behaviour import Call, text
from tools.simulation.cloud import Cloud, Resource, strings
from tools.simulation.errors import CloudError, gcp
from tools.simulation.gcp import databases, names
from tools.simulation.sdk.check import Mistake

_SERVICES: Final = {
    "compute": "compute.googleapis.com",
    "container": "container.googleapis.com",
    "sql": "sqladmin.googleapis.com",
    "memorystore": "memorystore.googleapis.com",
    "managedkafka": "managedkafka.googleapis.com",
    "kms": "cloudkms.googleapis.com",
    "secretmanager": "secretmanager.googleapis.com",
    "dns": "dns.googleapis.com",
    "artifactregistry": "artifactregistry.googleapis.com",
    "servicenetworking": "servicenetworking.googleapis.com",
    "networkconnectivity": "networkconnectivity.googleapis.com",
    "cloudrunv2": "run.googleapis.com",
}
"""Which API a module's resources need, of those that a new project does not have."""
_HELD: Final = {
    "gcp:compute/network:Network",
    "gcp:compute/subnetwork:Subnetwork",
    "gcp:compute/router:Router",
    "gcp:compute/address:Address",
    "gcp:compute/globalAddress:GlobalAddress",
    "gcp:compute/haVpnGateway:HaVpnGateway",
    "gcp:compute/healthCheck:HealthCheck",
}
_NOT_HOLDING: Final = (
    "gcp:dns/",
    "gcp:networkconnectivity/",
    "gcp:servicenetworking/",
    "gcp:compute/routerNat:",
)
_LINKS: Final = ("projects/", "https://www.googleapis.com/")
_CHECKED: Final = {
    "networks",
    "subnetworks",
    "addresses",
    "routers",
    "cryptoKeys",
    "keyRings",
    "clusters",
    "secrets",
    "healthChecks",
    "vpnGateways",
}
_KEEPING: Final = {
    "gcp:container/cluster:Cluster": (
        "deletionProtection",
        (
            "Cannot destroy cluster because deletion_protection is set to true. Set it to false "
            "to proceed with cluster deletion."
        ),
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        "deletionProtection",
        (
            "Error, failed to delete instance because deletion_protection is set to true. Set it "
            "to false to proceed with instance deletion."
        ),
    ),
    "gcp:memorystore/instance:Instance": (
        "deletionProtectionEnabled",
        "The instance is protected against deletion; set deletion_protection_enabled to false.",
    ),
    "gcp:cloudrunv2/job:Job": (
        "deletionProtection",
        "cannot destroy job without setting deletion_protection=false and running `pulumi up`",
    ),
}
_DEFAULT_PROTECTED: Final = True


def mistakes(call: Call) -> Iterator[Mistake]:
    """Yields what is wrong whatever there is in the cloud."""
    yield from names.mistakes(call)


def admit(cloud: Cloud, call: Call) -> None:
    """Refuses a create or update that Google would refuse.

    Raises:
        CloudError: in Google's words.
    """
    _require_service(cloud, call)
    _require_references(cloud, call)
    match call.token:
        case "gcp:compute/subnetwork:Subnetwork":
            _subnetwork(cloud, call)
        case "gcp:compute/networkPeering:NetworkPeering":
            _peering(cloud, call)
        case "gcp:kms/keyRing:KeyRing":
            _not_remembered(cloud, call)
        case "gcp:storage/bucketIAMMember:BucketIAMMember":
            _require_bucket(cloud, call)
        case "gcp:dns/recordSet:RecordSet":
            _record(cloud, call)
        case _:
            databases.admit(cloud, call)


def release(cloud: Cloud, call: Call) -> None:
    """Refuses a delete that Google would refuse.

    Raises:
        CloudError: in Google's words.
    """
    resource = call.old
    if resource is None:
        return
    if resource.token in _KEEPING:
        key, message = _KEEPING[resource.token]
        if resource.properties.get(key, _DEFAULT_PROTECTED) is not False:
            raise CloudError(message)
    databases.release(cloud, resource)
    _refuse_full_zone(cloud, resource)
    if resource.token in _HELD:
        for one in cloud.mentioning(resource):
            if not one.token.startswith(_NOT_HOLDING):
                raise gcp(
                    400,
                    f"The {resource.token.rpartition(':')[2].lower()} resource '{resource.id}' is "
                    f"already being used by '{one.id}'",
                    "resourceInUseByAnotherResource",
                )


def _refuse_full_zone(cloud: Cloud, resource: Resource) -> None:
    is_zone = resource.token == "gcp:dns/managedZone:ManagedZone"  # noqa: S105 - a type
    if not is_zone or resource.properties.get("forceDestroy") is True:
        return
    zone = text(resource.properties, "name")
    for one in cloud.resources("gcp:dns/recordSet:RecordSet"):
        if text(one.inputs, "managedZone").rpartition("/")[2] == zone:
            raise gcp(400, f"The resource named '{zone}' contains records", "containerNotEmpty")


def after(cloud: Cloud, call: Call) -> None:
    """Does what a change of one resource does to others."""
    is_gone = call.old is not None and cloud.find(call.token, call.place, call.id) is None
    if is_gone and call.token == "gcp:kms/keyRing:KeyRing":  # noqa: S105 - a type
        cloud.remember(f"{call.token} {call.id}")
    databases.after(cloud, call)


def _require_service(cloud: Cloud, call: Call) -> None:
    service = _SERVICES.get(call.token.split(":")[1].split("/")[0])
    if service is None:
        return
    enabled = {
        text(one.inputs, "service")
        for one in cloud.resources("gcp:projects/service:Service", call.place)
    }
    if service not in enabled:
        raise gcp(
            403,
            f"{service} has not been used in project {call.place} before or it is disabled. Enable "
            f"it (gcp.projects.Service) and let what needs it depend on that",
            "accessNotConfigured",
        )


def _require_references(cloud: Cloud, call: Call) -> None:
    for name in dict.fromkeys(strings(call.inputs)):
        if not name.startswith(_LINKS) or " " in name:
            continue
        path = name.split("/projects/")[-1] if name.startswith("https:") else name
        parts = path.removeprefix("projects/").split("/")
        kind = parts[-2] if len(parts) > 1 else ""
        own = parts[0] == call.session.account
        if own and kind in _CHECKED and not cloud.named(name) and parts[-1] != "default":
            raise gcp(404, f"The resource '{name}' was not found", "notFound")


def _require_bucket(cloud: Cloud, call: Call) -> None:
    bucket = text(call.inputs, "bucket").rpartition("/")[2]
    if not cloud.find("gcp:storage/bucket:Bucket", "everywhere", bucket):
        raise gcp(404, "The specified bucket does not exist.", "notFound")


def _ranges(resource: Resource | Call) -> list[str]:
    properties = resource.inputs
    found = networks.blocks(properties, "ipCidrRange")
    secondary: Value = properties.get("secondaryIpRanges")
    for one in secondary if isinstance(secondary, list) else []:
        if isinstance(one, dict):
            found += networks.blocks(one, "ipCidrRange")
    return found


def _short(link: str) -> str:
    return link.rpartition("/")[2]


def _subnetwork(cloud: Cloud, call: Call) -> None:
    network = _short(text(call.inputs, "network"))
    others = [
        (one, block)
        for one in cloud.resources(call.token, call.place)
        if _short(text(one.inputs, "network")) == network and one.id != call.id
        for block in _ranges(one)
    ]
    for mine in _ranges(call):
        block = networks.parse(mine)
        if block is None:
            continue
        for one, other in others:
            if networks.overlapping(block, [(one.id, other)]):
                raise gcp(
                    400,
                    f"Invalid IPCidrRange: {mine} conflicts with existing subnetwork "
                    f"'{_short(one.id)}' in region '{text(one.properties, 'region')}'.",
                    "invalid",
                )


def _peering(cloud: Cloud, call: Call) -> None:
    mine, theirs = (
        [
            block
            for one in cloud.resources("gcp:compute/subnetwork:Subnetwork", call.place)
            if _short(text(one.inputs, "network")) == _short(text(call.inputs, key))
            for block in _ranges(one)
        ]
        for key in ("network", "peerNetwork")
    )
    for one in mine:
        block = networks.parse(one)
        if block and (other := networks.overlapping(block, ((b, b) for b in theirs))):
            raise gcp(
                400,
                f"An IP range in the local network ({one}) overlaps with an IP range ({other}) in "
                "the peer network",
                "invalid",
            )


def _record(cloud: Cloud, call: Call) -> None:
    zone = text(call.inputs, "managedZone").rpartition("/")[2]
    for one in cloud.resources("gcp:dns/managedZone:ManagedZone", call.place):
        if text(one.properties, "name") == zone:
            suffix = text(one.properties, "dnsName")
            if not f".{text(call.inputs, 'name')}".endswith(f".{suffix}"):
                raise gcp(
                    400,
                    f"Invalid value for 'entity.change.additions[0].name': the name does not end "
                    f"with the zone's {suffix}",
                    "invalid",
                )
            return
    raise gcp(
        404, f"The 'parameters.managedZone' resource named '{zone}' does not exist", "notFound"
    )


def _not_remembered(cloud: Cloud, call: Call) -> None:
    identity = (
        f"projects/{call.place}/locations/{text(call.inputs, 'location')}"
        f"/keyRings/{text(call.inputs, 'name')}"
    )
    if call.old is None and cloud.remembers(f"{call.token} {identity}"):
        raise gcp(
            409,
            f"KeyRing {identity} already exists: key rings can't be deleted, only forgotten",
            "alreadyExists",
        )
