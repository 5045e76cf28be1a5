"""Failures by the time of their next try, so that those whose time has come are found among millions."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index where there is none."""
    op.create_index("ix_provenance_next_try", "provenance", ["next_try"], if_not_exists=True)
