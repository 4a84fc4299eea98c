"""What differs from one declaration to the next."""

from components.target import Program
from tests.components.clouds.kubernetes.world import ENVIRONMENT, REGION, SECRETS, World

SERVICE = ("apps/v1:Deployment", f"{REGION}-marketplace")


def test_a_changed_secret_gets_another_name(world: World) -> None:
    world.service(migrate=False)
    before = world.mounted_secret(*SERVICE)
    changed = {**SECRETS, "AIP_CACHE_PASSWORD": "another"}
    program = Program(module="services.marketplace", environment=ENVIRONMENT, secrets=changed)
    world.service(migrate=False, program=program)
    assert world.mounted_secret(*SERVICE) != before


def test_other_regions_do_not_migrate(world: World) -> None:
    assert world.service(migrate=False).migration is None
    assert not world.recorder.of("kubernetes:batch/v1:Job")
