"""What an assessment rests on beside findings: special bases, plans, statuses, affirmations.

32 CFR 170.21 to 170.24.
"""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from cmmc_tracker.storage.tables.columns import Id, Instant, metadata, version_column

# On what an objective counts as MET where it is not plainly so; the text of each is `domain.special.Special`.
specials = Table(
    "specials",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("requirement", String(20), primary_key=True),
    Column("letter", String(1), primary_key=True),
    Column("basis", String(30), nullable=False),
    Column("description", Text, nullable=False),
    Column("mitigation", Text, nullable=False, server_default=""),
    Column("reference", Text, nullable=False, server_default=""),
    Column("reviewed_on", Date),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", ForeignKey("users.id")),
    version_column(),
)

# Items of the POA&M and of the operational plan of action.
plan_items = Table(
    "plan_items",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False),
    Column("requirement", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False, server_default="open"),
    Column("weakness", Text, nullable=False),
    Column("resources", Text, nullable=False, server_default=""),
    Column("owner", String(80), nullable=False, server_default=""),
    Column("planned_completion", Date),
    Column("created_at", Instant, nullable=False),
    Column("created_by", ForeignKey("users.id")),
    Column("ready_by", ForeignKey("users.id")),  # who said that it is mended
    Column("closed_at", Instant),
    Column("closed_by", ForeignKey("users.id")),
    Column("closing_note", Text, nullable=False, server_default=""),
    version_column(),
    CheckConstraint("kind IN ('poam', 'operational')", name="kind"),
    CheckConstraint("status IN ('open', 'in_progress', 'ready', 'closed')", name="status"),
    Index("ix_plan_items_requirement", "system_id", "requirement"),
)

milestones = Table(
    "milestones",
    metadata,
    Column("item_id", ForeignKey("plan_items.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("text", String(500), nullable=False),
    Column("due_on", Date),
    Column("owner", String(80), nullable=False, server_default=""),
    Column("done_on", Date),
)

# Deficiency reviews of an operational plan (170.24(b)(1)(ii)), and what else was looked at on a day.
plan_reviews = Table(
    "plan_reviews",
    metadata,
    Column("id", Id, primary_key=True),
    Column("item_id", ForeignKey("plan_items.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("reviewed_on", Date, nullable=False),
    Column("progress", Text, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", ForeignKey("users.id")),
)

# Who answers for what in a system: owner of a requirement, reviewer, affirming official. Assignments, not roles.
assignments = Table(
    "assignments",
    metadata,
    Column("system_id", ForeignKey("systems.id"), primary_key=True),
    Column("duty", String(30), primary_key=True),
    Column("requirement", String(20), primary_key=True, server_default=""),  # empty for the whole system
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False, server_default=""),  # of the affirming official
    Column("contact", String(200), nullable=False, server_default=""),
    Column("assigned_at", Instant, nullable=False),
    Column("assigned_by", ForeignKey("users.id")),
    CheckConstraint("duty IN ('owner', 'reviewer', 'affirming_official')", name="duty"),
)

# What stands in SPRS, as it was recorded here; never changed by what is found later.
recorded_statuses = Table(
    "recorded_statuses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("system_id", ForeignKey("systems.id"), nullable=False, index=True),
    Column("kind", String(30), nullable=False),  # domain.clocks.AssessmentKind
    Column("stage", String(20), nullable=False),
    Column("act", String(20), nullable=False),  # record_conditional, record_final or close_out
    Column("status_on", Date, nullable=False),
    Column("first_status_on", Date, nullable=False),  # of the Conditional status before it, else its own
    Column("uid", String(40), nullable=False, server_default=""),
    Column("score", Integer),
    Column("scope", Text, nullable=False, server_default=""),
    Column("assessor", String(200), nullable=False, server_default=""),
    Column("package_id", ForeignKey("packages.id"), nullable=False),
    Column("items", JSON, nullable=False),  # numbers of the POA&M items, frozen on that day
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", ForeignKey("users.id")),
    CheckConstraint("stage IN ('conditional', 'final')", name="stage"),
)

affirmations = Table(
    "affirmations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("status_id", ForeignKey("recorded_statuses.id"), nullable=False, index=True),
    Column("affirmed_on", Date, nullable=False),
    Column("name", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("contact", String(200), nullable=False, server_default=""),
    Column("score", Integer),
    Column("package_id", ForeignKey("packages.id")),
    Column("briefing", Text, nullable=False),  # the text that the official had before them
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", ForeignKey("users.id"), nullable=False),
)
