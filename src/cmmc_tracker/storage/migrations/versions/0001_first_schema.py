"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _tables()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite()
    else:
        _postgresql()


def _sqlite() -> None:
    op.execute(
        """
        CREATE VIRTUAL TABLE artifact_search USING fts5(
            title, words, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3'
        )
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """
    )


def _postgresql() -> None:
    op.execute(
        "CREATE TABLE artifact_search (id BIGINT PRIMARY KEY REFERENCES artifacts (id), words TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_artifact_search_words ON artifact_search USING gin (words)")
    op.execute(
        """
        CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()
        """
    )


def _tables() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("entity", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
    )
    op.create_index("ix_audit_action", "audit", ["action", "id"], unique=False)
    op.create_index("ix_audit_actor", "audit", ["actor", "id"], unique=False)
    op.create_index("ix_audit_entity", "audit", ["entity", "id"], unique=False)
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "limit_hits",
        sa.Column("id", ID, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_hits")),
    )
    op.create_index("ix_limit_hits_key_at", "limit_hits", ["key", "at"], unique=False)
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "setup_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_setup_links")),
    )
    op.create_table(
        "systems",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("demo", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("level IN (1, 2, 3)", name=op.f("ck_systems_level")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_systems")),
        sa.UniqueConstraint("slug", name=op.f("uq_systems_slug")),
    )
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("name_key", sa.String(length=200), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("organization", sa.String(length=10), server_default="ours", nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("password_changed_at", INSTANT, nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("organization IN ('ours', 'provider', 'assessor')", name=op.f("ck_users_organization")),
        sa.CheckConstraint("role IN ('admin', 'user')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name_key", name=op.f("uq_users_name_key")),
    )
    op.create_table(
        "wording_sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("imported_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording_sources")),
        sa.UniqueConstraint("level", name=op.f("uq_wording_sources_level")),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("title", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("covers_from", sa.Date(), nullable=True),
        sa.Column("covers_until", sa.Date(), nullable=True),
        sa.Column("collected_on", sa.Date(), nullable=True),
        sa.Column("current_version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "covers_from IS NULL OR covers_until IS NULL OR covers_from <= covers_until",
            name=op.f("ck_artifacts_covers"),
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_artifacts_created_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_artifacts_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
    )
    op.create_index("ix_artifacts_kind_id", "artifacts", ["kind", "id"], unique=False)
    op.create_index("ix_artifacts_status_id", "artifacts", ["status", "id"], unique=False)
    op.create_index(op.f("ix_artifacts_system_id"), "artifacts", ["system_id"], unique=False)
    op.create_table(
        "findings",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="not_assessed", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("methods", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("judged_at", INSTANT, nullable=True),
        sa.Column("judged_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status IN ('met', 'not_met', 'not_applicable', 'not_assessed')", name=op.f("ck_findings_status")
        ),
        sa.ForeignKeyConstraint(["judged_by"], ["users.id"], name=op.f("fk_findings_judged_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_findings_system_id")),
        sa.PrimaryKeyConstraint("system_id", "requirement", "letter", name=op.f("pk_findings")),
    )
    op.create_table(
        "implementations",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("narrative", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=20), server_default="planned", nullable=False),
        sa.Column("responsibility", sa.String(length=20), server_default="own", nullable=False),
        sa.Column("partial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=True),
        sa.Column("changed_by", ID, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_implementations_changed_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_implementations_system_id")),
        sa.PrimaryKeyConstraint("system_id", "requirement", name=op.f("pk_implementations")),
    )
    op.create_table(
        "memberships",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("may_contribute", sa.Boolean(), nullable=False),
        sa.Column("may_judge", sa.Boolean(), nullable=False),
        sa.Column("may_approve", sa.Boolean(), nullable=False),
        sa.Column("until", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_memberships_system_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id")),
        sa.PrimaryKeyConstraint("system_id", "user_id", name=op.f("pk_memberships")),
    )
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "wordings",
        sa.Column("source_id", ID, nullable=False),
        sa.Column("item", sa.String(length=30), nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("prose", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["wording_sources.id"], name=op.f("fk_wordings_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "item", name=op.f("pk_wordings")),
    )
    op.create_index(op.f("ix_wordings_requirement"), "wordings", ["requirement"], unique=False)
    op.create_table(
        "artifact_versions",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("received_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_artifact_versions_artifact_id")),
        sa.ForeignKeyConstraint(["received_by"], ["users.id"], name=op.f("fk_artifact_versions_received_by")),
        sa.PrimaryKeyConstraint("artifact_id", "number", name=op.f("pk_artifact_versions")),
    )
    op.create_table(
        "links",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("requirement", sa.String(length=20), nullable=False),
        sa.Column("letter", sa.String(length=1), nullable=False),
        sa.Column("locator", sa.String(length=300), server_default="", nullable=False),
        sa.Column("shows", sa.Text(), server_default="", nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("linked_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name=op.f("fk_links_artifact_id")),
        sa.ForeignKeyConstraint(["linked_by"], ["users.id"], name=op.f("fk_links_linked_by")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_links_system_id")),
        sa.PrimaryKeyConstraint("artifact_id", "system_id", "requirement", "letter", name=op.f("pk_links")),
    )
    op.create_index("ix_links_objective", "links", ["system_id", "requirement", "letter", "artifact_id"], unique=False)
    op.create_table(
        "artifact_files",
        sa.Column("artifact_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id", "number"],
            ["artifact_versions.artifact_id", "artifact_versions.number"],
            name="fk_file_version",
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_artifact_files_sha256")),
        sa.PrimaryKeyConstraint("artifact_id", "number", "position", name=op.f("pk_artifact_files")),
    )
    op.create_index(op.f("ix_artifact_files_sha256"), "artifact_files", ["sha256"], unique=False)
