"""How far the audit log was sent to a collector."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_streams",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("entry", ID, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("failed_at", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("why", sa.String(length=300), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_streams")),
    )
