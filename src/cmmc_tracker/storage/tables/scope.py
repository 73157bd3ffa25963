"""What is in the scope of an assessment: assets, people, places, flows, external service providers (32 CFR 170.19)."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, ForeignKey, String, Table, Text, text

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

assets = Table(
    "assets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("category", String(40), nullable=False),  # empty: nobody has said it yet
    Column("note", Text, nullable=False, server_default=""),
    Column("owner", String(200), nullable=False, server_default=""),
    Column("location", String(200), nullable=False, server_default=""),
    Column("network", String(200), nullable=False, server_default=""),
    Column("cui_use", String(20), nullable=False, server_default=""),  # process, store, transmit, in canonical order
    Column("group_name", String(200), nullable=False, server_default=""),  # of assets that are treated alike
    Column("treatment", Text, nullable=False, server_default=""),  # how the security plan treats it
    Column("on_diagram", Boolean, nullable=False, server_default=text("false")),
    Column("justification", Text, nullable=False, server_default=""),  # why it is out of scope
    Column("kind", String(200), nullable=False, server_default=""),  # server, laptop, service, machine tool
    Column("model", String(200), nullable=False, server_default=""),  # who made it, and which
    Column("serial", String(200), nullable=False, server_default=""),  # serial number, or the version of software
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
    Column("services", Text, nullable=False, server_default=""),
    Column("contact", String(200), nullable=False, server_default=""),
    Column("contract", String(200), nullable=False, server_default=""),
    Column("holds", String(10), nullable=False, server_default="none"),
    Column("basis", String(20), nullable=False, server_default="not_needed"),
    Column("basis_on", Date),
    Column("basis_link", String(1000), nullable=False, server_default=""),
    Column("cmmc_status", String(100), nullable=False, server_default=""),
    Column("matrix_on", Date),
    Column("matrix_artifact_id", ForeignKey("artifacts.id")),
    Column("basis_artifact_id", ForeignKey("artifacts.id")),
    Column("draft", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    version_column(),
)

# How the security plan treats assets of one group.
asset_groups = Table(
    "asset_groups",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("treatment", Text, nullable=False, server_default=""),
    Column("on_diagram", Boolean, nullable=False, server_default=text("false")),
    version_column(),
)

# People, facilities and networks of the scope.
scope_entries = Table(
    "scope_entries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(200), nullable=False),
    Column("description", Text, nullable=False, server_default=""),  # function, address, address range
    Column("handles_cui", Boolean, nullable=False, server_default=text("false")),
    Column("trained_on", Date),  # of people (3.2.1, 3.2.2)
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    version_column(),
    CheckConstraint("kind IN ('person', 'facility', 'network')", name="kind"),
)

# How CUI comes, moves and goes.
cui_flows = Table(
    "cui_flows",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("what", String(300), nullable=False),
    Column("source", String(200), nullable=False),
    Column("destination", String(200), nullable=False),
    Column("protection", Text, nullable=False, server_default=""),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    version_column(),
)

# A line of a provider's customer responsibility matrix, of one objective.
matrix_lines = Table(
    "matrix_lines",
    metadata,
    Column("provider_id", ForeignKey("providers.id", ondelete="CASCADE"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("duty", String(20), nullable=False),
    Column("text", Text, nullable=False, server_default=""),
    Column("artifact_id", ForeignKey("artifacts.id")),
    version_column(),
    CheckConstraint("duty IN ('provider', 'customer', 'shared', 'not_applicable')", name="duty"),
)
