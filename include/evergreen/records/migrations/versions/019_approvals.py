"""A challenger may wait for a person's word."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "019_approvals", "018_scorings"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
