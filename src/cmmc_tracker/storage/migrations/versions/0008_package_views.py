"""Views of a package for assessors, by an account or by a link, and their questions."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _package_views()
    _package_questions()


def _package_views() -> None:
    op.create_table(
        "package_views",
        sa.Column("id", ID, nullable=False),
        sa.Column("package_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("whom", sa.String(length=200), server_default="", nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("word_hash", sa.Text(), nullable=True),
        sa.Column("wrong_words", sa.Integer(), server_default="0", nullable=False),
        sa.Column("may_download", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("revoked_by", ID, nullable=True),
        sa.CheckConstraint("(user_id IS NULL) <> (token_hash IS NULL)", name=op.f("ck_package_views_holder")),
        sa.CheckConstraint("(token_hash IS NULL) = (word_hash IS NULL)", name=op.f("ck_package_views_word")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_views_package_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_package_views_user_id")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_package_views_created_by")),
        sa.ForeignKeyConstraint(["revoked_by"], ["users.id"], name=op.f("fk_package_views_revoked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_views")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_package_views_token_hash")),
    )
    op.create_index(op.f("ix_package_views_package_id"), "package_views", ["package_id"], unique=False)
    op.create_index(op.f("ix_package_views_user_id"), "package_views", ["user_id"], unique=False)


def _package_questions() -> None:
    op.create_table(
        "package_questions",
        sa.Column("id", ID, nullable=False),
        sa.Column("package_id", ID, nullable=False),
        sa.Column("view_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=True),
        sa.Column("letter", sa.String(length=1), nullable=True),
        sa.Column("artifact_id", ID, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("letter IS NULL OR requirement IS NOT NULL", name=op.f("ck_package_questions_objective")),
        sa.CheckConstraint("artifact_id IS NULL OR requirement IS NULL", name=op.f("ck_package_questions_subject")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_questions_package_id")),
        sa.ForeignKeyConstraint(["view_id"], ["package_views.id"], name=op.f("fk_package_questions_view_id")),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_package_questions_artifact_id")),
        sa.ForeignKeyConstraint(["answered_by"], ["users.id"], name=op.f("fk_package_questions_answered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_questions")),
    )
    op.create_index(op.f("ix_package_questions_package_id"), "package_questions", ["package_id"], unique=False)
    op.create_index(op.f("ix_package_questions_view_id"), "package_questions", ["view_id"], unique=False)
    op.create_index(op.f("ix_package_questions_artifact_id"), "package_questions", ["artifact_id"], unique=False)
    op.create_index(op.f("ix_package_questions_answered_at"), "package_questions", ["answered_at"], unique=False)
