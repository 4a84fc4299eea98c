"""Tenants, users, signing keys."""

from alembic import op

from services.runtime.event_tables import create_event_tables
from services.runtime.isolation import isolate_tenants, open_to_system

revision = "0001"
down_revision = None

_TABLES = """
    CREATE TABLE tenant (
        tenant_id text PRIMARY KEY CHECK (tenant_id ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
        create_time timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE user_account (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        tenant_id text NOT NULL REFERENCES tenant,
        username text NOT NULL,
        password_hash text NOT NULL,
        roles text[] NOT NULL,
        totp_secret bytea,
        totp_confirmed boolean NOT NULL DEFAULT false,
        totp_last_step bigint,
        create_time timestamptz NOT NULL DEFAULT now(),
        CHECK (totp_secret IS NOT NULL OR NOT totp_confirmed)
    );
    CREATE UNIQUE INDEX user_account_username ON user_account (lower(username));
    CREATE INDEX user_account_tenant ON user_account (tenant_id);
    CREATE TABLE signing_key (
        kid text PRIMARY KEY,
        public_key bytea NOT NULL,
        private_key bytea NOT NULL,
        activate_time timestamptz NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    );
    ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY
"""


def upgrade() -> None:
    """Makes the tables and says who may touch what."""
    for statement in _TABLES.split(";"):
        op.execute(statement)
    isolate_tenants("tenant", privileges="SELECT")
    isolate_tenants("user_account", privileges="SELECT, INSERT, UPDATE")
    # Login knows a name and no tenant: the system role may look the user up, and no more.
    open_to_system("user_account", privileges="SELECT")
    # Keys belong to no tenant; the tenant-bound role cannot even see them.
    open_to_system("signing_key", privileges="SELECT, INSERT, DELETE")
    create_event_tables()
