"""Where Alembic finds env.py."""
