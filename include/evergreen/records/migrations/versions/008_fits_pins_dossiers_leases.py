"""Fits that are kept, champions that are pinned, what belongs to each, and who works for hours."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "008_fits_pins_dossiers_leases", "007_kinds_of_promotion"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
