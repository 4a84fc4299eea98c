"""Where the domain's objects are kept: PostgreSQL."""
