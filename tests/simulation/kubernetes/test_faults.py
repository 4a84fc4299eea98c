"""Updates that are cut off half-way, and the next one that finishes them."""

from collections.abc import Iterator
from typing import Literal

import pytest

from tests.simulation.kubernetes.engine import Engine
from tools.simulation import faults
from tools.simulation.kubernetes.provider import KubernetesProvider

PROGRAM = """
opts = cluster()
space = namespace(opts)
deployment(opts, space)
service(opts, space)
"""


@pytest.fixture(autouse=True)
def _none_left(provider: KubernetesProvider) -> Iterator[None]:
    yield
    faults.order(provider.folder)


@pytest.mark.parametrize("effect", ["fail", "cut-off"])
def test_an_update_that_failed_half_way_is_finished_by_the_next(
    engine: Engine, provider: KubernetesProvider, effect: Literal["fail", "cut-off"]
) -> None:
    ordered = faults.Fault(
        operation="create",
        matches="kubernetes:apps/v1:Deployment",
        effect=effect,
        message="the apiserver went away",
    )
    faults.order(provider.folder, ordered)
    assert "the apiserver went away" in engine.up(PROGRAM, fails=True)
    engine.up()
    api = provider.clusters.live("https://east.example.internal").api
    assert api.get("apps/v1", "Deployment", "platform", "api")
    assert engine.changes() == {"same": 5}
