"""Which retrainings were asked for, and which alerts are open."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "004_retrainings", "003_windows"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
