"""PostgreSQL on this machine: how it is installed, set, filled and asked."""
