"""The catalogue, its revision, and what was used."""

from __future__ import annotations

from alembic import op

from services.runtime.event_tables import create_event_tables
from services.runtime.isolation import isolate_tenants, open_to_system, roles

revision, down_revision = "0001", None

_SERVICE = """
    CREATE TABLE service (
        id uuid PRIMARY KEY,
        tenant_id text NOT NULL,
        name text NOT NULL,
        category text NOT NULL,
        pricing_model text NOT NULL
            CHECK (pricing_model IN ('pay_per_use', 'subscription', 'enterprise')),
        base_price numeric(18, 9) NOT NULL CHECK (base_price >= 0),
        visibility text NOT NULL CHECK (visibility IN ('tenant', 'public')),
        endpoints jsonb NOT NULL CHECK (jsonb_array_length(endpoints) > 0),
        request_id uuid,
        create_time timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT service_name UNIQUE (tenant_id, name),
        CONSTRAINT service_request UNIQUE (tenant_id, request_id)
    )
"""
_REVISION = """
    CREATE TABLE catalogue (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),
        revision bigint NOT NULL
    )
"""
# The one row's lock makes revisions appear in the order in which their changes commit.
_BUMP = """
    CREATE FUNCTION bump_catalogue() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE now_at bigint;
    BEGIN
        UPDATE catalogue SET revision = revision + 1 RETURNING revision INTO now_at;
        PERFORM pg_notify('catalogue', now_at::text);
        RETURN NULL;
    END $$
"""
_TRIGGER = """
    CREATE TRIGGER bump_catalogue AFTER INSERT OR UPDATE OR DELETE ON service
    FOR EACH ROW EXECUTE FUNCTION bump_catalogue()
"""
# No reference to service: what was used stays on record when the service is gone.
_USAGE = """
    CREATE TABLE usage_record (
        id uuid PRIMARY KEY,
        tenant_id text NOT NULL,
        subject text NOT NULL,
        service_id uuid NOT NULL,
        endpoint text NOT NULL,
        region text NOT NULL,
        method text NOT NULL,
        status smallint NOT NULL,
        flags text NOT NULL,
        request_bytes bigint NOT NULL,
        response_bytes bigint NOT NULL,
        duration_ms bigint NOT NULL,
        upstream_ms bigint,
        request_id text NOT NULL,
        start_time timestamptz NOT NULL,
        end_time timestamptz NOT NULL
    )
"""
_POSITION = """
    CREATE TABLE meter_position (
        region text PRIMARY KEY,
        device bigint NOT NULL,
        inode bigint NOT NULL,
        position bigint NOT NULL,
        head text NOT NULL
    )
"""


def upgrade() -> None:
    """Makes the tables, and says which role reaches which rows."""
    tenant, system = roles().tenant, roles().system
    for statement in (_SERVICE, _REVISION, _USAGE, _POSITION):
        op.execute(statement)
    op.execute("CREATE INDEX service_newest ON service (create_time DESC, id DESC)")
    op.execute("CREATE INDEX usage_by_tenant ON usage_record (tenant_id, end_time)")
    op.execute("INSERT INTO catalogue (revision) VALUES (0)")

    isolate_tenants("service", privileges="SELECT, INSERT, DELETE")
    op.execute(
        f'CREATE POLICY public_services ON service FOR SELECT TO "{tenant}" '
        "USING (visibility = 'public')"
    )
    op.execute(f'CREATE POLICY control_plane ON service FOR SELECT TO "{system}" USING (true)')
    op.execute(f'GRANT SELECT ON service TO "{system}"')
    op.execute(_BUMP)
    op.execute(_TRIGGER)
    op.execute("ALTER TABLE catalogue ENABLE ROW LEVEL SECURITY")
    open_to_system("catalogue", privileges="SELECT")

    isolate_tenants("usage_record", privileges="SELECT")
    op.execute(f'CREATE POLICY meter ON usage_record FOR INSERT TO "{system}" WITH CHECK (true)')
    op.execute(f'GRANT INSERT ON usage_record TO "{system}"')
    op.execute("ALTER TABLE meter_position ENABLE ROW LEVEL SECURITY")
    open_to_system("meter_position", privileges="SELECT, INSERT, UPDATE")
    create_event_tables()
