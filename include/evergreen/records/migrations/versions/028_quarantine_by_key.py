"""Rows in quarantine are found by their key."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "028_quarantine_by_key", "027_costs"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
