"""The audit log, for administrators."""

from datetime import UTC, datetime

from flask import request

from cmmc_tracker.api.registry import Asked, Shown, operation
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.listing import cursor_of
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.services import audit
from cmmc_tracker.services.audit import AuditFilter


class WantedEntries(Asked):
    """Which entries to list; a filter that matches nothing gives no items.

    `actor`, `action` and `entity` are exact, or end with `*`; `since` and `until` are ISO 8601, the end not included;
    `q` stands anywhere in the person, the thing, the address or the detail, in capitals or not.
    """

    actor: str = ""
    action: str = ""
    entity: str = ""
    since: str = ""
    until: str = ""
    q: str = ""
    cursor: str = ""


class AuditShown(Shown):
    """One entry of the audit log."""

    id: int
    at: str
    actor: str
    address: str
    action: str
    entity: str
    detail: dict[str, object]
    hash: str


class AuditPageShown(Shown):
    """A page of the audit log, newest first."""

    items: list[AuditShown]
    next_cursor: str | None


@operation(
    "GET",
    "/audit",
    "The audit log, newest first; administrators only",
    answer=AuditPageShown,
    query=WantedEntries,
    failures=(400, 422),
)
@admin_required
def list_audit(query: WantedEntries) -> AuditPageShown:
    """One page of the entries that fit."""
    wanted = AuditFilter(
        actor=clean_line(query.actor)[:80],
        action=clean_line(query.action),
        entity=clean_line(query.entity)[:120],
        since=_instant(query.since, "since"),
        until=_instant(query.until, "until"),
        text=clean_line(query.q)[:200],
        cursor=cursor_of(request.args),
    )
    with doors.open_read() as work:
        entries, following = audit.page(work, wanted)
    items = [
        AuditShown(
            id=e.id,
            at=e.at,
            actor=e.actor,
            address=e.address,
            action=e.action,
            entity=e.entity,
            detail=e.detail,
            hash=e.hash,
        )
        for e in entries
    ]
    return AuditPageShown(items=items, next_cursor=str(following) if following else None)


def _instant(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Invalid({name: "This is not a time; write it as 2026-11-24 or 2026-11-24T10:00:00Z."}) from None
