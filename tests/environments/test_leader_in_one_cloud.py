"""Another database leads within Google Cloud and within Azure.

Who leads there is no declaration but a script that the cloud runs, and that runs here for real.
"""

from pathlib import Path

import pytest

from tests.environments.clouds import Running, on_clouds, running

_FOLLOWS = ("READ_REPLICA_INSTANCE", "AsyncReplica")


@pytest.mark.parametrize(
    ("regions", "kind", "role"),
    [
        (
            ("gcp-europe-west4", "gcp-us-central1"),
            "gcp:sql/databaseInstance:DatabaseInstance",
            "instanceType",
        ),
        (
            ("azure-canadacentral", "azure-swedencentral"),
            "azure-native:dbforpostgresql:Server",
            "replicationRole",
        ),
    ],
)
def test_the_primary_region_is_where_the_database_leads(
    tmp_path: Path, regions: tuple[str, str], kind: str, role: str
) -> None:
    with running(tmp_path, on_clouds(*regions)) as stack:
        stack.up()
        stores = stack.stores()
        assert _leaders(stack, kind, role) == [f"{regions[0]}-database"]
    with running(tmp_path, on_clouds(*regions, primary_region=regions[1])) as stack:
        stack.up()
        assert _leaders(stack, kind, role) == [f"{regions[1]}-database"]
        assert stack.stores() == stores
        stack.nothing_to_do()


def _leaders(stack: Running, kind: str, role: str) -> list[str]:
    """Returns the servers that the cloud says follow no other."""
    servers = stack.simulation.cloud.resources(kind)
    return [one.name for one in servers if one.properties.get(role) not in _FOLLOWS]
