"""Requests for evidence: what is wanted from whom until when, its rounds, and links for people without an account."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

requests = Table(
    "requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("requirement", String(20), nullable=False),
    Column("letter", String(1), nullable=False),
    Column("wanted", Text, nullable=False),
    Column("asked_of", ForeignKey("users.id"), index=True),  # none: somebody without an account, named in `outside`
    Column("outside", String(200), nullable=False, server_default=""),
    Column("cadence", String(20), nullable=False, server_default="once"),
    Column("first_due", Date, nullable=False),  # of round 1; later rounds follow by the cadence
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    Column("closed_at", Instant),
    Column("closed_by", ForeignKey("users.id")),
    Column("close_reason", String(300), nullable=False, server_default=""),
    version_column(),
    Index("ix_requests_objective", "system_id", "requirement", "letter"),
)

# A round is one time that the evidence is due; it has a row once somebody answered or waived it.
request_rounds = Table(
    "request_rounds",
    metadata,
    Column("request_id", ForeignKey("requests.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("artifact_id", ForeignKey("artifacts.id"), index=True),
    Column("answered_at", Instant),
    Column("answered_by", ForeignKey("users.id")),
    Column("met_at", Instant),  # the artifact was approved
    Column("waived_at", Instant),  # missed, and said why it will not come any more
    Column("waived_by", ForeignKey("users.id")),
    Column("waived_why", String(300), nullable=False, server_default=""),
)

upload_links = Table(
    "upload_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("request_id", ForeignKey("requests.id"), nullable=False, index=True),
    Column("token_hash", String(64), nullable=False, unique=True),  # SHA-256 of what the link carries
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    Column("expires_at", Instant, nullable=False),
    Column("most_files", Integer, nullable=False),
    Column("most_bytes", BigInteger, nullable=False),
    Column("opened_at", Instant),  # last
    Column("used_at", Instant),  # files came by it: it opens no more
    Column("revoked_at", Instant),
    Column("revoked_by", ForeignKey("users.id")),
)
