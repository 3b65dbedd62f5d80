"""That a person confirmed a draft, or ended a use case, is a decision."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "014_kinds_of_decision", "013_windows_by_start"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
