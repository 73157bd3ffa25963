"""Requests for evidence and their upload links, quarantine, evidence held elsewhere, what may be stored, first drafts
of the scope."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("artifacts", sa.Column("quarantined_at", INSTANT, nullable=True))
    op.add_column("artifacts", sa.Column("quarantine_why", sa.String(length=300), server_default="", nullable=False))
    op.create_index(op.f("ix_artifacts_quarantined_at"), "artifacts", ["quarantined_at"], unique=False)
    op.add_column("artifacts", sa.Column("origin", sa.String(length=1000), server_default="", nullable=False))
    op.add_column("users", sa.Column("triage_at", sa.BigInteger(), nullable=True))
    op.add_column("systems", sa.Column("cui_never", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _held_files()
    _requests()
    _request_rounds()
    _upload_links()
    _assets()
    _providers()


def _held_files() -> None:
    op.create_table(
        "held_files",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=1000), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("check_state", sa.String(length=10), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id", "number"],
            ["artifact_versions.artifact_id", "artifact_versions.number"],
            name=op.f("fk_held_version"),
        ),
        sa.PrimaryKeyConstraint("artifact_id", "number", "position", name=op.f("pk_held_files")),
    )
    op.create_index(op.f("ix_held_files_sha256"), "held_files", ["sha256"], unique=False)


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("asked_of", ID, nullable=True),
        sa.Column("outside", sa.String(length=200), server_default="", nullable=False),
        sa.Column("cadence", sa.String(length=20), server_default="once", nullable=False),
        sa.Column("first_due", sa.Date(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("closed_by", ID, nullable=True),
        sa.Column("close_reason", sa.String(length=300), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_requests_system_id")),
        sa.ForeignKeyConstraint(["asked_of"], ["users.id"], name=op.f("fk_requests_asked_of")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_requests_created_by")),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name=op.f("fk_requests_closed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_asked_of"), "requests", ["asked_of"], unique=False)
    op.create_index("ix_requests_objective", "requests", ["system_id", "requirement", "letter"], unique=False)


def _request_rounds() -> None:
    op.create_table(
        "request_rounds",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("artifact_id", ID, nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("met_at", INSTANT, nullable=True),
        sa.Column("waived_at", INSTANT, nullable=True),
        sa.Column("waived_by", ID, nullable=True),
        sa.Column("waived_why", sa.String(length=300), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_request_rounds_request_id")),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_request_rounds_artifact_id")),
        sa.ForeignKeyConstraint(["answered_by"], ["users.id"], name=op.f("fk_request_rounds_answered_by")),
        sa.ForeignKeyConstraint(["waived_by"], ["users.id"], name=op.f("fk_request_rounds_waived_by")),
        sa.PrimaryKeyConstraint("request_id", "number", name=op.f("pk_request_rounds")),
    )
    op.create_index(op.f("ix_request_rounds_artifact_id"), "request_rounds", ["artifact_id"], unique=False)


def _upload_links() -> None:
    op.create_table(
        "upload_links",
        sa.Column("id", ID, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("most_files", sa.Integer(), nullable=False),
        sa.Column("most_bytes", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=True),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("revoked_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_upload_links_request_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_upload_links_created_by")),
        sa.ForeignKeyConstraint(["revoked_by"], ["users.id"], name=op.f("fk_upload_links_revoked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_upload_links_token_hash")),
    )
    op.create_index(op.f("ix_upload_links_request_id"), "upload_links", ["request_id"], unique=False)


def _assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_assets_system_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_assets_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
    )
    op.create_index(op.f("ix_assets_system_id"), "assets", ["system_id"], unique=False)


def _providers() -> None:
    op.create_table(
        "providers",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("is_cloud", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_providers_system_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_providers_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
    )
    op.create_index(op.f("ix_providers_system_id"), "providers", ["system_id"], unique=False)
