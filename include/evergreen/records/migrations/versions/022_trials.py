"""Trials end by themselves, on record."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "022_trials", "021_api_keys"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
