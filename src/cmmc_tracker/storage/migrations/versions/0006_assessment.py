"""Assessment by the rule: special bases, plans, recorded statuses, affirmations, packages of record; what is said of
systems, assets and providers."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _altered()
    _assignments()
    _packages()
    _plan_items()
    _specials()
    _milestones()
    _plan_reviews()
    _recorded_statuses()
    _affirmations()


def _altered() -> None:
    op.add_column("assets", sa.Column("owner", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("location", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("network", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("cui_use", sa.String(length=20), server_default="", nullable=False))
    op.add_column("assets", sa.Column("group_name", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("treatment", sa.Text(), server_default="", nullable=False))
    op.add_column("assets", sa.Column("on_diagram", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("assets", sa.Column("justification", sa.Text(), server_default="", nullable=False))
    op.add_column("findings", sa.Column("examined", sa.Text(), server_default="", nullable=False))
    op.add_column("findings", sa.Column("interviewed", sa.Text(), server_default="", nullable=False))
    op.add_column("findings", sa.Column("tested", sa.Text(), server_default="", nullable=False))
    op.add_column("findings", sa.Column("confirmed_at", INSTANT, nullable=True))
    op.add_column(
        "findings",
        sa.Column("confirmed_by", ID, sa.ForeignKey("users.id", name=op.f("fk_findings_confirmed_by")), nullable=True),
        inline_references=True,
    )
    op.add_column("providers", sa.Column("services", sa.Text(), server_default="", nullable=False))
    op.add_column("providers", sa.Column("contact", sa.String(length=200), server_default="", nullable=False))
    op.add_column("providers", sa.Column("contract", sa.String(length=200), server_default="", nullable=False))
    op.add_column("providers", sa.Column("holds", sa.String(length=10), server_default="none", nullable=False))
    op.add_column("providers", sa.Column("basis", sa.String(length=20), server_default="not_needed", nullable=False))
    op.add_column("providers", sa.Column("basis_on", sa.Date(), nullable=True))
    op.add_column("providers", sa.Column("basis_link", sa.String(length=1000), server_default="", nullable=False))
    op.add_column("providers", sa.Column("cmmc_status", sa.String(length=100), server_default="", nullable=False))
    op.add_column("providers", sa.Column("matrix_on", sa.Date(), nullable=True))
    op.add_column(
        "providers",
        sa.Column(
            "matrix_artifact_id",
            ID,
            sa.ForeignKey("artifacts.id", name=op.f("fk_providers_matrix_artifact_id")),
            nullable=True,
        ),
        inline_references=True,
    )
    op.add_column("systems", sa.Column("cage_codes", sa.String(length=300), server_default="", nullable=False))
    op.add_column("systems", sa.Column("contracts", sa.Text(), server_default="", nullable=False))
    op.add_column("systems", sa.Column("in_use_since", sa.Date(), nullable=True))
    op.add_column("systems", sa.Column("plan_reviewed_on", sa.Date(), nullable=True))
    op.add_column("systems", sa.Column("plan_review_months", sa.Integer(), server_default="12", nullable=False))
    op.add_column("systems", sa.Column("checks_off", sa.JSON(), server_default="[]", nullable=False))


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("duty", sa.String(length=30), nullable=False),
        sa.Column("requirement", sa.String(length=20), server_default="", nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("title", sa.String(length=200), server_default="", nullable=False),
        sa.Column("contact", sa.String(length=200), server_default="", nullable=False),
        sa.Column("assigned_at", INSTANT, nullable=False),
        sa.Column("assigned_by", ID, nullable=True),
        sa.CheckConstraint("duty IN ('owner', 'reviewer', 'affirming_official')", name=op.f("ck_assignments_duty")),
        sa.ForeignKeyConstraint(["assigned_by"], ["users.id"], name=op.f("fk_assignments_assigned_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_assignments_system_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_assignments_user_id")),
        sa.PrimaryKeyConstraint("system_id", "duty", "requirement", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_user_id"), "assignments", ["user_id"], unique=False)


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("frozen_at", INSTANT, nullable=False),
        sa.Column("frozen_by", ID, nullable=True),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("snapshot_sha256", sa.String(length=64), nullable=False),
        sa.Column("log_sha256", sa.String(length=64), nullable=False),
        sa.Column("artifacts", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("retained_until", sa.Date(), nullable=False),
        sa.Column("legal_hold", sa.Text(), server_default="", nullable=False),
        sa.Column("releasable", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('readiness', 'start', 'final', 'closeout', 'affirmation')", name=op.f("ck_packages_purpose")
        ),
        sa.ForeignKeyConstraint(["frozen_by"], ["users.id"], name=op.f("fk_packages_frozen_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_packages_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint("system_id", "number", name="uq_packages_number"),
    )


def _plan_items() -> None:
    op.create_table(
        "plan_items",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="open", nullable=False),
        sa.Column("weakness", sa.Text(), nullable=False),
        sa.Column("resources", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.String(length=80), server_default="", nullable=False),
        sa.Column("planned_completion", sa.Date(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("ready_by", ID, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("closed_by", ID, nullable=True),
        sa.Column("closing_note", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('poam', 'operational')", name=op.f("ck_plan_items_kind")),
        sa.CheckConstraint("status IN ('open', 'in_progress', 'ready', 'closed')", name=op.f("ck_plan_items_status")),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name=op.f("fk_plan_items_closed_by")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_plan_items_created_by")),
        sa.ForeignKeyConstraint(["ready_by"], ["users.id"], name=op.f("fk_plan_items_ready_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_plan_items_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_items")),
    )
    op.create_index("ix_plan_items_requirement", "plan_items", ["system_id", "requirement"], unique=False)


def _specials() -> None:
    op.create_table(
        "specials",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("basis", sa.String(length=30), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("mitigation", sa.Text(), server_default="", nullable=False),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_specials_recorded_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_specials_system_id")),
        sa.PrimaryKeyConstraint("system_id", "requirement", "letter", name=op.f("pk_specials")),
    )


def _milestones() -> None:
    op.create_table(
        "milestones",
        sa.Column("item_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("owner", sa.String(length=80), server_default="", nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["plan_items.id"], name=op.f("fk_milestones_item_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("item_id", "position", name=op.f("pk_milestones")),
    )


def _plan_reviews() -> None:
    op.create_table(
        "plan_reviews",
        sa.Column("id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["plan_items.id"], name=op.f("fk_plan_reviews_item_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_plan_reviews_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_reviews")),
    )
    op.create_index(op.f("ix_plan_reviews_item_id"), "plan_reviews", ["item_id"], unique=False)


def _recorded_statuses() -> None:
    op.create_table(
        "recorded_statuses",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("act", sa.String(length=20), nullable=False),
        sa.Column("status_on", sa.Date(), nullable=False),
        sa.Column("first_status_on", sa.Date(), nullable=False),
        sa.Column("uid", sa.String(length=40), server_default="", nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("scope", sa.Text(), server_default="", nullable=False),
        sa.Column("assessor", sa.String(length=200), server_default="", nullable=False),
        sa.Column("package_id", ID, nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", ID, nullable=True),
        sa.CheckConstraint("stage IN ('conditional', 'final')", name=op.f("ck_recorded_statuses_stage")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_recorded_statuses_package_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_recorded_statuses_recorded_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_recorded_statuses_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recorded_statuses")),
    )
    op.create_index(op.f("ix_recorded_statuses_system_id"), "recorded_statuses", ["system_id"], unique=False)


def _affirmations() -> None:
    op.create_table(
        "affirmations",
        sa.Column("id", ID, nullable=False),
        sa.Column("status_id", ID, nullable=False),
        sa.Column("affirmed_on", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=200), server_default="", nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("package_id", ID, nullable=True),
        sa.Column("briefing", sa.Text(), nullable=False),
        sa.Column("recorded_at", INSTANT, nullable=False),
        sa.Column("recorded_by", ID, nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_affirmations_package_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["users.id"], name=op.f("fk_affirmations_recorded_by")),
        sa.ForeignKeyConstraint(["status_id"], ["recorded_statuses.id"], name=op.f("fk_affirmations_status_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_affirmations")),
    )
    op.create_index(op.f("ix_affirmations_status_id"), "affirmations", ["status_id"], unique=False)
