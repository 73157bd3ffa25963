"""The whole scope, responsibility matrices, the security plan with its versions, defined values, changes."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _asset_groups()
    _changes()
    _cui_flows()
    _defined_values()
    _objective_texts()
    _plan_sections()
    _plan_versions()
    _scope_entries()
    _matrix_lines()


def _asset_groups() -> None:
    op.create_table(
        "asset_groups",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("treatment", sa.Text(), server_default="", nullable=False),
        sa.Column("on_diagram", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_asset_groups_system_id")),
        sa.PrimaryKeyConstraint("system_id", "name", name=op.f("pk_asset_groups")),
    )


def _changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("settled", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('covered', 'plan', 'assessment')", name=op.f("ck_changes_kind")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_changes_recorded_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_changes_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_system_id"), "changes", ["system_id"], unique=False)


def _cui_flows() -> None:
    op.create_table(
        "cui_flows",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("what", sa.String(length=300), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("destination", sa.String(length=200), nullable=False),
        sa.Column("protection", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_cui_flows_created_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_cui_flows_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cui_flows")),
    )
    op.create_index(op.f("ix_cui_flows_system_id"), "cui_flows", ["system_id"], unique=False)


def _defined_values() -> None:
    op.create_table(
        "defined_values",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_defined_values_changed_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_defined_values_system_id")),
        sa.PrimaryKeyConstraint("system_id", "requirement", "letter", name=op.f("pk_defined_values")),
    )


def _objective_texts() -> None:
    op.create_table(
        "objective_texts",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_objective_texts_changed_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_objective_texts_system_id")),
        sa.PrimaryKeyConstraint("system_id", "requirement", "letter", name=op.f("pk_objective_texts")),
    )


def _plan_sections() -> None:
    op.create_table(
        "plan_sections",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("section", sa.String(length=30), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_plan_sections_changed_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_plan_sections_system_id")),
        sa.PrimaryKeyConstraint("system_id", "section", name=op.f("pk_plan_sections")),
    )


def _plan_versions() -> None:
    op.create_table(
        "plan_versions",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("made_by", ID, nullable=True),
        sa.Column("approved_at", INSTANT, nullable=True),
        sa.Column("approved_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["users.id"], name=op.f("fk_plan_versions_approved_by")),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name=op.f("fk_plan_versions_made_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_plan_versions_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_versions")),
        sa.UniqueConstraint("system_id", "number", name="uq_plan_versions_number"),
    )


def _scope_entries() -> None:
    op.create_table(
        "scope_entries",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("handles_cui", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("trained_on", sa.Date(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('person', 'facility', 'network')", name=op.f("ck_scope_entries_kind")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_scope_entries_created_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_scope_entries_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scope_entries")),
    )
    op.create_index(op.f("ix_scope_entries_system_id"), "scope_entries", ["system_id"], unique=False)


def _matrix_lines() -> None:
    op.create_table(
        "matrix_lines",
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("duty", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("artifact_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "duty IN ('provider', 'customer', 'shared', 'not_applicable')", name=op.f("ck_matrix_lines_duty")
        ),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_matrix_lines_artifact_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_matrix_lines_provider_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("provider_id", "requirement", "letter", name=op.f("pk_matrix_lines")),
    )
