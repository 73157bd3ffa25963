"""The files of packages as they were made, legal holds with who and when, freezes as jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("packages", sa.Column("manifest_sha256", sa.String(length=64), server_default="", nullable=False))
    op.add_column("packages", sa.Column("since", sa.JSON(), nullable=True))
    op.drop_column("packages", "legal_hold")  # nothing ever wrote it
    op.create_table(
        "package_files",
        sa.Column("package_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_files_package_id")),
        sa.PrimaryKeyConstraint("package_id", "position", name=op.f("pk_package_files")),
    )
    _holds()
    _freezes()


def _holds() -> None:
    op.create_table(
        "package_holds",
        sa.Column("id", ID, nullable=False),
        sa.Column("package_id", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", INSTANT, nullable=False),
        sa.Column("placed_by", ID, nullable=True),
        sa.Column("lifted_at", INSTANT, nullable=True),
        sa.Column("lifted_by", ID, nullable=True),
        sa.Column("lifted_why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["lifted_by"], ["users.id"], name=op.f("fk_package_holds_lifted_by")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_holds_package_id")),
        sa.ForeignKeyConstraint(["placed_by"], ["users.id"], name=op.f("fk_package_holds_placed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_holds")),
    )
    op.create_index(op.f("ix_package_holds_package_id"), "package_holds", ["package_id"], unique=False)


def _freezes() -> None:
    op.create_table(
        "freezes",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("releasable", sa.Boolean(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("asked_by", ID, nullable=True),
        sa.Column("address", sa.String(length=64), server_default="", nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("snapshot", sa.Text(), server_default="", nullable=False),
        sa.Column("hashed", sa.JSON(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("package_id", ID, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'hashing', 'done', 'failed')", name=op.f("ck_freezes_state")),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_freezes_asked_by")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_freezes_package_id")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_freezes_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )
    op.create_index("ix_freezes_state", "freezes", ["state", "id"], unique=False)
