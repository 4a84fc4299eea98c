"""Cloud SQL: a region's PostgreSQL server, and who of them leads.

Which server takes writes is no property of a server here. Servers start as leader or replica and
keep their declarations; a job in the leader's region makes its server lead (``leadership.sh``), by
a switchover where the old leader answers. So a changed leader is one job that runs, in a region
that is alive, and no server is replaced.

Each server has one endpoint (Private Service Connect) in the VPC, which every region may use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pulumi
import pulumi_gcp as gcp
import pulumi_random as random

from components.clouds import replication
from components.clouds.cloud import CloudDatabaseArgs, CloudRegion
from components.clouds.gcp import network as networks
from components.clouds.gcp import project as projects
from components.clouds.gcp.project import Project
from components.target import DatabaseServer, Endpoint

PORT = 5432

_SCRIPT = Path(__file__).with_name("leadership.sh")
_CLI_IMAGE = "gcr.io/google.com/cloudsdktool/google-cloud-cli:540.0.0-slim"
"""Advanced disaster recovery needs 502 or later."""

BY_LEADERSHIP = (
    "instanceType",
    "masterInstanceName",
    "replicaNames",
    "replicationCluster",
    "rootPassword",
    "settings.backupConfiguration",
)
"""What the cloud changes on both servers when another one leads."""

Edition = Literal["ENTERPRISE", "ENTERPRISE_PLUS"]

_LOG_DAYS: dict[Edition, int] = {"ENTERPRISE": 7, "ENTERPRISE_PLUS": 35}
"""How far back point-in-time recovery can reach."""

_FLAGS = {
    **replication.SETTINGS,
    "cloudsql.logical_decoding": "on",
    "cloudsql.enable_pgaudit": "on",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_lock_waits": "on",
    "log_min_duration_statement": "1000",
}


@dataclass(frozen=True, kw_only=True)
class GcpDatabaseServer(DatabaseServer):
    """A server on Cloud SQL.

    Attributes:
        instance: the server itself, which a replica is made of.
    """

    instance: gcp.sql.DatabaseInstance


def database_server(
    project: Project,
    account: gcp.serviceaccount.Account | None,
    name: str,
    args: CloudDatabaseArgs,
    *,
    parent: pulumi.Resource,
) -> GcpDatabaseServer:
    """Makes a server and its endpoint and, in the leader's region, lets it lead.

    Args:
        project: where.
        account: what may change who leads; None where there is only one server.
        name: unique within the stack.
        args: what the server must be.
        parent: parent of what is made.
    """
    network = networks.own(args.cluster.network)
    leader = args.leader_server
    if leader is not None and not isinstance(leader, GcpDatabaseServer):
        raise projects.foreign(leader)
    instance = _instance(project, name, args, network, leader, parent=parent)
    found, address = endpoint(
        project,
        name,
        instance,
        place=network.place,
        vpc=network.vpc.id,
        subnet=network.data.id,
        labels=project.environment.tags(region=network.region),
        parent=parent,
    )
    ready: pulumi.Resource = found
    if account is not None:
        ready = _leadership(project, account, name, args, network, instance, found, parent)
    return GcpDatabaseServer(
        region=args.region,
        role=args.role,
        endpoint=Endpoint(host=host(instance), port=pulumi.Output.from_input(PORT)),
        administrator_password=args.administrator_password,
        resource=ready,
        tls=True,
        ca_certificate=authority(instance),
        private_address=address,
        instance=instance,
    )


def _instance(
    project: Project,
    name: str,
    args: CloudDatabaseArgs,
    network: networks.GcpNetwork,
    leader: GcpDatabaseServer | None,
    *,
    parent: pulumi.Resource,
) -> gcp.sql.DatabaseInstance:
    environment = project.environment
    edition = _edition(project)
    way_out = gcp.compute.NetworkAttachment(
        name,
        region=network.place.location.name,
        subnetworks=[network.data.id],
        connection_preference="ACCEPT_AUTOMATIC",
        opts=project.child(parent),
    )
    return gcp.sql.DatabaseInstance(
        name,
        database_version=f"POSTGRES_{args.version}",
        region=network.place.location.name,
        instance_type="READ_REPLICA_INSTANCE" if leader else "CLOUD_SQL_INSTANCE",
        master_instance_name=leader.instance.name if leader else None,
        root_password=None if leader else args.administrator_password,
        encryption_key_name=network.keys.data,
        deletion_protection=environment.protect,
        settings=settings(
            project,
            edition=edition,
            tier=project.pick(
                small="db-custom-2-7680",
                medium="db-perf-optimized-N-2",
                large="db-perf-optimized-N-8",
            ),
            backups={"enabled": False}
            if leader
            else backups(project, edition, location=network.place.location.name),
            labels=environment.tags(region=args.region, data_class="customer"),
            way_out=way_out.id,
        ),
        opts=pulumi.ResourceOptions.merge(
            project.child(parent, *([leader.resource] if leader else [])),
            pulumi.ResourceOptions(ignore_changes=list(BY_LEADERSHIP)),
        ),
    )


def settings(
    project: Project,
    *,
    edition: Edition,
    tier: str,
    backups: gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgsDict,
    labels: Mapping[str, str],
    way_out: pulumi.Input[str] | None = None,
) -> gcp.sql.DatabaseInstanceSettingsArgsDict:
    """Returns what every server is: private, TLS only, observed, protected as its environment.

    Args:
        project: where.
        edition: of Cloud SQL.
        tier: machine type.
        backups: how it is backed up.
        labels: its labels.
        way_out: the network attachment by which it calls other servers, as one that follows
            another cloud's leader does; None where it calls nobody.
    """
    protect = project.environment.protect
    endpoints: gcp.sql.DatabaseInstanceSettingsIpConfigurationPscConfigArgsDict = {
        "psc_enabled": True,
        "allowed_consumer_projects": [project.id],
    }
    if way_out is not None:
        endpoints["network_attachment_uri"] = way_out
    return {
        "edition": edition,
        "tier": tier,
        "availability_type": "ZONAL" if project.environment.size == "small" else "REGIONAL",
        "disk_type": "PD_SSD",
        "disk_autoresize": True,
        "deletion_protection_enabled": protect,
        "retain_backups_on_delete": protect,
        "final_backup_config": {"enabled": True, "retention_days": 30}
        if protect
        else {"enabled": False},
        "backup_configuration": backups,
        "ip_configuration": {
            "ipv4_enabled": False,
            "ssl_mode": "ENCRYPTED_ONLY",
            # The only kind of certificate with the server's name in it.
            "server_ca_mode": "GOOGLE_MANAGED_CAS_CA",
            "psc_configs": [endpoints],
        },
        "database_flags": [{"name": flag, "value": value} for flag, value in _FLAGS.items()],
        "insights_config": {
            "query_insights_enabled": True,
            "record_application_tags": True,
            "record_client_address": False,
        },
        "maintenance_window": {"day": 7, "hour": 3, "update_track": "stable"},
        "user_labels": labels,
    }


def backups(
    project: Project, edition: Edition, *, location: str
) -> gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgsDict:
    """Returns how a server is backed up: each day, and its log for as long as its edition can.

    Where nothing is said, Google keeps backups in several countries of a continent.
    """
    return {
        "enabled": True,
        "location": location,
        "start_time": "02:00",
        "point_in_time_recovery_enabled": True,
        "transaction_log_retention_days": _LOG_DAYS[edition],
        "backup_retention_settings": {"retained_backups": _backup_count(project)},
    }


def _edition(project: Project) -> Edition:
    return "ENTERPRISE" if project.environment.size == "small" else "ENTERPRISE_PLUS"


def _backup_count(project: Project) -> int:
    return 7 if project.environment.size == "small" else 35


def host(instance: gcp.sql.DatabaseInstance) -> pulumi.Output[str]:
    """Returns the name in a server's certificate; Google ends it with a dot, certificates don't."""
    return instance.dns_name.apply(lambda found: found.rstrip("."))


def authority(instance: gcp.sql.DatabaseInstance) -> pulumi.Output[str]:
    """Returns the certificate, PEM, that a server's own is signed with."""
    return instance.server_ca_certs.apply(lambda found: found[0].cert or "")


