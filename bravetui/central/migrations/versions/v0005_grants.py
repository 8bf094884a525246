"""Laptops are known by their keys: the bearer tokens of before go, and what a grant is worth is kept by key.

A laptop from before this step has no grant. It hands in by its key as it did, and reads again once its person has signed
in: `bravetui enrol --again`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables for grants and for proofs that were shown; devices are found by their keys."""
    op.create_table(
        "key_grant",
        sa.Column("public_key", sa.String(64), primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "shown_proof",
        sa.Column("public_key", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_shown_proof_until", "shown_proof", ["until"])
    op.create_index("ix_device_public_key", "device", ["public_key"])
    op.drop_index("ix_device_token_hash", "device")
    op.drop_column("device", "token_hash")


def downgrade() -> None:
    """Tokens that are gone come back for nobody."""
    raise NotImplementedError("Laptops are known by their keys now: restore a backup instead.")
