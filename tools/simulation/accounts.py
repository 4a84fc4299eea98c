"""The accounts that the simulated clouds believe the caller to have.

``accounts.json`` in the simulation's folder is read again at each call, so a test can take the
credentials of a cloud away between two runs.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "accounts.json"


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """Who calls.

    Attributes:
        aws_account: 12 digits.
        gcp_project: the default project's id.
        gcp_project_number: its number.
        azure_subscription: a UUID, as are tenant and client.
        without_credentials: names of providers for which the caller has none.
        lost_regions: AWS or GCP regions and Azure locations that do not answer any more.
    """

    aws_account: str = "111122223333"
    gcp_project: str = "ai-platform-simulated"
    gcp_project_number: str = "123456789012"
    azure_subscription: str = "00000000-0000-4000-8000-000000000001"
    azure_tenant: str = "00000000-0000-4000-8000-000000000002"
    azure_client: str = "00000000-0000-4000-8000-000000000003"
    azure_object: str = "00000000-0000-4000-8000-000000000004"
    without_credentials: tuple[str, ...] = ()
    lost_regions: tuple[str, ...] = ()


def save(folder: Path, accounts: Accounts) -> None:
    """Makes a simulation believe in these accounts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_text(json.dumps(asdict(accounts)))


def load(folder: Path) -> Accounts:
    """Returns the accounts of a simulation, the default ones when none were saved."""
    path = folder / _FILE
    if not path.exists():
        return Accounts()
    stored = json.loads(path.read_text())
    lists = ("without_credentials", "lost_regions")
    return Accounts(**(stored | {key: tuple(stored[key]) for key in lists}))
