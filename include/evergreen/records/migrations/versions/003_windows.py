"""What watching found out about each window of logged predictions, once for each champion."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "003_windows", "002_serving"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
