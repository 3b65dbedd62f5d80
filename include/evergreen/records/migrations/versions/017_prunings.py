"""What was pruned stays on record, so that counts stay right."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "017_prunings", "016_on_paper"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
