"""Names of the roles of a service's database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Roles:
    """Names of the roles of one database.

    Attributes:
        owner: Owns the tables; migrations run as it.
        tenant: Subject to row-level security; serves callers.
        system: Background and cross-tenant work, by explicit grants.
    """

    owner: str
    tenant: str
    system: str


def roles_of(database: str) -> Roles:
    """Returns the roles that infrastructure makes for a database of that name."""
    return Roles(owner=f"{database}_owner", tenant=database, system=f"{database}_system")
