"""The organization's own template of the security plan, and what SPRS asks of a system."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("systems", sa.Column("scope_kind", sa.String(length=20), server_default="", nullable=False))
    op.add_column("systems", sa.Column("scope_name", sa.String(length=200), server_default="", nullable=False))
    op.add_column("systems", sa.Column("employees", sa.Integer(), nullable=True))
    op.create_table(
        "plan_templates",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("changed_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_plan_templates_changed_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_plan_templates_system_id")),
        sa.PrimaryKeyConstraint("system_id", name=op.f("pk_plan_templates")),
    )
