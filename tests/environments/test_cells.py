"""Cells of dedicated tenants, beside an environment that is up on simulated clouds."""

from pathlib import Path
from typing import cast

import pytest

from tests.environments.clouds import on_aws
from tests.environments.tenants import beside, cell_of, write_tenants

ENVIRONMENT = on_aws("us-east-1", "eu-central-1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the folder of an environment that is up."""
    made = tmp_path_factory.mktemp("cells")
    with cell_of(made, ENVIRONMENT, tenants=0):
        return made


def test_tenants_come_and_go_each_where_its_residency_allows(folder: Path) -> None:
    write_tenants(folder, 3, [["eu"], ["us"]])
    with beside(folder, ENVIRONMENT) as cell:
        before = len(cell.simulation.cloud.resources())
        assert set(cell.steps().values()) == {"create", "read"}
        assert cell.simulation.dangling() == []
        cell.up()
        cell.nothing_to_do()
        clouds = cell.simulation.cloud
        tagged = [
            (cast("dict[str, str]", one.inputs.get("tags") or {}), one.place)
            for one in clouds.resources("aws:rds/cluster:Cluster")
        ]
        databases = {tags["tenant"]: place for tags, place in tagged if "tenant" in tags}
        assert {name: "eu" in place for name, place in databases.items()} == {
            "tenant-000": True,
            "tenant-001": False,
            "tenant-002": True,
        }
        namespaces = {
            str(one["inputs"]["metadata"]["name"]): one["urn"]
            for one in cell.resources()
            if one["type"] == "kubernetes:core/v1:Namespace"
        }
        assert set(namespaces) == {"tenant-tenant-000", "tenant-tenant-001", "tenant-tenant-002"}
        write_tenants(folder, 2, [["eu"], ["us"]])
        gone = {name for name, step in cell.steps().items() if step == "delete"}
        assert gone
        assert all("tenant-002" in name or "tenant-000" not in name for name in gone)
        assert not any("tenant-000" in name or "tenant-001" in name for name in gone)
        write_tenants(folder, 0, [["eu"]])
        cell.up()
        assert len(cell.simulation.cloud.resources()) == before


def test_a_tenants_mistake_is_said_before_anything_is_touched(folder: Path) -> None:
    write_tenants(folder, 1, [["za"]])
    with beside(folder, ENVIRONMENT) as cell:
        before = len(cell.simulation.cloud.resources())
        said = cell.fail("up", "--yes", "--skip-preview")
        assert "environments/tenants/tenant-000.yaml: residency: no region of test is in za" in said
        assert len(cell.simulation.cloud.resources()) == before
