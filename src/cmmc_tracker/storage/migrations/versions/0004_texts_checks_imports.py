"""Texts of contents, when their bytes were checked, jobs' leases, imports under way, where reminders go."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("users", sa.Column("mail", sa.String(length=254), server_default="", nullable=False))
    op.add_column("users", sa.Column("digest_sent_on", sa.Date(), nullable=True))
    _blobs()
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=80), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "blob_texts",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("markings", sa.JSON(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob_texts")),
    )
    _imports()
    if op.get_bind().dialect.name == "postgresql":
        # Titles weigh more from here on; the other words stay as they are.
        op.execute(
            "UPDATE artifact_search SET words = setweight(to_tsvector('simple', artifacts.title), 'A') || words "
            "FROM artifacts WHERE artifacts.id = artifact_search.id"
        )


def _blobs() -> None:
    op.add_column("blobs", sa.Column("text_state", sa.String(length=10), server_default="waiting", nullable=False))
    op.add_column("blobs", sa.Column("text_why", sa.String(length=300), server_default="", nullable=False))
    op.add_column("blobs", sa.Column("checked_at", INSTANT, nullable=True))
    op.add_column("blobs", sa.Column("check_state", sa.String(length=10), server_default="", nullable=False))
    op.create_index(op.f("ix_blobs_text_state"), "blobs", ["text_state"], unique=False)
    op.create_index(op.f("ix_blobs_checked_at"), "blobs", ["checked_at"], unique=False)


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("done_at", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('archive', 'register')", name=op.f("ck_imports_kind")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_imports_system_id")),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_imports_sha256")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_imports_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(op.f("ix_imports_sha256"), "imports", ["sha256"], unique=False)
    op.create_index(op.f("ix_imports_created_at"), "imports", ["created_at"], unique=False)
