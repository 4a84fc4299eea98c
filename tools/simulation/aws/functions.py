"""What the simulated AWS answers when programs ask it something."""

import json

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.aws.locations import REGIONS, zones
from tools.simulation.behaviour import Session, digest, text
from tools.simulation.cloud import Cloud
from tools.simulation.errors import CloudError


def answer(
    cloud: Cloud, session: Session, token: str, arguments: Properties, region: str
) -> Properties:
    """Returns a function's result.

    Raises:
        CloudError: this function is not simulated.
    """
    name = token.rpartition(":")[2]
    if found := _about_the_caller(session.account, region).get(name):
        return arguments | found
    match name:
        case "getPolicyDocument":
            return arguments | _policy(arguments)
        case "getSecretVersion":
            return arguments | _secret(cloud, arguments)
        case "getServicePrincipal":
            principal = f"{text(arguments, 'serviceName')}.amazonaws.com"
            return {"id": principal, "name": principal, "suffix": "amazonaws.com"}
        case "getClusterAuth":
            cluster = text(arguments, "name")
            return {"id": cluster, "name": cluster, "token": f"k8s-aws-v1.{digest(cluster)}"}
        case _:
            raise CloudError(f"the simulated AWS does not answer {token}")


def _about_the_caller(account: str, region: str) -> dict[str, Properties]:
    """Returns the answers that follow from who asks and where."""
    names: list[Value] = [*zones(region)]
    return {
        "getCallerIdentity": {
            "accountId": account,
            "id": account,
            "arn": f"arn:aws:iam::{account}:user/simulated",
            "userId": f"AIDA{digest(account).upper()[:17]}",
        },
        "getRegion": {
            "id": region,
            "name": region,
            "region": region,
            "endpoint": f"ec2.{region}.amazonaws.com",
            "description": region,
        },
        "getPartition": {
            "id": "aws",
            "partition": "aws",
            "dnsSuffix": "amazonaws.com",
            "reverseDnsPrefix": "com.amazonaws",
        },
        "getAvailabilityZones": {
            "id": region,
            "names": names,
            "zoneIds": [f"{region}-az{n + 1}" for n in range(len(names))],
            "groupNames": [region],
        },
        "getRegions": {"id": "aws", "names": [*sorted(REGIONS)]},
        "getAuthorizationToken": {
            "id": region,
            "userName": "AWS",
            "password": digest("ecr", account, region),
            "authorizationToken": digest("ecr", region),
            "proxyEndpoint": f"https://{account}.dkr.ecr.{region}.amazonaws.com",
            "expiresAt": "2026-01-01T12:00:00Z",
        },
    }


def _policy(arguments: Properties) -> Properties:
    """Builds a policy document as aws.iam.getPolicyDocument does, locally and without AWS."""
    statements: list[Value] = []
    given = arguments.get("statements")
    for statement in given if isinstance(given, list) else []:
        if not isinstance(statement, dict):
            continue
        made: dict[str, Value] = {"Effect": text(statement, "effect") or "Allow"}
        for key, name in (("sid", "Sid"), ("actions", "Action"), ("resources", "Resource")):
            value = statement.get(key)
            if value:
                single = isinstance(value, list) and len(value) == 1
                made[name] = value[0] if single and isinstance(value, list) else value
        principals = statement.get("principals")
        if isinstance(principals, list):
            made["Principal"] = {
                text(one, "type"): one.get("identifiers")
                for one in principals
                if isinstance(one, dict)
            }
        conditions = statement.get("conditions")
        if isinstance(conditions, list):
            by_test: dict[str, Value] = {}
            for one in conditions:
                if isinstance(one, dict):
                    inner = by_test.setdefault(text(one, "test"), {})
                    if isinstance(inner, dict):
                        inner[text(one, "variable")] = one.get("values")
            made["Condition"] = by_test
        statements.append(made)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
    minified = json.dumps(json.loads(document), separators=(",", ":"))
    return {"id": digest(document)[:10], "json": document, "minifiedJson": minified}


def _secret(cloud: Cloud, arguments: Properties) -> Properties:
    secret = text(arguments, "secretId")
    for version in reversed(cloud.resources("aws:secretsmanager/secretVersion:SecretVersion")):
        if text(version.inputs, "secretId") == secret:
            return {"id": version.id, "arn": secret, **version.properties}
    raise CloudError(
        "operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, "
        "ResourceNotFoundException: Secrets Manager can't find the specified secret."
    )
