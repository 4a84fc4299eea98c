"""Runs Lambda functions' own Python code, with a boto3 whose AWS is the simulated one.

Only what such code calls here is answered: the RDS API of global databases.
"""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.aws import databases
from tools.simulation.behaviour import text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.errors import CloudError, aws

FUNCTION = "aws:lambda/function:Function"
_ONE_AT_A_TIME = threading.Lock()
_MILLISECONDS_LEFT = 900_000


class HTTPClientError(Exception):
    """A region that does not answer; what botocore calls it."""


class ClientError(Exception):
    """A refusal, as botocore has it."""

    def __init__(self, code: str, message: str, status: int) -> None:
        """Sets the answer's error and status."""
        super().__init__(f"An error occurred ({code}): {message}")
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


def find(cloud: Cloud, place: str, name: str) -> Resource:
    """Returns a function by its name or ARN.

    Raises:
        CloudError: there is none.
    """
    bare = name.rpartition(":")[2]
    found = cloud.find(FUNCTION, place, bare)
    if found is None:
        raise aws(
            "Lambda: Invoke", "ResourceNotFoundException", f"Function not found: {name}", status=404
        )
    return found


def invoke(cloud: Cloud, function: Resource, event: Any, lost: frozenset[str]) -> Any:
    """Returns what a function answers.

    Args:
        cloud: where it runs.
        function: the resource, its code among its inputs.
        event: its argument.
        lost: regions that do not answer.

    Raises:
        CloudError: the function failed.
    """
    file, _, name = text(function.inputs, "handler").rpartition(".")
    source = _source(function.inputs, f"{file}.py")
    if not source:
        return {}
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: _MILLISECONDS_LEFT)
    namespace: dict[str, Any] = {"__name__": file}
    with _ONE_AT_A_TIME:
        before = {key: sys.modules.get(key) for key in _modules(cloud, lost)}
        sys.modules.update(_modules(cloud, lost))
        try:
            exec(compile(source, f"{file}.py", "exec"), namespace)  # noqa: S102 - the program's own
            handler: Callable[[Any, Any], Any] = namespace[name]
            return handler(event, context)
        except Exception as error:
            raise CloudError(
                f"Lambda function ({function.id}) returned error: "
                f'{{"errorType":"{type(error).__name__}","errorMessage":"{error}"}}'
            ) from error
        finally:
            for key, module in before.items():
                if module is None:
                    del sys.modules[key]
                else:
                    sys.modules[key] = module


def _source(inputs: Properties, file: str) -> str:
    code = inputs.get("code")
    assets: Value = code.get("assets") if isinstance(code, dict) else None
    asset: Value = assets.get(file) if isinstance(assets, dict) else None
    return text(asset, "text") if isinstance(asset, dict) else ""


def _modules(cloud: Cloud, lost: frozenset[str]) -> dict[str, ModuleType]:
    def client(service: str, *, region_name: str, **_: Any) -> Any:
        if service != "rds":
            raise NotImplementedError(f"the simulated boto3 has no {service}")
        return _Rds(cloud, region_name, lost)

    boto3 = ModuleType("boto3")
    boto3.__dict__["client"] = client
    config = ModuleType("botocore.config")
    config.__dict__["Config"] = SimpleNamespace
    exceptions = ModuleType("botocore.exceptions")
    exceptions.__dict__.update(HTTPClientError=HTTPClientError, ClientError=ClientError)
    return {
        "boto3": boto3,
        "botocore": ModuleType("botocore"),
        "botocore.config": config,
        "botocore.exceptions": exceptions,
    }


@dataclass(frozen=True)
class _Rds:
    """The calls of RDS that a change of leader needs; names and shapes are boto3's."""

    cloud: Cloud
    region: str
    lost: frozenset[str]

    def describe_db_clusters(self, *, DBClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        self._reach()
        found = self.cloud.named(DBClusterIdentifier)
        if not found:
            raise ClientError("DBClusterNotFoundFault", "DBCluster not found", 404)
        return {"DBClusters": [{"Status": "available", "DBClusterArn": DBClusterIdentifier}]}

    def describe_global_clusters(self, *, GlobalClusterIdentifier: str) -> dict[str, Any]:  # noqa: N803
        self._reach()
        members = databases.members(self.cloud, GlobalClusterIdentifier)
        if not any(
            one.id == GlobalClusterIdentifier for one in self.cloud.resources(databases.GLOBAL)
        ):
            raise ClientError("GlobalClusterNotFoundFault", "Global cluster not found", 404)
        listed = [
            {
                "DBClusterArn": text(one.properties, "arn"),
                "IsWriter": one.properties.get("isWriter") is True,
            }
            for one in members
        ]
        return {"GlobalClusters": [{"Status": "available", "GlobalClusterMembers": listed}]}

    def switchover_global_cluster(
        self,
        *,
        GlobalClusterIdentifier: str,  # noqa: N803
        TargetDbClusterIdentifier: str,  # noqa: N803
    ) -> None:
        self._reach()
        for one in databases.members(self.cloud, GlobalClusterIdentifier):
            if one.place.rpartition("/")[2] in self.lost:
                raise ClientError(
                    "InvalidGlobalClusterStateFault", f"{one.id} can't be reached", 400
                )
        databases.lead(self.cloud, GlobalClusterIdentifier, TargetDbClusterIdentifier)

    def failover_global_cluster(
        self,
        *,
        GlobalClusterIdentifier: str,  # noqa: N803
        TargetDbClusterIdentifier: str,  # noqa: N803
        AllowDataLoss: bool,  # noqa: N803
    ) -> None:
        self._reach()
        del AllowDataLoss
        databases.lead(self.cloud, GlobalClusterIdentifier, TargetDbClusterIdentifier)

    def _reach(self) -> None:
        if self.region in self.lost:
            raise HTTPClientError(f"Could not connect to rds.{self.region}.amazonaws.com")
