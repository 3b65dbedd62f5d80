"""Trainings that were finished, the answers of walks, and decisions about fits."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "011_trainings", "010_lease_tokens"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
