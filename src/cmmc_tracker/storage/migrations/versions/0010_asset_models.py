"""What an asset is: its kind, who made it and which model, its serial number or version."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("assets", sa.Column("kind", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("model", sa.String(length=200), server_default="", nullable=False))
    op.add_column("assets", sa.Column("serial", sa.String(length=200), server_default="", nullable=False))
