"""Databases are made where they can be reached, on every cloud alike, before anything uses them."""

import dataclasses
from typing import Any

import pulumi
import pytest

from components.clouds.kubernetes.database import Leader, service_database
from components.target import DatabaseServer, Endpoint
from tests.components.clouds.kubernetes.world import REGION, World
from tests.components.recording import resolved, settle


def server(world: World, host: str, **changes: Any) -> DatabaseServer:
    given: dict[str, Any] = {
        "region": REGION,
        "role": "primary",
        "endpoint": Endpoint(
            host=pulumi.Output.from_input(host), port=pulumi.Output.from_input(5432)
        ),
        "administrator_password": pulumi.Output.secret("administrator-password"),
        "resource": world.cloud,
        "tls": True,
    }
    return DatabaseServer(**(given | changes))


def variables(world: World, job: str) -> dict[str, str]:
    (container,) = world.pod("batch/v1:Job", job)["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def follower(world: World) -> Leader:
    cluster = dataclasses.replace(world.cluster, cloud="gcp")
    place = dataclasses.replace(world.place, cluster=cluster)
    return Leader(place=place, server=server(world, "gcp.internal", administrator="admin"))


def declare(world: World, **changes: Any) -> pulumi.Resource:
    made = service_database(
        world.place,
        "security",
        server(world, "aws.internal"),
        version="1.2.3",
        parent=world.root,
        **changes,
    )
    settle()
    assert resolved(made.password) == "generated-security-password"
    return made.resource


def test_one_cloud_needs_no_replication(world: World) -> None:
    declare(world)
    assert world.recorder.of("kubernetes:batch/v1:Job").keys() == {"security-aws-database"}
    given = variables(world, "security-aws-database")
    assert given["AIP_DATABASE_HOST"] == "aws.internal"
    assert given["AIP_DATABASE_PORT"] == "5432"
    assert given["AIP_DATABASE_TLS"] == "true"
    kept = world.secrets.kept["security-aws-database-secrets"]
    assert {
        "aip_administrator_password",
        "aip_owner_database_password",
        "aip_database_password",
        "aip_system_database_password",
    } == kept.keys()


def test_authorities_that_the_image_does_not_know_are_given_with_the_secrets(world: World) -> None:
    own = server(world, "gcp.internal", ca_certificate=pulumi.Output.from_input("PEM\n"))
    service_database(
        world.place,
        "security",
        server(world, "aws.internal"),
        others=[dataclasses.replace(follower(world), server=own)],
        replication_password=pulumi.Output.secret("replication-password"),
        version="1.2.3",
        parent=world.root,
    )
    settle()
    assert "aip_database_ca" not in world.secrets.kept["security-aws-database-secrets"]
    for job in ("security-gcp-database", "security-replication"):
        given = world.secrets.kept[f"{job}-secrets"]["aip_database_ca"]
        assert resolved(pulumi.Output.from_input(given)) == "PEM\n"


def test_other_clouds_follow_once_every_leader_has_the_database(world: World) -> None:
    declare(
        world,
        others=[follower(world)],
        replication_password=pulumi.Output.secret("replication-password"),
    )
    job = world.recorder.of("kubernetes:batch/v1:Job")["security-replication"]
    assert {"security-aws-database", "security-gcp-database"} <= job.depends_on
    given = variables(world, "security-replication")
    assert given["AIP_PRIMARY"] == "aws"
    assert given["AIP_LEADERS"] == ("aws=postgres@aws.internal:5432,gcp=admin@gcp.internal:5432")
    assert "replication-password" not in str(job.inputs)


def test_other_clouds_without_a_password_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="replication_password is missing"):
        declare(world, others=[follower(world)])
