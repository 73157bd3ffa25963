"""The audit log's chain: canonical text, hash, and the check. Pure.

Each entry's hash covers its own content and the hash of the entry before it, so an entry that was altered, taken
out or slipped in breaks every hash after it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cmmc_tracker.errors import Invalid

GENESIS = "0" * 64
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))  # made once: a long log is hashed in one go
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Event(StrEnum):
    """What the log may say happened, `thing:verb`, sorted."""

    AFFIRMATION_RECORDED = "affirmation:recorded"
    ARTIFACT_ACCEPTED = "artifact:accepted"
    ARTIFACT_CREATED = "artifact:created"
    ARTIFACT_DELETED = "artifact:deleted"
    ARTIFACT_EDITED = "artifact:edited"
    ARTIFACT_LINKED = "artifact:linked"
    ARTIFACT_PURGED = "artifact:purged"
    ARTIFACT_QUARANTINED = "artifact:quarantined"
    ARTIFACT_REJECTED = "artifact:rejected"
    ARTIFACT_RESTORED = "artifact:restored"
    ARTIFACT_REVIEWED = "artifact:reviewed"
    ARTIFACT_SPILLED = "artifact:spilled"
    ARTIFACT_UNLINKED = "artifact:unlinked"
    ARTIFACT_VERSIONED = "artifact:versioned"
    ASSIGNMENT_ENDED = "assignment:ended"
    ASSIGNMENT_MADE = "assignment:made"
    AUDIT_EXPORTED = "audit:exported"
    BACKUP_FAILED = "backup:failed"
    BACKUP_MADE = "backup:made"
    BACKUP_RESTORED = "backup:restored"
    CATALOG_IMPORTED = "catalog:imported"
    CHANGE_EDITED = "change:edited"
    CHANGE_RECORDED = "change:recorded"
    CHANGE_SETTLED = "change:settled"
    CHECK_SWITCHED = "check:switched"
    DEMO_FILLED = "demo:filled"
    DUTIES_HANDED_OVER = "duties:handed_over"
    EVIDENCE_REQUEST_ANSWERED = "evidence_request:answered"
    EVIDENCE_REQUEST_CLOSED = "evidence_request:closed"
    EVIDENCE_REQUEST_EDITED = "evidence_request:edited"
    EVIDENCE_REQUEST_MADE = "evidence_request:made"
    EVIDENCE_REQUEST_MET = "evidence_request:met"
    EVIDENCE_REQUEST_WAIVED = "evidence_request:waived"
    IMPORT_BEGUN = "import:begun"
    IMPORT_DONE = "import:done"
    IMPORT_TAKEN = "import:taken"
    INTEGRITY_BROKEN = "integrity:broken"
    INTEGRITY_RESTORED = "integrity:restored"
    LEFTOVERS_REMOVED = "leftovers:removed"
    LOGIN_CODE_ASKED = "login:code_asked"
    LOGIN_FAILED = "login:failed"
    LOGIN_REFUSED = "login:refused"
    LOGIN_SUCCEEDED = "login:succeeded"
    LOGOUT_DONE = "logout:done"
    MATRIX_CHANGED = "matrix:changed"
    MEMBERSHIP_CHANGED = "membership:changed"
    MEMBERSHIP_ENDED = "membership:ended"
    OBJECTIVE_CONFIRMED = "objective:confirmed"
    OBJECTIVE_DESCRIBED = "objective:described"
    OBJECTIVE_JUDGED = "objective:judged"
    PACKAGE_ANSWERED = "package:answered"
    PACKAGE_ASKED = "package:asked"
    PACKAGE_DOWNLOADED = "package:downloaded"
    PACKAGE_ENDED = "package:ended"
    PACKAGE_FILE_TAKEN = "package:file_taken"
    PACKAGE_FROZEN = "package:frozen"
    PACKAGE_HELD = "package:held"
    PACKAGE_KEPT_LONGER = "package:kept_longer"
    PACKAGE_LINK_REFUSED = "package:link_refused"
    PACKAGE_LOOKED_AT = "package:looked_at"
    PACKAGE_ORDERED = "package:ordered"
    PACKAGE_RELEASED = "package:released"
    PACKAGE_SEALED = "package:sealed"
    PACKAGE_UNLOCKED = "package:unlocked"
    PACKAGE_VIEW_GIVEN = "package:view_given"
    PACKAGE_VIEW_REVOKED = "package:view_revoked"
    PACKAGE_WORD_REFUSED = "package:word_refused"
    PASSWORD_REFUSED = "password:refused"  # noqa: S105 the name of an event
    PLAN_APPROVED = "plan:approved"
    PLAN_REVIEWED = "plan:reviewed"
    PLAN_SECTION_EDITED = "plan:section_edited"
    PLAN_TEMPLATE_CHANGED = "plan:template_changed"
    PLAN_VERSIONED = "plan:versioned"
    POAM_ITEM_ADDED = "poam_item:added"
    POAM_ITEM_CLOSED = "poam_item:closed"
    POAM_ITEM_EDITED = "poam_item:edited"
    POAM_ITEM_READIED = "poam_item:readied"
    POAM_ITEM_REMOVED = "poam_item:removed"
    POAM_ITEM_REOPENED = "poam_item:reopened"
    POAM_ITEM_REVIEWED = "poam_item:reviewed"
    POAM_ITEM_STARTED = "poam_item:started"
    REMARK_SETTLED = "remark:settled"
    REMARK_WRITTEN = "remark:written"
    REQUEST_REFUSED = "request:refused"
    REQUIREMENT_EDITED = "requirement:edited"
    SCOPE_ADDED = "scope:added"
    SCOPE_CONFIRMED = "scope:confirmed"
    SCOPE_DRAFTED = "scope:drafted"
    SCOPE_EDITED = "scope:edited"
    SCOPE_REMOVED = "scope:removed"
    SECOND_FACTOR_CHANGED = "second_factor:changed"
    SECOND_FACTOR_REMOVED = "second_factor:removed"
    SECOND_FACTOR_RESET = "second_factor:reset"
    SECOND_FACTOR_SET = "second_factor:set"
    SESSION_ENDED = "session:ended"
    SETTINGS_CHANGED = "settings:changed"
    SETUP_FINISHED = "setup:finished"
    SPECIAL_RECORDED = "special:recorded"
    SPECIAL_REMOVED = "special:removed"
    SPILL_ASKED = "spill:asked"
    SPILL_CONFIRMED = "spill:confirmed"
    SPILL_LIFTED = "spill:lifted"
    STATUS_RECORDED = "status:recorded"
    SYSTEM_CHANGED = "system:changed"
    SYSTEM_CREATED = "system:created"
    SYSTEM_REMOVED = "system:removed"
    TOKEN_CREATED = "token:created"  # noqa: S105 the name of an event
    TOKEN_REFUSED = "token:refused"  # noqa: S105 the name of an event
    TOKEN_REVOKED = "token:revoked"  # noqa: S105 the name of an event
    UPLOAD_LINK_MADE = "upload_link:made"
    UPLOAD_LINK_OPENED = "upload_link:opened"
    UPLOAD_LINK_REFUSED = "upload_link:refused"
    UPLOAD_LINK_REVOKED = "upload_link:revoked"
    UPLOAD_LINK_USED = "upload_link:used"
    UPLOAD_REFUSED = "upload:refused"
    USER_CREATED = "user:created"
    USER_DELETED = "user:deleted"
    USER_DISABLED = "user:disabled"
    USER_ENABLED = "user:enabled"
    USER_MAIL_CHANGED = "user:mail_changed"
    USER_PASSWORD_CHANGED = "user:password_changed"  # noqa: S105 the name of an event
    USER_PASSWORD_RESET = "user:password_reset"  # noqa: S105 the name of an event
    USER_ROLE_CHANGED = "user:role_changed"
    VALUE_DEFINED = "value:defined"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is hashed; `at` and `detail` are text, to the letter."""

    at: str
    actor_id: int | None
    actor: str
    address: str
    action: str
    entity: str
    detail: str
    previous: str


