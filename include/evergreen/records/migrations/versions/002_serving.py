"""What was served, what turned out to be true, and which challengers are on trial."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "002_serving", "001_ledger"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
