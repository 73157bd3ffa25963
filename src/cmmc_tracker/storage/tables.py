"""The whole schema, in one sitting. Core tables; rows become frozen dataclasses in `services/`.

Instants are aware and in UTC everywhere outside the database. Days are dates. Whatever a person may edit has
a `version` that counts its changes: a write names the version it read, and 0 rows changed means somebody was
quicker. Nothing here is deleted but sessions, limits' counters, links and one-time tokens.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return found


# SQLite numbers rows by itself only in a column that is exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


def _version() -> Column[int]:
    return Column("version", Integer, nullable=False, server_default=text("1"))


settings = Table(
    "settings",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", JSON, nullable=False),
    _version(),
)

users = Table(
    "users",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("name_key", String(200), nullable=False, unique=True),  # case-folded: Ada and ada are one person
    Column("password_hash", Text, nullable=False),
    Column("role", String(10), nullable=False),
    Column("organization", String(10), nullable=False, server_default="ours"),
    Column("created_at", Instant, nullable=False),
    Column("password_changed_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("deleted_at", Instant),  # the row stays: the audit log and the evidence name the person
    _version(),
    CheckConstraint("role IN ('admin', 'user')", name="role"),
    CheckConstraint("organization IN ('ours', 'provider', 'assessor')", name="organization"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256 of what the cookie carries
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("address", String(64), nullable=False),
    Column("device", String(300), nullable=False),
    # The password was right, the second factor is awaited.
    Column("half", Boolean, nullable=False, server_default=text("false")),
)

# The hashes of passwords that a person had before, so that they are not taken again.
old_passwords = Table(
    "old_passwords",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("password_hash", Text, nullable=False),
)

# Failed tries in a row: of one account, whether or not anybody has it, of a network for it, of its known browsers.
account_tries = Table(
    "account_tries",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False, index=True),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("secret", String(64), nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("confirmed_at", Instant),  # none: enrolment was begun only
    Column("last_step", BigInteger, nullable=False, server_default="0"),  # a code of this step or before is used up
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("hint", String(8), nullable=False),  # its last characters, to tell tokens apart
    Column("writes", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("last_used_from", String(64), nullable=False, server_default=""),
    Column("revoked_at", Instant),
)

setup_links = Table(
    "setup_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("expires_at", Instant, nullable=False),
)

# One row a try that counts; `limits` asks how many stand in a window.
limit_hits = Table(
    "limit_hits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    Column("settled", Boolean, nullable=False),  # false while the try is being checked
    Index("ix_limit_hits_key_at", "key", "at"),
)

systems = Table(
    "systems",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(60), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("level", Integer, nullable=False),
    Column("demo", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Instant, nullable=False),
    _version(),
    CheckConstraint("level IN (1, 2, 3)", name="level"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True, index=True),
    Column("may_contribute", Boolean, nullable=False),
    Column("may_judge", Boolean, nullable=False),
    Column("may_approve", Boolean, nullable=False),
    Column("until", Instant),
)

# How one system implements one requirement: made with the system, one row for each requirement of its level.
implementations = Table(
    "implementations",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("narrative", Text, nullable=False, server_default=""),
    Column("status", String(20), nullable=False, server_default="planned"),
    Column("responsibility", String(20), nullable=False, server_default="own"),
    Column("partial", Boolean, nullable=False, server_default=text("false")),
    Column("changed_at", Instant),
    Column("changed_by", ForeignKey("users.id")),
    _version(),
)

# What was found for one objective: made with the system, one row for each objective of its level.
findings = Table(
    "findings",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("status", String(20), nullable=False, server_default="not_assessed"),
    Column("note", Text, nullable=False, server_default=""),
    Column("methods", JSON, nullable=False, server_default="[]"),
    Column("judged_at", Instant),
    Column("judged_by", ForeignKey("users.id")),
    _version(),
    CheckConstraint("status IN ('met', 'not_met', 'not_applicable', 'not_assessed')", name="status"),
)

# One row for each distinct content that the store keeps.
blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Instant, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),  # the system it was uploaded for
    Column("title", String(300), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("description", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("covers_from", Date),
    Column("covers_until", Date),
    Column("collected_on", Date),
    Column("current_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    Column("deleted_at", Instant),
    _version(),
    Index("ix_artifacts_kind_id", "kind", "id"),
    Index("ix_artifacts_status_id", "status", "id"),
    CheckConstraint("covers_from IS NULL OR covers_until IS NULL OR covers_from <= covers_until", name="covers"),
)

artifact_versions = Table(
    "artifact_versions",
    metadata,
    Column("artifact_id", ForeignKey("artifacts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("note", Text, nullable=False, server_default=""),
    Column("received_at", Instant, nullable=False),
    Column("received_by", ForeignKey("users.id")),
)

artifact_files = Table(
    "artifact_files",
    metadata,
    Column("artifact_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filename", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("sha256", ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("warnings", JSON, nullable=False, server_default="[]"),  # what its examination found, in sentences
    ForeignKeyConstraint(
        ["artifact_id", "number"], ["artifact_versions.artifact_id", "artifact_versions.number"], name="fk_file_version"
    ),
)

links = Table(
    "links",
    metadata,
    Column("artifact_id", ForeignKey("artifacts.id"), primary_key=True),
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("locator", String(300), nullable=False, server_default=""),
    Column("shows", Text, nullable=False, server_default=""),
    Column("linked_at", Instant, nullable=False),
    Column("linked_by", ForeignKey("users.id")),
    Index("ix_links_objective", "system_id", "requirement", "letter", "artifact_id"),
)

# The published wording, where somebody imported it.
wording_sources = Table(
    "wording_sources",
    metadata,
    Column("id", Id, primary_key=True),
    Column("level", Integer, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("edition", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("imported_at", Instant, nullable=False),
)

wordings = Table(
    "wordings",
    metadata,
    Column("source_id", ForeignKey("wording_sources.id", ondelete="CASCADE"), primary_key=True),
    Column("item", String(30), primary_key=True),  # AC.L2-3.1.1 or AC.L2-3.1.1[a]
    Column("requirement", String(20), nullable=False, index=True),
    Column("prose", Text, nullable=False),
)

# The chain: each entry carries the hash of the one before. Triggers in the migration refuse UPDATE and DELETE.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", String(27), nullable=False),  # the text that was hashed, to the letter
    Column("actor_id", Id),
    Column("actor", String(80), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(40), nullable=False),
    Column("entity", String(120), nullable=False),
    Column("detail", Text, nullable=False),  # canonical JSON, as hashed
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Index("ix_audit_action", "action", "id"),
    Index("ix_audit_entity", "entity", "id"),
    Index("ix_audit_actor", "actor", "id"),
)
