"""One simulation for the tests of a file, and a stack for each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.kubernetes.engine import Engine
from tools.simulation.cloud import Cloud
from tools.simulation.faults import Faults
from tools.simulation.kubernetes.provider import KubernetesProvider


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesProvider]:
    folder = tmp_path_factory.mktemp("simulation")
    cloud = Cloud(folder)
    made = KubernetesProvider(folder, Faults(folder, cloud))
    yield made
    made.stop()
    cloud.close()


@pytest.fixture
def engine(tmp_path: Path, provider: KubernetesProvider) -> Iterator[Engine]:
    made = Engine(tmp_path, provider)
    yield made
    made.close()
