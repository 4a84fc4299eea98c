"""Route 53: the environment's signed zone, who may change it, and the front door in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.clouds.aws.account import GLOBAL_LOCATION, Account
from components.clouds.aws.policies import Statement, document, trust_document
from components.clouds.cloud import (
    DirectorArgs,
    DnsAccess,
    DnsZone,
    KubernetesCluster,
    RegionEndpoint,
)
from components.target import LoadBalancer

_TTL_SECONDS = 60
_TOKEN_AUDIENCE = "sts.amazonaws.com"  # noqa: S105 - who tokens are for, not a token
_TOKEN_FOLDER = "/var/run/secrets/aws"  # noqa: S105 - where the token is
_TOKEN_SECONDS = 3600


def dns_zone(account: Account, name: str, domain: str, *, parent: pulumi.Resource) -> DnsZone:
    """Makes the zone and signs it with a key of the environment's own."""
    environment = account.environment
    inside = account.inside(parent)
    zone = aws.route53.Zone(
        name,
        name=domain,
        comment=f"ai-platform {environment.name}",
        force_destroy=not environment.protect,
        tags=environment.tags(),
        opts=inside,
    )
    signing_key = aws.kms.Key(
        name,
        description=f"Signs the zone {domain}",
        # Route 53 takes no other kind, and KMS rotates no asymmetric key.
        customer_master_key_spec="ECC_NIST_P256",
        key_usage="SIGN_VERIFY",
        policy=_signing_policy(environment.account),
        deletion_window_in_days=30 if environment.protect else 7,
        tags=environment.tags(),
        region=GLOBAL_LOCATION,
        opts=inside,
    )
    key_signing_key = aws.route53.KeySigningKey(
        name,
        name="platform",
        hosted_zone_id=zone.zone_id,
        key_management_service_arn=signing_key.arn,
        opts=inside,
    )
    aws.route53.HostedZoneDnsSec(
        name, hosted_zone_id=zone.zone_id, opts=account.inside(parent, key_signing_key)
    )
    return DnsZone(domain=domain, name_servers=zone.name_servers.apply(list), handle=zone)


class ZoneAccess:
    """Lets service accounts of any cluster change the zone, by the tokens of their cluster."""

    def __init__(self, account: Account) -> None:
        """Makes nothing."""
        self._account = account
        self._issuers: dict[str, aws.iam.OpenIdConnectProvider] = {}

    def grant(
        self,
        name: str,
        zone: DnsZone,
        cluster: KubernetesCluster,
        *,
        namespace: str,
        service_account: str,
        parent: pulumi.Resource,
    ) -> DnsAccess:
        """Makes a role for one service account, good for one zone's addresses and TXT records.

        The pods bring a token made for AWS alone. external-dns is given it as a file; cert-manager
        asks its cluster for one itself.
        """
        own = own_zone(zone)
        tags = self._account.environment.tags()
        inside = self._account.inside(parent)
        issuer = cluster.oidc_issuer.apply(lambda url: url.removeprefix("https://"))
        provider = self._provider(cluster)
        subject = f"system:serviceaccount:{namespace}:{service_account}"
        role = aws.iam.Role(
            name,
            assume_role_policy=trust_document(
                Statement(
                    actions=["sts:AssumeRoleWithWebIdentity"],
                    principal={"Federated": provider.arn},
                    conditions={
                        "StringEquals": issuer.apply(
                            lambda host: {f"{host}:aud": _TOKEN_AUDIENCE, f"{host}:sub": subject}
                        )
                    },
                )
            ),
            tags=tags,
            opts=inside,
        )
        rights = aws.iam.RolePolicy(
            name, role=role.name, policy=_record_policy(own.arn), opts=inside
        )
        return DnsAccess(
            cert_manager_solver={
                "route53": {
                    "region": GLOBAL_LOCATION,
                    "hostedZoneID": own.zone_id,
                    "role": role.arn,
                    "auth": {"kubernetes": {"serviceAccountRef": {"name": service_account}}},
                }
            },
            external_dns_values=_external_dns(own.zone_id, role.arn),
            resource=rights,
        )

    def _provider(self, cluster: KubernetesCluster) -> aws.iam.OpenIdConnectProvider:
        """Trusts the cluster's issuer, once for all its service accounts."""
        name = f"aws-issuer-{cluster.region}"
        if name not in self._issuers:
            self._issuers[name] = aws.iam.OpenIdConnectProvider(
                name,
                url=cluster.oidc_issuer,
                client_id_lists=[_TOKEN_AUDIENCE],
                tags=self._account.environment.tags(),
                opts=self._account.inside(self._account.root),
            )
        return self._issuers[name]


@dataclass(frozen=True, kw_only=True)
class FrontDoor(LoadBalancer):
    """The environment's front door.

    Attributes:
        health_checks: of the regions' gateways, by region.
    """

    health_checks: Mapping[str, aws.route53.HealthCheck]


