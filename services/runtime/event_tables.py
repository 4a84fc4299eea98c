"""The tables that outbox and bus live in; a service's first migration makes them."""

from alembic import op

from services.runtime.isolation import isolate_tenants, open_to_system
from services.runtime.outbox import CHANNEL as OUTBOX_CHANNEL
from services.runtime.postgres_bus import CHANNEL as EVENT_CHANNEL

_OUTBOX = """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL UNIQUE,
        tenant_id text NOT NULL,
        topic text NOT NULL,
        key text NOT NULL,
        payload jsonb NOT NULL,
        create_time timestamptz NOT NULL DEFAULT now()
    )
"""
_EVENT = """
    CREATE TABLE event (
        position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id uuid NOT NULL UNIQUE,
        tenant_id text NOT NULL,
        topic text NOT NULL,
        key text NOT NULL,
        payload jsonb NOT NULL,
        publish_time timestamptz NOT NULL DEFAULT now()
    )
"""
_OFFSET = """
    CREATE TABLE event_offset (
        consumer_group text PRIMARY KEY,
        position bigint NOT NULL DEFAULT 0
    )
"""
_NOTIFY = """
    CREATE FUNCTION notify_{channel}() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('{channel}', ''); RETURN NULL; END $$
"""
_TRIGGER = """
    CREATE TRIGGER notify AFTER INSERT ON {channel}
    FOR EACH STATEMENT EXECUTE FUNCTION notify_{channel}()
"""


def create_event_tables() -> None:
    """Makes the outbox, the bus's table and the consumers' offsets."""
    for statement in (_OUTBOX, _EVENT, _OFFSET):
        op.execute(statement)
    for channel in (OUTBOX_CHANNEL, EVENT_CHANNEL):
        op.execute(_NOTIFY.format(channel=channel))
        op.execute(_TRIGGER.format(channel=channel))
    isolate_tenants("outbox", privileges="INSERT")
    open_to_system("outbox", privileges="SELECT, INSERT, DELETE")
    op.execute("ALTER TABLE event ENABLE ROW LEVEL SECURITY")
    open_to_system("event", privileges="SELECT, INSERT, DELETE")
    op.execute("ALTER TABLE event_offset ENABLE ROW LEVEL SECURITY")
    open_to_system("event_offset", privileges="SELECT, INSERT, UPDATE")
