"""What every cloud's PostgreSQL is told so that a service's data can follow to another cloud."""

SETTINGS = {
    "max_replication_slots": "64",
    "max_wal_senders": "64",
    "max_logical_replication_workers": "32",
    "max_worker_processes": "48",
}
"""Room for ten services that two clouds follow.

A service takes a slot and a sender a follower, and two more while tables are copied; at the
follower a worker, and two more meanwhile. A server's defaults (10, 10, 4 and 8) are used up by
a few services, and the next would wait for ever, with no error but in the server's log.
Source: postgresql.org/docs/17/logical-replication-config.html.
"""
