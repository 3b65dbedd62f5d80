"""A window is known by its start, too."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "013_windows_by_start", "012_deliveries"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
