"""The artifact that proves on what basis a cloud service may hold CUI."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "providers",
        sa.Column(
            "basis_artifact_id",
            ID,
            sa.ForeignKey("artifacts.id", name=op.f("fk_providers_basis_artifact_id")),
            nullable=True,
        ),
        inline_references=True,
    )
