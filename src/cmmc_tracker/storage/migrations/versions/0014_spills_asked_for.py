"""Spills that wait for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "spills_asked",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_spills_asked_artifact_id")),
        sa.PrimaryKeyConstraint("artifact_id", name=op.f("pk_spills_asked")),
    )
