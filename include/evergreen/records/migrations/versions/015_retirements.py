"""A use case may be retired, and brought back."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "015_retirements", "014_kinds_of_decision"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
