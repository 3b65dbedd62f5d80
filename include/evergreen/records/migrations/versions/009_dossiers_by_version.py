"""A dossier belongs to a version, which may be champion more than once, or on trial."""

from evergreen.records.migrations.upgrade import apply

revision, down_revision = "009_dossiers_by_version", "008_fits_pins_dossiers_leases"


def upgrade() -> None:
    """Run the SQL beside this file."""
    apply(__file__)
