"""Tenants' files: what each may say, and what they may not say together."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.cloud_environment import CloudEnvironment
from stacks.environment import EnvironmentFileError
from stacks.tenants import FOLDER, MAX_TENANTS_PER_CELL, read, regions_of
from tests.unit.stacks.test_cloud_environment import environment, of_file

GOOD = {
    "tenant": "acme",
    "environment": "production",
    "cell": 1,
    "residency": ["eu"],
    "domain": "ai.acme.example",
}


@pytest.fixture(scope="module")
def environments() -> dict[str, CloudEnvironment]:
    return {name: environment(of_file(name)) for name in ("staging", "production")}


def write(root: Path, **changes: Any) -> None:
    value = {key: one for key, one in (GOOD | changes).items() if one is not None}
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{changes.get('file', value.get('tenant'))}.yaml").write_text(
        yaml.safe_dump({key: one for key, one in value.items() if key != "file"})
    )


def refusal(root: Path, environments: dict[str, CloudEnvironment]) -> str:
    with pytest.raises(EnvironmentFileError) as caught:
        read(root, environments=environments)
    return str(caught.value)


def test_the_files_in_the_repository_are_right(environments: dict[str, CloudEnvironment]) -> None:
    tenants = read(Path(__file__).resolve().parents[3], environments=environments)
    assert tenants
    for one in tenants:
        assert regions_of(one, environments[one.environment])


def test_a_tenant_is_where_its_residency_allows(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    write(tmp_path)
    (tenant,) = read(tmp_path, environments=environments)
    regions = regions_of(tenant, environments["production"])
    assert [one.name for one in regions] == [
        "aws-eu-central-1",
        "gcp-europe-west4",
        "azure-swedencentral",
    ]
    assert all(one.place.jurisdiction == "eu" for one in regions)


def test_a_tenant_of_another_environment_is_left_out(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    write(tmp_path)
    write(tmp_path, tenant="globex", domain="ai.globex.example", environment="staging")
    only = {"staging": environments["staging"]}
    assert [one.tenant for one in read(tmp_path, environments=only)] == ["globex"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"residancy": ["eu"]}, "acme.yaml: residancy: there is no such key"),
        ({"residency": ["mars"]}, "acme.yaml: residency.0: 'mars' is no jurisdiction"),
        ({"residency": ["th"]}, "acme.yaml: residency: no region of production is in th"),
        ({"residency": []}, "acme.yaml: residency: "),
        ({"domain": "not a domain"}, "acme.yaml: domain: string should match pattern"),
        ({"domain": None}, "acme.yaml: domain: is missing"),
        ({"cell": 0}, "acme.yaml: cell: input should be greater than or equal to 1, not 0"),
        ({"quotas": {"cpus": 3}}, "acme.yaml: quotas.cpus: there is no such key"),
        ({"regions": ["aws-mars"]}, "regions.0: 'aws-mars' is not a region of production"),
        (
            {"regions": ["aws-us-east-1"]},
            "no region of production is in eu among its regions; there are regions in: au, br",
        ),
        ({"file": "other"}, "other.yaml: tenant: is 'acme'; it must be the file's name, 'other'"),
    ],
)
def test_a_mistake_names_file_key_and_reason(
    tmp_path: Path, environments: dict[str, CloudEnvironment], changes: dict[str, Any], said: str
) -> None:
    write(tmp_path, **changes)
    assert said in refusal(tmp_path, environments)


def test_every_mistake_in_every_file_is_said(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    write(tmp_path, cell=0)
    write(tmp_path, tenant="globex", colour="blue")
    said = refusal(tmp_path, environments)
    assert "acme.yaml: cell" in said
    assert "globex.yaml: colour" in said


def test_two_tenants_with_one_domain_are_refused(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    write(tmp_path)
    write(tmp_path, tenant="globex")
    said = refusal(tmp_path, environments)
    assert "globex.yaml: domain: 'ai.acme.example' is already that of tenant 'acme'" in said


def test_a_cell_takes_a_hundred_tenants(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    for number in range(MAX_TENANTS_PER_CELL):
        write(tmp_path, tenant=f"tenant-{number:03}", domain=f"t{number}.example.com")
    assert len(read(tmp_path, environments=environments)) == MAX_TENANTS_PER_CELL
    write(tmp_path, tenant="zz-one-more", domain="more.example.com")
    assert "zz-one-more.yaml: cell: cell 1 of production has more than 100" in refusal(
        tmp_path, environments
    )


def test_what_is_not_yaml_is_said(
    tmp_path: Path, environments: dict[str, CloudEnvironment]
) -> None:
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "acme.yaml").write_text("a: [1")
    assert "acme.yaml: is not YAML" in refusal(tmp_path, environments)
