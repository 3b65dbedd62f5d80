"""What steps take of a core, and how long they waited for one."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "030_cores", "029_months"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
