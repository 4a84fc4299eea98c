"""A connection to each cloud, with an empty cloud behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.calls import Caller, calling


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "aws", region="eu-central-1") as caller:
        yield caller


@pytest.fixture
def gcp(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "gcp", region="europe-west3") as caller:
        yield caller


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Caller]:
    with calling(tmp_path / "clouds", "azure-native") as caller:
        yield caller
