"""Runs in AWS Lambda, in the region that is to lead: makes its Aurora cluster the writer.

Nothing is done where it is the writer already, so that asking again is harmless. The roles are
switched with no loss while the old writer can be reached. Where it cannot, this region is failed
over to, and what the old writer had not sent yet is lost (seconds, as a rule).

Source: "Using switchover or failover in Amazon Aurora Global Database", Amazon Aurora User Guide.
"""

import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

SECONDS_BETWEEN_LOOKS = 10
_CONNECTION_SECONDS = 5
_SETTLED = "available"


def handler(event: dict[str, str], context: Any) -> dict[str, str]:
    """Answers an invocation.

    Args:
        event: ``global_cluster`` is the name of the global cluster, ``leader`` the ARN of the
            member that is to write.
        context: of Lambda; says how much time is left.

    Returns:
        ``outcome``: ``already``, ``switched`` or ``failed-over``.

    Raises:
        RuntimeError: the leader is no member of the global cluster, or the roles did not settle in
            time; the message says what to look at.
    """
    return {
        "outcome": lead(
            event["global_cluster"],
            event["leader"],
            client=_client,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
            sleep=time.sleep,
        )
    }


def lead(
    global_cluster: str,
    leader: str,
    *,
    client: Callable[[str], Any],
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None],
) -> str:
    """Makes ``leader`` the writer of the global cluster and waits until it is.

    Args:
        global_cluster: its identifier.
        leader: ARN of the member.
        client: gives the RDS client of a region.
        seconds_left: until the caller gives up.
        sleep: waits for a number of seconds.

    Raises:
        RuntimeError: as in ``handler``.
    """
    rds = client(_region(leader))

    def state() -> tuple[str, str]:
        """Returns the ARN of the writer and the global cluster's status."""
        found = rds.describe_global_clusters(GlobalClusterIdentifier=global_cluster)
        described = found["GlobalClusters"][0]
        members = {
            one["DBClusterArn"]: one["IsWriter"] for one in described["GlobalClusterMembers"]
        }
        if leader not in members:
            raise RuntimeError(
                f"{leader} is no member of the global cluster {global_cluster}, which has "
                f"{', '.join(sorted(members))}: let `pulumi up` add the region before it leads"
            )
        writer = next((arn for arn, writes in members.items() if writes), "")
        return writer, described["Status"]

    def settle() -> str:
        """Waits until no change of roles is under way; returns the writer."""
        writer, status = state()
        while status != _SETTLED:
            if seconds_left() < 2 * SECONDS_BETWEEN_LOOKS:
                raise RuntimeError(
                    f"the global cluster {global_cluster} is still {status!r}, its writer is "
                    f"{writer}: look at its events in RDS, then run `pulumi up` again"
                )
            sleep(SECONDS_BETWEEN_LOOKS)
            writer, status = state()
        return writer

    writer = settle()
    if writer == leader:
        return "already"
    target = {"GlobalClusterIdentifier": global_cluster, "TargetDbClusterIdentifier": leader}
    if _can_be_reached(writer, client):
        rds.switchover_global_cluster(**target)
        outcome = "switched"
    else:
        rds.failover_global_cluster(**target, AllowDataLoss=True)
        outcome = "failed-over"
    while (writer := settle()) != leader:
        if seconds_left() < 2 * SECONDS_BETWEEN_LOOKS:
            raise RuntimeError(
                f"the writer of {global_cluster} is still {writer}, not {leader}: look at its "
                "events in RDS, then run `pulumi up` again"
            )
        sleep(SECONDS_BETWEEN_LOOKS)
    return outcome


def _can_be_reached(writer: str, client: Callable[[str], Any]) -> bool:
    """Says whether the writer's region answers; what state the writer is in is for RDS to judge."""
    exceptions = import_module("botocore.exceptions")  # only Lambda has it
    if not writer:
        return False
    try:
        client(_region(writer)).describe_db_clusters(DBClusterIdentifier=writer)
    except exceptions.HTTPClientError:  # covers no connection and no answer in time
        return False
    except exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return False
        raise
    return True


def _client(region: str) -> Any:
    limits = import_module("botocore.config").Config(
        connect_timeout=_CONNECTION_SECONDS,
        read_timeout=4 * _CONNECTION_SECONDS,
        retries={"total_max_attempts": 3},
    )
    return import_module("boto3").client("rds", region_name=region, config=limits)


def _region(arn: str) -> str:
    return arn.split(":")[3]