def stamp(now: datetime) -> str:
    """An instant as the log writes it: UTC, microseconds, `Z`."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(detail: Mapping[str, Any]) -> str:
    """Canonical JSON: sorted keys, no spaces; the same content always gives the same text."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def digest(entry: Entry) -> str:
    """The entry's hash, SHA-256 in hex, over a JSON list: a list has no two readings, unlike joined text."""
    fields = [
        entry.previous,
        entry.at,
        entry.actor_id,
        entry.actor,
        entry.address,
        entry.action,
        entry.entity,
        entry.detail,
    ]
    return hashlib.sha256(_COMPACT.encode(fields).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a chain was walked: the last intact entry (0: none yet), its hash, and the break after it, if any."""

    entry: int
    hash: str
    broken: tuple[int, str] | None = None


START = Walked(0, GENESIS)


def walk(entries: Iterable[tuple[int, Entry, str]], since: Walked = START) -> Walked:
    """Walk (id, entry, recorded hash) oldest first, on from where an earlier walk ended; stops at the first break."""
    number, expected = since.entry, since.hash
    for at, entry, recorded in entries:
        if entry.previous != expected:
            return Walked(
                number, expected, (at, "it does not follow the entry before it: something was taken out or slipped in")
            )
        if digest(entry) != recorded:
            return Walked(number, expected, (at, "its content is not what was recorded"))
        number, expected = at, recorded
    return Walked(number, expected)


def first_break(entries: Iterable[tuple[int, Entry, str]]) -> tuple[int, str] | None:
    """Walk (id, entry, recorded hash) oldest first; the id and reason of the first break, or None when intact."""
    return walk(entries).broken


def parse_head(text: str) -> str:
    """The hash of an entry as somebody kept it; raises `Invalid` for what is none."""
    found = text.strip().lower()
    if not _HASH.fullmatch(found):
        raise Invalid({"head": "A head is a hash of 64 hex digits, as `cmmc-tracker audit head` prints it."})
    return found
