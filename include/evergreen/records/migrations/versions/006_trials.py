"""The predictions of a trial, which the Models page counts and compares."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "006_trials", "005_landings"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