def endpoint(
    project: Project,
    name: str,
    instance: gcp.sql.DatabaseInstance,
    *,
    place: CloudRegion,
    vpc: pulumi.Input[str],
    subnet: pulumi.Input[str],
    labels: Mapping[str, str],
    parent: pulumi.Resource,
) -> tuple[pulumi.Resource, pulumi.Output[str]]:
    """Gives a server an address in the VPC, and the VPC the name in the server's certificate.

    Returns:
        What to wait for before calling the server by its name; the address.
    """
    location = place.location.name
    address = gcp.compute.Address(
        f"{name}-endpoint",
        region=location,
        subnetwork=subnet,
        address_type="INTERNAL",
        purpose="GCE_ENDPOINT",
        labels=labels,
        opts=project.child(parent),
    )
    rule = gcp.compute.ForwardingRule(
        f"{name}-endpoint",
        region=location,
        network=vpc,
        ip_address=address.id,
        load_balancing_scheme="",
        target=instance.psc_service_attachment_link,
        allow_psc_global_access=True,
        labels=labels,
        opts=project.child(parent),
    )
    # Nothing else resolves the name.
    dns_name = pulumi.Output.concat(host(instance), ".")
    zone = gcp.dns.ManagedZone(
        f"{name}-endpoint",
        dns_name=dns_name,
        description=f"The database of {place.name}",
        visibility="private",
        private_visibility_config={"networks": [{"network_url": vpc}]},
        labels=labels,
        opts=project.child(parent),
    )
    record = gcp.dns.RecordSet(
        f"{name}-endpoint",
        managed_zone=zone.name,
        name=dns_name,
        type="A",
        ttl=60,
        rrdatas=[address.address],
        opts=project.child(parent, rule),
    )
    return record, address.address


