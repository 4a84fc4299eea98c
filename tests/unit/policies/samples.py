"""What rules are tried on: what the golden previews are made of, and what these do not have.

``dev`` and ``staging`` are written down whole. Production is the same code with other numbers, and
tenants have stacks of their own: here they are resources of staging with these changes.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

import yaml

from components.clouds.local.provider.values import UNKNOWN, Properties, Value
from policies.infrastructure.rule import Rule, elements
from stacks.cloud_environment import Size
from tools.paths import ROOT

ENVIRONMENTS: Mapping[str, Size] = {"dev": "small", "staging": "medium", "production": "large"}

_UNKNOWN = "<known after up>"
_MASKED = {
    "<digest>": "0123456789ab",
    "<suffix>": "0123abc",
    "<uuid>": "00000000-0000-4000-8000-000000000000",
}
_ROLE = {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"]}]})}
"""Golden previews leave long texts out; this stands for a role's."""

_REGULATED = {"compliance": "hipaa_sox"}

_LARGE: Mapping[str, Mapping[str, Any]] = {
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 365, "tags": _REGULATED},
    "aws:eks/cluster:Cluster": {"deletionProtection": True, "tags": _REGULATED},
    "aws:kms/key:Key": {"deletionWindowInDays": 30, "tags": _REGULATED},
    "aws:rds/cluster:Cluster": {
        "backupRetentionPeriod": 35,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "tags": _REGULATED,
    },
    "aws:secretsmanager/secret:Secret": {"recoveryWindowInDays": 30},
    "azure-native:dbforpostgresql:Server": {
        "backup": {"backupRetentionDays": 35},
        "tags": _REGULATED,
    },
    "azure-native:operationalinsights:Workspace": {"retentionInDays": 365},
    "azure-native:storage:StorageAccount": {
        "location": "brazilsouth",
        "sku": {"name": "Standard_ZRS"},
    },
    "gcp:container/cluster:Cluster": {"deletionProtection": True},
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": {"retentionDays": 400},
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "settings": {"deletionProtectionEnabled": True, "userLabels": _REGULATED}
    },
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": {"spec": {"minReplicas": 3}},
}
"""What production has otherwise than staging."""

_OF_TENANT = {"tags": {"tenant": "northwind"}}
_TENANTS: Mapping[str, Mapping[str, Any]] = {
    "aws:kms/key:Key": {"region": "eu-central-1", "deletionWindowInDays": 30, **_OF_TENANT},
    "aws:rds/cluster:Cluster": {
        "region": "eu-central-1",
        "globalClusterIdentifier": None,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        **_OF_TENANT,
    },
    "azure-native:dbforpostgresql:Server": {"location": "swedencentral", **_OF_TENANT},
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "region": "europe-west4",
        "settings": {"deletionProtectionEnabled": True, "userLabels": {"tenant": "northwind"}},
    },
    "gcp:storage/bucket:Bucket": {
        "location": "EUROPE-WEST4",
        "labels": {"tenant": "northwind"},
    },
}
"""What a tenant in the European Union has (``environments/tenants/northwind.yaml``)."""

_NOT_MADE: Mapping[str, Properties] = {
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "instanceType": "t4g.small",
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
    }
}
"""What no environment has, but rules are about."""


@cache
def resources(environment: str) -> list[tuple[str, Properties]]:
    """Returns the resources of an environment, each with its type."""
    if environment == "production":
        staging = dict(resources("staging"))
        return [
            (kind, _with(staging[kind], changes))
            for table in (_LARGE, _TENANTS)
            for kind, changes in table.items()
        ] + list(_NOT_MADE.items())
    written = yaml.safe_load((ROOT / "tests" / "golden" / f"{environment}.yaml").read_text())
    found: list[tuple[str, Properties]] = []
    for name, inputs in written.items():
        kind = name.split()[0]
        properties = _ROLE if kind == "aws:iam/rolePolicy:RolePolicy" else _known(inputs)
        found.append((kind, cast("Properties", properties)))
    return found


def judged(rule: Rule) -> Iterator[tuple[Size, Rule, str, Properties]]:
    """Yields clean resources that a rule is about, with something in them that it applies to.

    Yields:
        Size of the environment, the rule as it is there, type and properties.
    """
    for environment, size in ENVIRONMENTS.items():
        if rule.is_for(size):
            sized = rule.sized(size)
            for kind, properties in resources(environment):
                if kind in rule.kinds and any(True for _ in elements(sized, properties)):
                    yield size, sized, kind, properties


def _known(value: Any) -> Value:
    if value == _UNKNOWN:
        return UNKNOWN
    if isinstance(value, str):
        for masked, real in _MASKED.items():
            value = value.replace(masked, real)
    if isinstance(value, dict):
        return {key: _known(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_known(one) for one in cast("list[Any]", value)]
    return value


def _with(properties: Properties, changes: Mapping[str, Any]) -> Properties:
    found = copy.deepcopy(properties)
    for key, change in changes.items():
        inner = found.get(key)
        found[key] = _with(inner, change) if isinstance(inner, dict) else change
    return found
