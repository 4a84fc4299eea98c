"""A machine for each test, on which nothing runs once the test has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.local.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.close()
