"""The audit log for administrators: filters, newest first, page by page; how its chain stands; the log as a file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.listing import cursor_of, following_url
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.reports import audit_export
from cmmc_tracker.services import audit
from cmmc_tracker.services.audit import AuditFilter, Watch

pages = Blueprint("audit", __name__)
_WATCH = "audit_watch"
_FORMATS: dict[str, tuple[Callable[[Iterable[audit_export.Numbered]], Iterator[str]], str]] = {
    "csv": (audit_export.as_csv, "text/csv"),
    "json": (audit_export.as_json, "application/json"),
}


@pages.record
def _remember(state: BlueprintSetupState) -> None:
    """Give the app what it knows of the chain; every server process has its own."""
    state.app.extensions[_WATCH] = Watch()


def _watch() -> Watch:
    found: Watch = current_app.extensions[_WATCH]
    return found


@pages.get("/audit")
@admin_required
def index() -> ResponseReturnValue:
    """Entries that fit the filter, and how the chain stands."""
    args, errors = request.args, {}
    try:
        wanted = _wanted(args)
    except Invalid as error:
        wanted, errors = AuditFilter(), error.fields
    with open_read() as work:
        entries, following = audit.page(work, wanted)
        total, seen = audit.length(work), _watch().look(work)
    return render_template(
        "audit/index.html",
        entries=[] if errors else entries,
        errors=errors,
        given=args,
        events=sorted(Event),
        total=total,
        seen=seen,
        next_page=following_url(".index", following) if following and not errors else "",
        exports=[] if errors else [(form, following_url(f".export_{form}", None)) for form in _FORMATS],
    )


def _wanted(args: Mapping[str, str]) -> AuditFilter:
    """The filter of an address; raises `Invalid` for what is no date, naming each."""
    days: dict[str, datetime | None] = {}
    wrong: dict[str, str] = {}
    for name in ("since", "until"):
        try:
            days[name] = _day(args.get(name, ""), end=name == "until")
        except (ValueError, OverflowError):
            wrong[name] = "This is not a date; write it as 2026-11-24."
    if wrong:
        raise Invalid(wrong)
    return AuditFilter(
        actor=clean_line(args.get("actor", ""))[:81],
        action=clean_line(args.get("action", ""))[:41],
        entity=clean_line(args.get("entity", ""))[:121],
        text=clean_line(args.get("q", ""))[:200],
        since=days["since"],
        until=days["until"],
        cursor=cursor_of(args),
    )


def _day(text: str, *, end: bool) -> datetime | None:
    if not text:
        return None
    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    return day if not end else day + timedelta(days=1)


@pages.post("/audit/check")
@admin_required
def check() -> ResponseReturnValue:
    """Check the whole chain now."""
    seen = _watch().whole(installation().tracker)
    if seen.whole:
        flash(f"The whole log was checked, entry by entry: intact up to entry {seen.walked.entry:,}.")
    elif not seen.walked.broken:
        flash(
            f"The time of one request went up to entry {seen.walked.entry:,}: intact so far. "
            "The command `cmmc-tracker verify` checks a log of any length."
        )
    return redirect(url_for(".index"), code=302)


@pages.get("/audit/export.csv")
@admin_required
def export_csv() -> ResponseReturnValue:
    """The entries that fit, as CSV."""
    return _export("csv")


@pages.get("/audit/export.json")
@admin_required
def export_json() -> ResponseReturnValue:
    """The entries that fit, as one JSON array."""
    return _export("json")


def _export(form: str) -> Response:
    """The log as a file, sent while it is read; who took it is in the log."""
    wanted, (write, media_type) = _wanted(request.args), _FORMATS[form]
    with open_write() as work:
        last = audit.begin_export(work, wanted, form)
    lines = write(audit.exported(installation().tracker, wanted, last))
    response = Response(audit_export.in_pieces(lines), content_type=f"{media_type}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="audit-log-to-{last}.{form}"'
    return response
