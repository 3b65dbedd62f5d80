"""No table of fits: the walks remember which were made."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "025_no_fits", "024_quarantine"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
