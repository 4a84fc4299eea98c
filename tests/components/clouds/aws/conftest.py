"""Fixtures of the tests of AWS."""

from collections.abc import Iterator

import pytest

from tests.components.clouds.aws.platform import AwsRecorder
from tests.components.recording import recording


@pytest.fixture
def recorder() -> Iterator[AwsRecorder]:
    with recording(AwsRecorder()) as mocks:
        assert isinstance(mocks, AwsRecorder)
        yield mocks