def leadership_account(project: Project) -> gcp.serviceaccount.Account:
    """Makes the identity that changes who leads; servers grant it themselves and no others."""
    return gcp.serviceaccount.Account(
        "database-leadership",
        account_id=project.account_id("leadership"),
        display_name=f"Changes which database leads ({project.environment.name})",
        opts=project.once(),
    )


def _leadership(
    project: Project,
    account: gcp.serviceaccount.Account,
    name: str,
    args: CloudDatabaseArgs,
    network: networks.GcpNetwork,
    instance: gcp.sql.DatabaseInstance,
    endpoint: pulumi.Resource,
    parent: pulumi.Resource,
) -> gcp.cloudrunv2.Job:
    """Makes the job that lets the region's server lead; it runs when the region becomes leader."""
    grant = gcp.projects.IAMMember(
        f"{name}-leadership",
        project=project.id,
        role="roles/cloudsql.admin",
        member=account.member,
        condition={
            "title": f"server-{args.region}",
            "expression": pulumi.Output.format(
                'resource.type == "sqladmin.googleapis.com/Instance" && '
                'resource.name == "projects/{}/instances/{}"',
                project.id,
                instance.name,
            ),
        },
        opts=project.child(parent),
    )
    leads = args.region == args.leader
    # A name that no run had before, made anew each time the region becomes leader.
    term = random.RandomId(f"{name}-term", byte_length=4, opts=_plain(parent)) if leads else None
    return gcp.cloudrunv2.Job(
        f"{name}-leadership",
        name=project.name(network.place, "leadership", limit=49),
        location=network.place.location.name,
        deletion_protection=False,
        run_execution_token=term.hex if term else None,
        template={
            "template": {
                "service_account": account.email,
                "max_retries": 1,
                "timeout": "3600s",
                "containers": [
                    {
                        "image": _CLI_IMAGE,
                        "commands": ["bash", "-c"],
                        "args": [_SCRIPT.read_text()],
                        "envs": [
                            {"name": "PROJECT", "value": project.id},
                            {"name": "TARGET", "value": instance.name},
                            {"name": "LOCATION", "value": instance.region},
                            {"name": "BACKUPS", "value": str(_backup_count(project))},
                            {"name": "LOG_DAYS", "value": str(_LOG_DAYS[_edition(project)])},
                        ],
                    }
                ],
            }
        },
        labels=project.environment.tags(region=network.region),
        opts=project.child(parent, grant, endpoint),
    )


def _plain(parent: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(parent=parent)
