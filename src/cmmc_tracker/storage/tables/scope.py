"""What is in the scope of an assessment: assets and external service providers (32 CFR 170.19)."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

assets = Table(
    "assets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("category", String(40), nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("draft", Boolean, nullable=False),  # follows from an answer; nobody has confirmed it
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    version_column(),
)

providers = Table(
    "providers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("is_cloud", Boolean, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("draft", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    version_column(),
)
