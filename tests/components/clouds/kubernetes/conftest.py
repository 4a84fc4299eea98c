"""A cluster against recording mocks."""

from collections.abc import Iterator

import pytest

from tests.components.clouds.kubernetes.world import World, outputs_of
from tests.components.recording import Recorder, recording, settle


@pytest.fixture
def world() -> Iterator[World]:
    with recording(Recorder(outputs_of)) as recorder:
        yield World(recorder)
        settle()  # no test leaves registrations under way
