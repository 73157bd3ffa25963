"""Settings, systems, who is in them, what was found, official wording, the audit log."""

from sqlalchemy import (
    JSON,
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

settings = Table(
    "settings",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", JSON, nullable=False),
    version_column(),
)

systems = Table(
    "systems",
    metadata,
    Column("id", Id, primary_key=True),
    Column("slug", String(60), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("level", Integer, nullable=False),
    Column("demo", Boolean, nullable=False, server_default=text("false")),
    Column("cui_never", Boolean, nullable=False, server_default=text("false")),  # whatever the installation allows
    Column("created_at", Instant, nullable=False),
    Column("cage_codes", String(300), nullable=False, server_default=""),  # with blanks between
    Column("contracts", Text, nullable=False, server_default=""),
    Column("in_use_since", Date),
    Column("plan_reviewed_on", Date),
    Column("plan_review_months", Integer, nullable=False, server_default="12"),
    Column("checks_off", JSON, nullable=False, server_default="[]"),  # numbers of readiness hints
    version_column(),
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
    version_column(),
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
    Column("examined", Text, nullable=False, server_default=""),
    Column("interviewed", Text, nullable=False, server_default=""),
    Column("tested", Text, nullable=False, server_default=""),
    Column("confirmed_at", Instant),  # by a second person, where the status needs one
    Column("confirmed_by", ForeignKey("users.id")),
    version_column(),
    CheckConstraint("status IN ('met', 'not_met', 'not_applicable', 'not_assessed')", name="status"),
)

# Which process does a job of the house now, and when it was last done.
leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", Instant, nullable=False),
    Column("done_at", Instant),
)

# How far the audit log was sent to a collector; `name` stands for its address.
audit_streams = Table(
    "audit_streams",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("entry", Id, nullable=False),  # the last one that was taken; 0 for none
    Column("hash", String(64), nullable=False),  # of that entry
    Column("sent_at", Instant),
    Column("failed_at", Instant),  # the last try, where it failed
    Column("failures", Integer, nullable=False, server_default="0"),  # since something was taken
    Column("why", String(300), nullable=False, server_default=""),
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
