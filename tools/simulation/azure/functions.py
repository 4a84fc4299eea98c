"""What the simulated Azure answers when programs ask it something."""

import base64

import yaml

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.accounts import Accounts
from tools.simulation.behaviour import Session, digest, text
from tools.simulation.certificates import encoded_authority
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import CloudError, azure


def answer(
    cloud: Cloud, session: Session, token: str, arguments: Properties, accounts: Accounts
) -> Properties:
    """Returns a function's result.

    Raises:
        CloudError: this function is not simulated, or what it asks about is not there.
    """
    name = token.rpartition(":")[2]
    match name:
        case "getClientConfig":
            return {
                "clientId": accounts.azure_client,
                "objectId": accounts.azure_object,
                "subscriptionId": session.account,
                "tenantId": accounts.azure_tenant,
            }
        case "getClientToken":
            return {"token": digest(accounts.azure_client)}
        case "listManagedClusterUserCredentials" | "listManagedClusterAdminCredentials":
            return _kubeconfig(_named(cloud, arguments, "ManagedCluster", "resourceName"))
        case "listStorageAccountKeys":
            return _keys(_named(cloud, arguments, "StorageAccount", "accountName"))
        case "listNamespaceKeys":
            return _hub_keys(_named(cloud, arguments, "Namespace", "namespaceName"))
        case "listDatabaseKeys":
            account = _named(cloud, arguments, "RedisEnterprise", "clusterName")
            return {
                "primaryKey": digest(account.id, "primary")[:44],
                "secondaryKey": digest(account.id, "secondary")[:44],
            }
        case "listRegistryCredentials":
            registry = _named(cloud, arguments, "Registry", "registryName")
            password: dict[str, Value] = {"name": "password", "value": digest(registry.id)[:52]}
            return {"username": registry.id.rpartition("/")[2], "passwords": [password]}
        case _ if name.startswith("get"):
            return _get(cloud, token, arguments)
        case _:
            raise CloudError(f"the simulated Azure does not answer {token}")


def _get(cloud: Cloud, token: str, arguments: Properties) -> Properties:
    kind = token.replace(":get", ":")
    for one in cloud.resources(kind):
        if all(one.inputs.get(key) == value for key, value in arguments.items()):
            return {"id": one.id, **one.properties}
    raise azure(404, "ResourceNotFound", f"The {kind} of {_said(arguments)} was not found.")


def _named(cloud: Cloud, arguments: Properties, kind: str, key: str) -> Resource:
    for one in cloud.resources():
        if one.token.endswith(f":{kind}") and text(one.inputs, key) == text(arguments, key):
            return one
    raise azure(404, "ResourceNotFound", f"The {kind} of {_said(arguments)} was not found.")


def _said(arguments: Properties) -> str:
    return ", ".join(f"{key} {value}" for key, value in arguments.items())


def _kubeconfig(cluster: Resource) -> Properties:
    name = cluster.id.rpartition("/")[2]
    host = text(cluster.properties, "fqdn")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": f"https://{host}:443",
                    "certificate-authority-data": encoded_authority(cluster.id),
                },
            }
        ],
        "users": [{"name": name, "user": {"token": digest(cluster.id)}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    value = base64.b64encode(yaml.safe_dump(config).encode()).decode()
    entry: dict[str, Value] = {"name": "clusterUser", "value": value}
    return {"kubeconfigs": [entry]}


def _keys(account: Resource) -> Properties:
    keys: list[Value] = [
        {
            "keyName": f"key{number}",
            "value": base64.b64encode(digest(account.id, str(number)).encode()).decode(),
            "permissions": "FULL",
            "creationTime": "2026-01-01T00:00:00Z",
        }
        for number in (1, 2)
    ]
    return {"keys": keys}


def _hub_keys(namespace: Resource) -> Properties:
    host = f"{namespace.id.rpartition('/')[2]}.servicebus.windows.net"
    found: Properties = {"keyName": "RootManageSharedAccessKey"}
    for which in ("primary", "secondary"):
        key = digest(namespace.id, which)[:44]
        found[f"{which}Key"] = key
        found[f"{which}ConnectionString"] = (
            f"Endpoint=sb://{host}/;SharedAccessKeyName=RootManageSharedAccessKey;"
            f"SharedAccessKey={key}"
        )
    return found