def director(
    account: Account, name: str, args: DirectorArgs, *, parent: pulumi.Resource
) -> FrontDoor:
    """Answers with a healthy region's addresses, as often as the region's weight says.

    Every region also keeps a name of its own, which its health is checked by.
    """
    environment, zone = account.environment, own_zone(args.zone)
    checks: dict[str, aws.route53.HealthCheck] = {}
    records: list[pulumi.Resource] = []
    for one in args.endpoints:
        own_name = aws.route53.Record(
            f"{name}-{one.region}",
            zone_id=zone.zone_id,
            name=one.host,
            type="A",
            ttl=_TTL_SECONDS,
            records=list(one.addresses),
            opts=account.inside(parent),
        )
        checks[one.region] = aws.route53.HealthCheck(
            f"{name}-{one.region}",
            type="HTTPS",
            fqdn=one.host,
            port=443,
            resource_path=args.health_path,
            enable_sni=True,
            request_interval=30 if environment.size == "small" else 10,
            failure_threshold=3,
            measure_latency=True,
            tags=environment.tags() | {"Name": one.host},
            opts=account.inside(parent, own_name),
        )
        records.append(
            share(
                account,
                f"{name}-{one.region}-share",
                zone.zone_id,
                args.host,
                one,
                checks[one.region].id,
                parent=parent,
            )
        )
    return FrontDoor(
        url=pulumi.Output.from_input(f"https://{args.host}"),
        grpc_address=pulumi.Output.from_input(f"{args.host}:443"),
        resource=records[0],
        health_checks=checks,
    )


def share(
    account: Account,
    name: str,
    zone_id: pulumi.Input[str],
    host: str,
    endpoint: RegionEndpoint,
    health_check_id: pulumi.Input[str],
    *,
    parent: pulumi.Resource,
) -> aws.route53.Record:
    """Makes a region's share of a name: its addresses, as often as its weight says, if healthy."""
    return aws.route53.Record(
        name,
        zone_id=zone_id,
        name=host,
        type="A",
        ttl=_TTL_SECONDS,
        records=list(endpoint.addresses),
        set_identifier=endpoint.region,
        weighted_routing_policies=[
            aws.route53.RecordWeightedRoutingPolicyArgs(weight=endpoint.weight)
        ],
        health_check_id=health_check_id,
        opts=account.inside(parent),
    )


def own_zone(zone: DnsZone) -> aws.route53.Zone:
    """Returns the zone itself.

    Raises:
        TypeError: another cloud made it.
    """
    if not isinstance(zone.handle, aws.route53.Zone):
        raise TypeError(f"the zone {zone.domain} was made by another cloud than aws")
    return zone.handle


def _signing_policy(account: str) -> pulumi.Output[str]:
    """Lets Route 53 sign for this account's zones."""
    route53 = {"Service": "dnssec-route53.amazonaws.com"}
    own = {"StringEquals": {"aws:SourceAccount": account}}
    return document(
        Statement(actions=["kms:*"], principal={"AWS": f"arn:aws:iam::{account}:root"}),
        Statement(
            actions=["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"],
            principal=route53,
            conditions=own,
        ),
        Statement(
            actions=["kms:CreateGrant"],
            principal=route53,
            conditions=own | {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )


def _record_policy(zone: pulumi.Output[str]) -> pulumi.Output[str]:
    """Lets addresses and TXT records be changed: not who serves the zone, nor what signs it."""
    types = {"route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA", "CNAME", "TXT"]}
    return document(
        Statement(
            actions=["route53:ChangeResourceRecordSets"],
            resources=[zone],
            conditions={"ForAllValues:StringEquals": types},
        ),
        Statement(
            actions=["route53:ListResourceRecordSets", "route53:ListTagsForResource"],
            resources=[zone],
        ),
        Statement(actions=["route53:GetChange"], resources=["arn:aws:route53:::change/*"]),
        # Neither knows a narrower resource.
        Statement(actions=["route53:ListHostedZones", "route53:ListHostedZonesByName"]),
    )


def _external_dns(zone_id: pulumi.Output[str], role: pulumi.Output[str]) -> dict[str, Any]:
    token = {
        "serviceAccountToken": {
            "audience": _TOKEN_AUDIENCE,
            "expirationSeconds": _TOKEN_SECONDS,
            "path": "token",
        }
    }
    return {
        "provider": {"name": "aws"},
        "extraArgs": [
            "--aws-zone-type=public",
            pulumi.Output.concat("--zone-id-filter=", zone_id),
        ],
        "env": [
            {"name": "AWS_REGION", "value": GLOBAL_LOCATION},
            {"name": "AWS_ROLE_ARN", "value": role},
            {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_TOKEN_FOLDER}/token"},
        ],
        "extraVolumes": [{"name": "aws-token", "projected": {"sources": [token]}}],
        "extraVolumeMounts": [{"name": "aws-token", "mountPath": _TOKEN_FOLDER, "readOnly": True}],
    }
