"""What AWS lets things be called, and which address blocks it takes: known before any call.

Sources: the services' API references, parameter constraints.
"""

import re
from collections.abc import Iterator
from typing import Final

from components.clouds.local.provider.values import Value
from tools.simulation import networks
from tools.simulation.aws.shapes import SHAPES
from tools.simulation.behaviour import Call, text
from tools.simulation.sdk.check import Mistake

_BUCKET: Final = r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_RDS: Final = r"[a-z](?:-?[a-z0-9])*"
_PATTERNS: Final[dict[str, tuple[str, str]]] = {
    "aws:s3/bucket:Bucket": (_BUCKET, "3 to 63 lower-case letters, digits, dots and hyphens"),
    "aws:s3/bucketV2:BucketV2": (_BUCKET, "3 to 63 lower-case letters, digits, dots and hyphens"),
    "aws:eks/cluster:Cluster": (r"[0-9A-Za-z][A-Za-z0-9_-]*", "letters, digits, - and _"),
    "aws:iam/role:Role": (r"[\w+=,.@-]+", "letters, digits and _+=,.@-"),
    "aws:iam/policy:Policy": (r"[\w+=,.@-]+", "letters, digits and _+=,.@-"),
    "aws:rds/cluster:Cluster": (_RDS, "lower-case letters, digits and single hyphens"),
    "aws:rds/clusterInstance:ClusterInstance": (
        _RDS,
        "lower-case letters, digits and single hyphens",
    ),
    "aws:rds/globalCluster:GlobalCluster": (_RDS, "lower-case letters, digits, single hyphens"),
    "aws:rds/subnetGroup:SubnetGroup": (r"[a-z0-9 ._-]+", "lower-case letters, digits, _ . -"),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        r"[a-zA-Z](?:-?[a-zA-Z0-9])*",
        "letters, digits and single hyphens, a letter first",
    ),
    "aws:msk/cluster:Cluster": (r"[a-zA-Z0-9-]+", "letters, digits and hyphens"),
    "aws:kms/alias:Alias": (r"alias/(?!aws/)[a-zA-Z0-9/_-]+", "alias/ and letters, digits, / _ -"),
    "aws:secretsmanager/secret:Secret": (r"[A-Za-z0-9/_+=.@-]+", "letters, digits and /_+=.@-"),
    "aws:ecr/repository:Repository": (
        r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
        "lower-case letters, digits and . _ - / between them",
    ),
    "aws:cloudwatch/logGroup:LogGroup": (r"[\w./#-]+", "letters, digits and _ / . - #"),
    "aws:ec2/securityGroup:SecurityGroup": (
        r"(?!sg-)[\w .:/()#,@\[\]+=&;{}!$*-]+",
        "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, and not start with sg-",
    ),
}
_VPC_PREFIXES: Final = (16, 28)


def mistakes(call: Call) -> Iterator[Mistake]:
    """Yields names that are too long or hold what they may not, and bad address blocks."""
    shape = SHAPES.get(call.token)
    if shape is not None and shape.name:
        name = call.inputs.get(shape.name)
        if isinstance(name, str):
            yield from _name(call.token, shape.name, name, shape.limit)
    yield from _blocks(call.inputs, "")
    block = networks.parse(text(call.inputs, "cidrBlock"))
    least, most = _VPC_PREFIXES
    is_network = call.token in {"aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"}
    if is_network and block is not None and not least <= block.prefixlen <= most:
        yield Mistake("cidrBlock", f"{block} must be between a /{least} and a /{most}")
    if call.token == "aws:rds/cluster:Cluster":  # noqa: S105 - a type
        password = call.inputs.get("masterPassword")
        if isinstance(password, str) and not 8 <= len(password) <= 128:
            yield Mistake("masterPassword", "must have 8 to 128 characters")
        if isinstance(password, str) and re.search(r"[/@\" ]", password):
            yield Mistake("masterPassword", 'must not hold /, @, " or a space')


def _name(token: str, key: str, name: str, limit: int) -> Iterator[Mistake]:
    if len(name) > limit:
        yield Mistake(key, f"{name!r} has {len(name)} characters; at most {limit} are allowed")
    pattern, allowed = _PATTERNS.get(token, ("", ""))
    if pattern and not re.fullmatch(pattern, name):
        yield Mistake(key, f"{name!r} must be {allowed}")


def _blocks(value: Value, at: str) -> Iterator[Mistake]:
    match value:
        case dict():
            for key, item in value.items():
                if not key.startswith("__"):
                    yield from _blocks(item, f"{at}.{key}" if at else key)
        case list():
            for place, item in enumerate(value):
                yield from _blocks(item, f"{at}[{place}]")
        case str() if at.partition("[")[0].lower().endswith(("cidrblock", "cidrblocks")):
            if reason := networks.problem(value):
                yield Mistake(at, reason)
        case _:
            pass
