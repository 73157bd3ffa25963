"""What was frozen for a hand-off: packages, the files of their zips, legal holds, freezes under way."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

# A frozen picture of a system; its bytes never change. `snapshot` is canonical JSON, as hashed.
packages = Table(
    "packages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", String(200), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),  # why it was made although something was not ready
    Column("frozen_at", Instant, nullable=False),
    Column("frozen_by", ForeignKey("users.id")),
    Column("snapshot", Text, nullable=False),
    Column("snapshot_sha256", String(64), nullable=False),
    Column("log_sha256", String(64), nullable=False),  # of CMMCAssessmentArtifacts.log
    Column("manifest_sha256", String(64), nullable=False, server_default=""),  # of manifest.json; empty: not sealed yet
    Column("since", JSON),  # what changed since the package before, in numbers; null for the first
    Column("artifacts", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("retained_until", Date, nullable=False),
    Column("releasable", Boolean, nullable=False),
    version_column(),
    CheckConstraint("purpose IN ('readiness', 'start', 'final', 'closeout', 'affirmation')", name="purpose"),
    UniqueConstraint("system_id", "number", name="uq_packages_number"),
)

# The files of a package's zip, in their order. What was made for it is kept as it was made; an artifact's bytes are in
# the store under their hash.
package_files = Table(
    "package_files",
    metadata,
    Column("package_id", ForeignKey("packages.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", String(300), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("crc32", BigInteger, nullable=False),
    Column("content", LargeBinary),
)

# Legal holds on packages: while one stands, nothing that the package pins goes, whatever its date. None is ever erased.
package_holds = Table(
    "package_holds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("package_id", ForeignKey("packages.id"), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("placed_by", ForeignKey("users.id")),
    Column("lifted_at", Instant),
    Column("lifted_by", ForeignKey("users.id")),
    Column("lifted_why", Text, nullable=False, server_default=""),
)

# Freezes that were too large for one request: what was asked, and how far the job is.
freezes = Table(
    "freezes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("purpose", String(20), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("releasable", Boolean, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", ForeignKey("users.id")),
    Column("address", String(64), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("snapshot", Text, nullable=False, server_default=""),  # canonical JSON, while its files are hashed
    Column("hashed", JSON, nullable=False),  # contents that were found intact, each with its CRC-32
    Column("bytes", BigInteger, nullable=False),
    Column("bytes_done", BigInteger, nullable=False, server_default="0"),
    Column("ended_at", Instant),
    Column("message", Text, nullable=False, server_default=""),  # why it failed
    Column("package_id", ForeignKey("packages.id")),
    CheckConstraint("state IN ('waiting', 'hashing', 'done', 'failed')", name="state"),
    Index("ix_freezes_state", "state", "id"),
)
