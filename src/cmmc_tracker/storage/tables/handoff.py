"""Who may look at a package from outside, until when, and what they asked of the contractor."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Integer, String, Table, Text, text

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

# One view of one package: of an assessor's account, or of whoever has a link and its second word.
package_views = Table(
    "package_views",
    metadata,
    Column("id", Id, primary_key=True),
    Column("package_id", ForeignKey("packages.id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id"), index=True),
    Column("whom", String(200), nullable=False, server_default=""),  # whom a link was made for
    Column("token_hash", String(64), unique=True),  # SHA-256 of what a link carries
    Column("word_hash", Text),  # of the word that goes another way
    Column("wrong_words", Integer, nullable=False, server_default="0"),
    Column("may_download", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_by", ForeignKey("users.id")),
    CheckConstraint("(user_id IS NULL) <> (token_hash IS NULL)", name="holder"),
    CheckConstraint("(token_hash IS NULL) = (word_hash IS NULL)", name="word"),
)

package_questions = Table(
    "package_questions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("package_id", ForeignKey("packages.id"), nullable=False, index=True),
    Column("view_id", ForeignKey("package_views.id"), nullable=False, index=True),
    Column("requirement", String(20)),  # what it is about: a requirement, one objective of it, an artifact, or nothing
    Column("letter", String(1)),
    Column("artifact_id", ForeignKey("artifacts.id"), index=True),
    Column("text", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("answer", Text, nullable=False, server_default=""),
    Column("answered_at", Instant, index=True),
    Column("answered_by", ForeignKey("users.id")),
    version_column(),
    CheckConstraint("letter IS NULL OR requirement IS NOT NULL", name="objective"),
    CheckConstraint("artifact_id IS NULL OR requirement IS NULL", name="subject"),
)
