"""Owner, review, cadence and due day of artifacts; manifests of versions; pins, tombstones, remarks."""

from itertools import groupby

import sqlalchemy as sa
from alembic import op

from cmmc_tracker.domain.artifacts import manifest

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _artifacts()
    op.add_column(
        "artifact_versions", sa.Column("manifest_sha256", sa.String(length=64), server_default="", nullable=False)
    )
    _manifests()
    _pins()
    _tombstones()
    _remarks()


def _artifacts() -> None:
    op.add_column(
        "artifacts",
        sa.Column("deleted_by", ID, sa.ForeignKey("users.id", name=op.f("fk_artifacts_deleted_by")), nullable=True),
        inline_references=True,
    )
    op.add_column(
        "artifacts",
        sa.Column("owner_id", ID, sa.ForeignKey("users.id", name=op.f("fk_artifacts_owner_id")), nullable=True),
        inline_references=True,
    )
    op.add_column(
        "artifacts",
        sa.Column("reviewer_id", ID, sa.ForeignKey("users.id", name=op.f("fk_artifacts_reviewer_id")), nullable=True),
        inline_references=True,
    )
    op.add_column(
        "artifacts",
        sa.Column("approved_by", ID, sa.ForeignKey("users.id", name=op.f("fk_artifacts_approved_by")), nullable=True),
        inline_references=True,
    )
    op.add_column("artifacts", sa.Column("purged_at", INSTANT, nullable=True))
    op.add_column("artifacts", sa.Column("cadence", sa.String(length=20), server_default="once", nullable=False))
    op.add_column("artifacts", sa.Column("due_on", sa.Date(), nullable=True))
    op.add_column("artifacts", sa.Column("approved_sha256", sa.String(length=64), nullable=True))
    op.add_column("artifacts", sa.Column("approved_at", INSTANT, nullable=True))
    op.create_index(op.f("ix_artifacts_owner_id"), "artifacts", ["owner_id"], unique=False)
    op.create_index(op.f("ix_artifacts_reviewer_id"), "artifacts", ["reviewer_id"], unique=False)
    op.create_index(op.f("ix_artifacts_due_on"), "artifacts", ["due_on"], unique=False)


def _manifests() -> None:
    """Give every version that is there the hash of its files."""
    db = op.get_bind()
    rows = db.execute(
        sa.text(
            "SELECT f.artifact_id, f.number, f.sha256, b.size, f.filename FROM artifact_files f "
            "JOIN blobs b ON b.sha256 = f.sha256 ORDER BY f.artifact_id, f.number, f.position"
        )
    ).all()
    for (artifact_id, number), files in groupby(rows, key=lambda row: (row.artifact_id, row.number)):
        db.execute(
            sa.text("UPDATE artifact_versions SET manifest_sha256 = :m WHERE artifact_id = :a AND number = :n"),
            {"m": manifest((one.sha256, one.size, one.filename) for one in files), "a": artifact_id, "n": number},
        )


def _pins() -> None:
    op.create_table(
        "pins",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=120), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id", "number"],
            ["artifact_versions.artifact_id", "artifact_versions.number"],
            name="fk_pin_version",
        ),
        sa.PrimaryKeyConstraint("artifact_id", "number", "holder", name=op.f("pk_pins")),
    )


def _tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gone_at", INSTANT, nullable=False),
        sa.Column("gone_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_tombstones_artifact_id")),
        sa.ForeignKeyConstraint(["gone_by"], ["users.id"], name=op.f("fk_tombstones_gone_by")),
        sa.PrimaryKeyConstraint("artifact_id", "number", "position", name=op.f("pk_tombstones")),
    )
    op.create_index(op.f("ix_tombstones_sha256"), "tombstones", ["sha256"], unique=False)


def _remarks() -> None:
    op.create_table(
        "remarks",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("artifact_id", ID, nullable=True),
        sa.Column("requirement", sa.String(length=20), nullable=True),
        sa.Column("letter", sa.String(length=1), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", INSTANT, nullable=False),
        sa.Column("written_by", ID, nullable=True),
        sa.Column("asked_of", ID, nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("settled_by", ID, nullable=True),
        sa.CheckConstraint("(artifact_id IS NULL) <> (requirement IS NULL)", name=op.f("ck_remarks_subject")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_remarks_system_id")),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_remarks_artifact_id")),
        sa.ForeignKeyConstraint(["written_by"], ["users.id"], name=op.f("fk_remarks_written_by")),
        sa.ForeignKeyConstraint(["asked_of"], ["users.id"], name=op.f("fk_remarks_asked_of")),
        sa.ForeignKeyConstraint(["settled_by"], ["users.id"], name=op.f("fk_remarks_settled_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remarks")),
    )
    op.create_index(op.f("ix_remarks_artifact_id"), "remarks", ["artifact_id"], unique=False)
    op.create_index(op.f("ix_remarks_asked_of"), "remarks", ["asked_of"], unique=False)
    op.create_index("ix_remarks_objective", "remarks", ["system_id", "requirement", "letter"], unique=False)
