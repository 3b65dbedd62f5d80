"""Callers of the service have keys of their own."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "021_api_keys", "020_silences"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
