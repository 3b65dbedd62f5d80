"""Which files and days have been landed in a table, so that each is landed once."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "005_landings", "004_retrainings"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
