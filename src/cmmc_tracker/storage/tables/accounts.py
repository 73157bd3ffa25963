"""Accounts, how they sign in, and the limits on tries."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

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
    Column("mail", String(254), nullable=False, server_default=""),  # where reminders go; empty: none are sent
    Column("digest_sent_on", Date),
    Column("triage_at", BigInteger),  # the artifact at which the person's triage stopped
    Column("deleted_at", Instant),  # the row stays: the audit log and the evidence name the person
    version_column(),
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
