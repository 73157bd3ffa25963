"""The system security plan (3.12.4): sections, texts by objective, versions; defined values; changes."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Integer, String, Table, Text, UniqueConstraint

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

# The plan's texts about the system as a whole: description, boundary, environment, roles, connections.
plan_sections = Table(
    "plan_sections",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("section", String(30), primary_key=True),
    Column("text", Text, nullable=False, server_default=""),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ForeignKey("users.id")),
    version_column(),
)

# How an objective is met, where a requirement's text is written by objective.
objective_texts = Table(
    "objective_texts",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("text", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ForeignKey("users.id")),
    version_column(),
)

# A version is the whole plan as it stood; `content` is canonical JSON, as hashed. It never changes.
plan_versions = Table(
    "plan_versions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("content", Text, nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("made_by", ForeignKey("users.id")),
    Column("approved_at", Instant),
    Column("approved_by", ForeignKey("users.id")),
    UniqueConstraint("system_id", "number", name="uq_plan_versions_number"),
)

# The organization's own Word template of the plan; `content` is its bytes in base64, as a snapshot has them too.
plan_templates = Table(
    "plan_templates",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("filename", String(255), nullable=False),
    Column("content", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ForeignKey("users.id")),
    version_column(),
)

defined_values = Table(
    "defined_values",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", ForeignKey("users.id")),
    version_column(),
)

# Changes of the environment: what the yearly affirmation rests on.
changes = Table(
    "changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("happened_on", Date, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Column("settled_on", Date),  # when what it asks for was done
    Column("settled", Text, nullable=False, server_default=""),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", ForeignKey("users.id")),
    version_column(),
    CheckConstraint("kind IN ('covered', 'plan', 'assessment')", name="kind"),
)
