"""Alembic's environment for every service: runs on the connection and transaction it is given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
