"""Rows are scored in batch, and labels are given by the key of a row."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "018_scorings", "017_prunings"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
