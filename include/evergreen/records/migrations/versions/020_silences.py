"""Requests are counted, and a watch can be seen to look."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "020_silences", "019_approvals"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
