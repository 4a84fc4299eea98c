"""What service tests share: a server, an authority, a migrated security database."""

import pytest

from tests.certificates import Authority
from tests.postgres import (
    Postgres,
    postgres,  # noqa: F401  (a fixture)
)
from tests.services.running import Surroundings
from tests.services.security import migrated_security


@pytest.fixture(scope="session")
def authority() -> Authority:
    """The platform's certificate authority."""
    return Authority()


@pytest.fixture(scope="session")
def migrated(
    postgres: Postgres,  # noqa: F811
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Surroundings:
    """The surroundings of a security service whose database is migrated; tests share it."""
    return migrated_security(postgres, authority, tmp_path_factory.mktemp("security"))
