"""``gcloud sql instances …`` on the simulated clouds.

Source: the gcloud reference; "Use advanced disaster recovery", Cloud SQL for PostgreSQL.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from components.clouds.local.provider.values import Properties, Value
from tools.simulation import accounts
from tools.simulation.behaviour import text
from tools.simulation.cloud import Cloud, Resource
from tools.simulation.gcp import databases
from tools.simulation.runs.scripts import FOLDER_VARIABLE

_FORMAT = re.compile(r"value\(([\w.]+)\)")


class _RefusedError(Exception):
    """What gcloud prints before it ends with status 1."""


class _Instances:
    """The verbs of ``gcloud sql instances``."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self._cloud = Cloud(folder)
        self._lost = frozenset(accounts.load(folder).lost_regions)
        self._arguments = arguments
        self._place: str = arguments.project

    def run(self) -> str:
        """Does what is asked; returns what to print."""
        target = self._find(self._arguments.instance)
        match self._arguments.verb:
            case "describe":
                return self._describe(target)
            case "patch":
                self._patch(target)
            case "switchover":
                self._switch_over(target)
            case _:
                self._promote(target)
        return ""

    def _find(self, name: str) -> Resource:
        found = self._cloud.find(databases.INSTANCE, self._place, name)
        if found is None:
            raise _RefusedError(f"HTTPError 404: The Cloud SQL instance {name} does not exist.")
        return found

    def _is_lost(self, instance: Resource) -> bool:
        return text(instance.properties, "region") in self._lost

    def _describe(self, target: Resource) -> str:
        asked = _FORMAT.fullmatch(self._arguments.format or "")
        if asked is None:
            raise _RefusedError("only --format value(<field>) is simulated")
        value: Value = target.properties
        for part in asked[1].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        shown = "" if value is None else str(value)
        if asked[1] == "masterInstanceName" and shown:
            shown = f"{self._place}:{shown}"
        return shown

    def _patch(self, target: Resource) -> None:
        if self._is_lost(target):
            raise _RefusedError(f"HTTPError 503: {target.id} can't be reached")
        changed: Properties = {}
        replica = self._arguments.failover_dr_replica_name
        if replica:
            follower = self._find(replica)
            if text(follower.properties, "masterInstanceName").rpartition(":")[2] != target.id:
                raise _RefusedError(f"HTTPError 400: {replica} is no replica of {target.id}")
            changed["replicationCluster"] = {"failoverDrReplicaName": replica, "drReplica": False}
        if self._arguments.backup_start_time:
            if text(target.properties, "masterInstanceName"):
                raise _RefusedError("HTTPError 400: backups can't be enabled on a replica")
            settings = target.properties.get("settings")
            backup: Properties = {
                "enabled": True,
                "startTime": self._arguments.backup_start_time,
                "pointInTimeRecoveryEnabled": self._arguments.enable_point_in_time_recovery,
            }
            given: dict[str, Value] = dict(settings) if isinstance(settings, dict) else {}
            given["backupConfiguration"] = backup
            changed["settings"] = given
        self._cloud.adjust(target, changed)

    def _switch_over(self, target: Resource) -> None:
        primary = self._primary(target)
        if self._is_lost(primary):
            raise _RefusedError(f"HTTPError 503: the primary {primary.id} can't be reached")
        designated = text(primary.properties, "replicationCluster", "failoverDrReplicaName")
        if designated != target.id:
            raise _RefusedError(
                f"HTTPError 400: {target.id} is not the designated DR replica of {primary.id}"
            )
        databases.lead(self._cloud, self._place, target.id, alone=False)

    def _promote(self, target: Resource) -> None:
        primary = self._primary(target)
        designated = text(primary.properties, "replicationCluster", "failoverDrReplicaName")
        if self._arguments.failover and designated != target.id:
            raise _RefusedError(f"HTTPError 400: {target.id} is no designated DR replica")
        databases.lead(self._cloud, self._place, target.id, alone=not self._arguments.failover)

    def _primary(self, target: Resource) -> Resource:
        name = text(target.properties, "masterInstanceName").rpartition(":")[2]
        if not name:
            raise _RefusedError(f"HTTPError 400: {target.id} is no replica")
        return self._find(name)


def main() -> int:
    """Returns the exit status, as gcloud's: 1 for a refusal, 2 for what it does not know."""
    parser = argparse.ArgumentParser(prog="gcloud", allow_abbrev=False)
    parser.add_argument("group", choices=["sql"])
    parser.add_argument("kind", choices=["instances"])
    parser.add_argument("verb", choices=["describe", "patch", "switchover", "promote-replica"])
    parser.add_argument("instance")
    parser.add_argument("--project", required=True)
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--format")
    parser.add_argument("--failover", action="store_true")
    parser.add_argument("--failover-dr-replica-name")
    parser.add_argument("--backup-start-time")
    parser.add_argument("--backup-location")
    parser.add_argument("--enable-point-in-time-recovery", action="store_true")
    parser.add_argument("--retained-backups-count", type=int)
    parser.add_argument("--retained-transaction-log-days", type=int)
    arguments = parser.parse_args()
    try:
        print(_Instances(Path(os.environ[FOLDER_VARIABLE]), arguments).run())
    except _RefusedError as error:
        sys.stderr.write(f"ERROR: (gcloud.sql.instances.{arguments.verb}) {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
