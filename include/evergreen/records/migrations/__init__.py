"""What Alembic runs: `versions/` in order, each a file of SQL."""
