"""The whole schema. Core tables; rows become frozen dataclasses in `services/`.

Instants are aware and in UTC everywhere outside the database. Days are dates. Whatever a person may edit has
a `version` that counts its changes: a write names the version it read, and 0 rows changed means somebody was
quicker. Nothing here is deleted but sessions, limits' counters, links, one-time tokens, and evidence that was purged,
which leaves a tombstone.
"""

from cmmc_tracker.storage.tables.accounts import (
    account_tries,
    api_tokens,
    limit_hits,
    old_passwords,
    recovery_codes,
    second_factors,
    sessions,
    setup_links,
    users,
)
from cmmc_tracker.storage.tables.artifacts import (
    artifact_files,
    artifact_versions,
    artifacts,
    blob_texts,
    blobs,
    held_files,
    imports,
    links,
    pins,
    remarks,
    tombstones,
)
from cmmc_tracker.storage.tables.assessment import (
    affirmations,
    assignments,
    milestones,
    plan_items,
    plan_reviews,
    recorded_statuses,
    specials,
)
from cmmc_tracker.storage.tables.columns import metadata
from cmmc_tracker.storage.tables.handoff import package_questions, package_views
from cmmc_tracker.storage.tables.packages import freezes, package_files, package_holds, packages
from cmmc_tracker.storage.tables.plan import (
    changes,
    defined_values,
    objective_texts,
    plan_sections,
    plan_versions,
)
from cmmc_tracker.storage.tables.requests import request_rounds, requests, upload_links
from cmmc_tracker.storage.tables.scope import (
    asset_groups,
    assets,
    cui_flows,
    matrix_lines,
    providers,
    scope_entries,
)
from cmmc_tracker.storage.tables.systems import (
    audit,
    audit_streams,
    findings,
    implementations,
    leases,
    memberships,
    settings,
    systems,
    wording_sources,
    wordings,
)

__all__ = [
    "account_tries",
    "affirmations",
    "api_tokens",
    "artifact_files",
    "artifact_versions",
    "artifacts",
    "asset_groups",
    "assets",
    "assignments",
    "audit",
    "audit_streams",
    "blob_texts",
    "blobs",
    "changes",
    "cui_flows",
    "defined_values",
    "findings",
    "freezes",
    "held_files",
    "implementations",
    "imports",
    "leases",
    "limit_hits",
    "links",
    "matrix_lines",
    "memberships",
    "metadata",
    "milestones",
    "objective_texts",
    "old_passwords",
    "package_files",
    "package_holds",
    "package_questions",
    "package_views",
    "packages",
    "pins",
    "plan_items",
    "plan_reviews",
    "plan_sections",
    "plan_versions",
    "providers",
    "recorded_statuses",
    "recovery_codes",
    "remarks",
    "request_rounds",
    "requests",
    "scope_entries",
    "second_factors",
    "sessions",
    "settings",
    "setup_links",
    "specials",
    "systems",
    "tombstones",
    "upload_links",
    "users",
    "wording_sources",
    "wordings",
]
