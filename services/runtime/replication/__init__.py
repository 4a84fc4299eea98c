"""Keeps a service's data on every cloud: ``docs/decisions/0007-data-between-clouds.md``."""
