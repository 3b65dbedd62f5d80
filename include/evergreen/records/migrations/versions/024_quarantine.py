"""Rows that break expectations may be put apart."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "024_quarantine", "023_erasures"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
