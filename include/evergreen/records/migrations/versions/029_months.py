"""Predictions and labels lie in months, and predictions are counted as they come and go."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "029_months", "028_quarantine_by_key"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
