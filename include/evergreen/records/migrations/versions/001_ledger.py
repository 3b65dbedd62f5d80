"""What was decided, who is champion, and which runs failed."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "001_ledger", None


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
