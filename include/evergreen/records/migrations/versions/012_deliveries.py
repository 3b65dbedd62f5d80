"""The last delivery of an item stands, and the table that took it is known."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "012_deliveries", "011_trainings"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
