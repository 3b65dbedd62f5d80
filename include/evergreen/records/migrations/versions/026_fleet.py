"""Indexes for a table of all use cases."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "026_fleet", "025_no_fits"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
