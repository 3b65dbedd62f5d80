"""Tokens of leases grow for ever, whatever becomes of the rows."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "010_lease_tokens", "009_dossiers_by_version"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
