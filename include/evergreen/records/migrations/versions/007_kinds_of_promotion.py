"""A champion comes by a change of recipe, a refresh of the same one, a rollback, or by force."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "007_kinds_of_promotion", "006_trials"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
