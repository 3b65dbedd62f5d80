"""A subject that was forgotten is on record, by a salted digest."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "023_erasures", "022_trials"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
