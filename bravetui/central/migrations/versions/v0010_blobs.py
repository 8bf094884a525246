"""Photo bytes: how far each blob is, and its parts as they came. Under row security like all that is somebody's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ORGANIZATION = "current_setting('bravetui.organization', true)"


def _by_scope(table: str) -> str:
    return f"EXISTS (SELECT FROM scope WHERE scope.scope_id = {table}.scope_id AND scope.organization_id = {_ORGANIZATION})"


_POLICIES = {
    "blob": f"organization_id = {_ORGANIZATION} AND {_by_scope('blob')}",
    "blob_part": _by_scope("blob_part"),
}


def _named() -> list[sa.Column[str]]:
    """The columns that say which bytes."""
    return [
        sa.Column("scope_id", sa.String(36), nullable=False),
        sa.Column("photo", sa.String(64), nullable=False),
        sa.Column("rendition", sa.String(20), nullable=False),
    ]


def _make_tables() -> None:
    op.create_table(
        "blob",
        *_named(),
        sa.Column("organization_id", sa.String(36), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("scope_id", "photo", "rendition", name="pk_blob"),
    )
    op.create_table(
        "blob_part",
        *_named(),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "photo", "rendition", "start", name="pk_blob_part"),
    )


def upgrade() -> None:
    """Make the tables and bind them to organizations; photos are found by their hash from now on."""
    _make_tables()
    op.create_index("ix_photo_scope_id_sha256", "photo", ["scope_id", "sha256"])
    connection = op.get_bind()
    # PostgreSQL would try to compress each part, and a slice of what is not compressed is read without the rest.
    connection.exec_driver_sql("ALTER TABLE blob_part ALTER COLUMN content SET STORAGE EXTERNAL")
    for table, holds in _POLICIES.items():
        owner = f"(SELECT relowner FROM pg_class WHERE oid = '{table}'::regclass)"
        operator = f"current_setting('bravetui.operator', true) = 'on' AND pg_has_role(current_user, {owner}, 'USAGE')"
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({holds}) WITH CHECK ({holds})",
            f"CREATE POLICY operator ON {table} USING ({operator}) WITH CHECK ({operator})",
        ):
            connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Photos are not taken back."""
    raise NotImplementedError("A photo may be nowhere else: restore a backup instead.")
