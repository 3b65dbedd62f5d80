"""What the steps of trainings cost, and what had been foretold."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "027_costs", "026_fleet"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
