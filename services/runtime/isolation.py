"""SQL that migrations share: what isolates tenants, and what the system role may."""

from alembic import op

from services.runtime.roles import Roles, roles_of

TENANT_COLUMN = "tenant_id"


def roles() -> Roles:
    """Returns the roles of the database that is being migrated."""
    return roles_of(str(op.get_bind().engine.url.database))


def isolate_tenants(table: str, *, privileges: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Lets the tenant-bound role reach a table's rows of its tenant only.

    The table has a text column ``tenant_id``. The owner, which only migrations run as, is not
    bound by it.

    Args:
        table: Name of the table.
        privileges: What the tenant-bound role may do to its rows.
    """
    role = roles().tenant
    mine = f"{TENANT_COLUMN} = current_setting('app.tenant_id', true)"
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(
        f'CREATE POLICY tenant_isolation ON "{table}" TO "{role}" '
        f"USING ({mine}) WITH CHECK ({mine})"
    )
    op.execute(f'GRANT {privileges} ON "{table}" TO "{role}"')


def open_to_system(table: str, *, privileges: str) -> None:
    """Lets the system role reach rows of every tenant.

    Args:
        table: Name of the table.
        privileges: For example ``SELECT``.
    """
    role = roles().system
    op.execute(f'CREATE POLICY system_access ON "{table}" TO "{role}" USING (true)')
    op.execute(f'GRANT {privileges} ON "{table}" TO "{role}"')
