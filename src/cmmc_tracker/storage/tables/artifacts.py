"""Evidence: bytes, artifacts, versions, files, links; what is said of it, what holds it, what is left of it."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

# One row for each distinct content that the store keeps.
blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("text_state", String(10), nullable=False, server_default="waiting", index=True),  # done none failed
    Column("text_why", String(300), nullable=False, server_default=""),  # why it could not be read, for people
    Column("checked_at", Instant, index=True),  # when its bytes were last hashed again
    Column("check_state", String(10), nullable=False, server_default=""),  # intact altered missing unreadable
)

# What a content says, for finding it; a spilled or purged one leaves nothing here.
blob_texts = Table(
    "blob_texts",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("cut", Boolean, nullable=False),  # there was more than is kept here
    Column("markings", JSON, nullable=False, server_default="[]"),  # of CUI, as they stand in it
)

# An archive or a register that was sent to be taken in, until somebody says so; forgotten after a day.
imports = Table(
    "imports",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("sha256", ForeignKey("blobs.sha256"), nullable=False, index=True),
    Column("filename", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
    Column("created_by", ForeignKey("users.id")),
    Column("done_at", Instant),
    CheckConstraint("kind IN ('archive', 'register')", name="kind"),
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
    Column("deleted_at", Instant),  # in the trash
    Column("deleted_by", ForeignKey("users.id")),
    Column("purged_at", Instant),  # gone for good; the row and its tombstones stay
    Column("owner_id", ForeignKey("users.id"), index=True),
    Column("reviewer_id", ForeignKey("users.id"), index=True),
    Column("cadence", String(20), nullable=False, server_default="once"),
    Column("due_on", Date, index=True),  # by cadence and covered time; the first day that is too late is the next
    # An approval holds for these bytes: none while the status says approved means that no review was asked for.
    Column("approved_sha256", String(64)),
    Column("approved_by", ForeignKey("users.id")),
    Column("approved_at", Instant),
    # Came by a link, or carries markings: shown nowhere and evidence of nothing until somebody accepts it.
    Column("quarantined_at", Instant, index=True),
    Column("quarantine_why", String(300), nullable=False, server_default=""),
    # The folders and the name that it came with, where it came in folders: what they say is suggested, not done.
    Column("origin", String(1000), nullable=False, server_default=""),
    version_column(),
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
    Column("manifest_sha256", String(64), nullable=False, server_default=""),  # of its files in their order
)

# Who holds a version for how long: it can go no sooner, whoever asks.
pins = Table(
    "pins",
    metadata,
    Column("artifact_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("holder", String(120), primary_key=True),  # such as package:4
    Column("until", Date, nullable=False),
    ForeignKeyConstraint(
        ["artifact_id", "number"], ["artifact_versions.artifact_id", "artifact_versions.number"], name="fk_pin_version"
    ),
)

# What is left of a file that went for good.
tombstones = Table(
    "tombstones",
    metadata,
    Column("artifact_id", ForeignKey("artifacts.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("filename", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gone_at", Instant, nullable=False),
    Column("gone_by", ForeignKey("users.id")),
)

# An artifact that somebody at the command line wants to take out for good, while a second person has not confirmed it.
spills_asked = Table(
    "spills_asked",
    metadata,
    Column("artifact_id", ForeignKey("artifacts.id"), primary_key=True),
    Column("asked_at", Instant, nullable=False),
)

# What people say of an artifact or an objective; a question to somebody is open until it is settled.
remarks = Table(
    "remarks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("artifact_id", ForeignKey("artifacts.id"), index=True),
    Column("requirement", String(20)),
    Column("letter", String(1)),
    Column("text", Text, nullable=False),
    Column("written_at", Instant, nullable=False),
    Column("written_by", ForeignKey("users.id")),
    Column("asked_of", ForeignKey("users.id"), index=True),
    Column("settled_at", Instant),
    Column("settled_by", ForeignKey("users.id")),
    Index("ix_remarks_objective", "system_id", "requirement", "letter"),
    CheckConstraint("(artifact_id IS NULL) <> (requirement IS NULL)", name="subject"),
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

# Evidence that may not leave where it is: what it is known by, in the place of bytes. A version has either kind.
held_files = Table(
    "held_files",
    metadata,
    Column("artifact_id", Id, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("location", String(1000), nullable=False),
    Column("filename", String(200)),
    Column("media_type", String(100)),
    Column("sha256", String(64), nullable=False, index=True),
    Column("size", BigInteger),
    Column("checked_at", Instant),  # when somebody last hashed it where it is
    Column("check_state", String(10), nullable=False, server_default=""),
    ForeignKeyConstraint(
        ["artifact_id", "number"], ["artifact_versions.artifact_id", "artifact_versions.number"], name="fk_held_version"
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
