"""A challenger may answer on paper, where there is no champion."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "014_on_paper", "013_windows_by_start"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
