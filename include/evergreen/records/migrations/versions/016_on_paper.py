"""A challenger may answer on paper, where there is no champion."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "016_on_paper", "015_retirements"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
