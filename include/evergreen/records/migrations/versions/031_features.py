"""Features that serving reads by key."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "031_features", "030_cores"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
