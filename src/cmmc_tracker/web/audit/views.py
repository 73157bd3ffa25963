"""The audit log for administrators: filters, newest first, page by page."""

from datetime import UTC, datetime, timedelta

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate.doors import open_read
from cmmc_tracker.gate.listing import cursor_of, following_url
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.services import audit
from cmmc_tracker.services.audit import AuditFilter

pages = Blueprint("audit", __name__)


@pages.get("/audit")
@admin_required
def index() -> ResponseReturnValue:
    """Entries that fit the filter."""
    args, errors = request.args, {}
    since, until = None, None
    try:
        since, until = _day(args.get("since", ""), "since"), _day(args.get("until", ""), "until", end=True)
    except Invalid as error:
        errors = error.fields
    wanted = AuditFilter(
        actor=clean_line(args.get("actor", ""))[:80],
        action=clean_line(args.get("action", "")),
        entity=clean_line(args.get("entity", ""))[:120],
        since=since,
        until=until,
        cursor=cursor_of(args),
    )
    with open_read() as work:
        entries, following = audit.page(work, wanted)
        total, head = audit.length(work), audit.head(work)
    return render_template(
        "audit/index.html",
        entries=[] if errors else entries,
        errors=errors,
        given=args,
        events=sorted(Event),
        total=total,
        head=head,
        next_page=following_url(".index", following) if following and not errors else "",
    )


def _day(text: str, name: str, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day if not end else day + timedelta(days=1)
    except (ValueError, OverflowError):
        raise Invalid({name: "This is not a date; write it as 2026-11-24."}) from None
