"""What surrounds the assets: people, facilities, networks, flows of CUI. Four lists that are kept in the same way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.inventory import EntryKind, FlowEntry, SurroundingEntry, training_is_old
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.listing import cursor_of
from cmmc_tracker.services.scope import surroundings
from cmmc_tracker.services.scope.surroundings import Entry
from cmmc_tracker.web.scope.room import drawn, pages


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a list: its name, what it is called, and how it is typed (`line`, `text`, `day`, `switch`)."""

    name: str
    label: str
    form: str = "line"
    hint: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One of the lists; `kind` None: the flows."""

    key: str
    title: str
    one: str
    about: str
    kind: EntryKind | None
    columns: tuple[Column, ...]


_NAME = Column("name", "Name", needed=True)
_CUI = Column("handles_cui", "Handles CUI", "switch")
PARTS = {
    part.key: part
    for part in (
        Part(
            "people",
            "People",
            "person",
            "Who handles CUI or protects it, with the day of the last training (3.2.1, 3.2.2). They are assets of the "
            "scope, too, though no inventory of machines names them.",
            EntryKind.PERSON,
            (
                _NAME,
                Column("description", "Function", "text"),
                _CUI,
                Column("trained_on", "Last trained on", "day", "The day on which the training was finished."),
            ),
        ),
        Part(
            "facilities",
            "Facilities",
            "facility",
            "The places where CUI is handled or where what protects it stands (3.10.1 to 3.10.6).",
            EntryKind.FACILITY,
            (_NAME, Column("description", "Address and use", "text"), _CUI),
        ),
        Part(
            "networks",
            "Networks",
            "network",
            "The networks of the scope and those beside it: what separates them makes an asset Out-of-Scope.",
            EntryKind.NETWORK,
            (_NAME, Column("description", "Address range, and what separates it", "text"), _CUI),
        ),
        Part(
            "flows",
            "CUI flows",
            "flow",
            "How CUI comes in, moves and goes out, and what protects it on the way (3.1.3, 3.13.8). A diagram shows "
            "it; this table says it.",
            None,
            (
                Column("what", "CUI", hint="Such as drawings of the customer.", needed=True),
                Column("source", "From", needed=True),
                Column("destination", "To", needed=True),
                Column("protection", "What protects it", "text"),
            ),
        ),
    )
}
_PATH = "/<any(people, facilities, networks, flows):part>"


def _parsed(part: Part) -> Entry:
    if part.kind is None:
        return FlowEntry.parse(request.form)
    return SurroundingEntry.parse(part.kind, request.form, installation().tracker.today)


@pages.get(_PATH)
def entries(part: str) -> ResponseReturnValue:
    """One of the lists, and the form to add to it."""
    return _list(PARTS[part], {}, {})


def _list(part: Part, typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    after = cursor_of(request.args) or 0
    with open_read() as work:
        rows, following = surroundings.page(work, g.system, part.kind, after)
        today = work.today
    trained = [row for row in rows if part.kind is EntryKind.PERSON and row.trained_on]
    return drawn(
        "scope/entries.html",
        part=part,
        rows=rows,
        now=typed,
        errors=errors,
        after=after,
        following=following,
        old={row.id for row in trained if training_is_old(row.trained_on, today)},
    )


@pages.post(_PATH)
def add_entry(part: str) -> ResponseReturnValue:
    """Add to a list."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        entry = _parsed(PARTS[part])
        with open_write() as work:
            surroundings.add(work, g.system, entry)
    except Invalid as error:
        return _list(PARTS[part], request.form, error.fields), 422
    flash("Added.")
    return redirect(url_for(".entries", part=part), code=302)


@pages.get(f"{_PATH}/<int:row_id>")
def entry(part: str, row_id: int) -> ResponseReturnValue:
    """One row of a list."""
    return _one(PARTS[part], row_id)


def _one(
    part: Part,
    row_id: int,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        row = surroundings.one(work, g.system, part.kind, row_id)
    said = {column.name: getattr(row, column.name) for column in part.columns}
    return drawn("scope/entry.html", part=part, row=row, now=typed or said, errors=errors or {}, stale=stale)


@pages.post(f"{_PATH}/<int:row_id>")
def edit_entry(part: str, row_id: int) -> ResponseReturnValue:
    """Change a row."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        wanted = _parsed(PARTS[part])
        with open_write() as work:
            surroundings.edit(work, g.system, row_id, wanted, form_version())
    except Invalid as error:
        return _one(PARTS[part], row_id, request.form, error.fields), 422
    except Stale:
        return _one(PARTS[part], row_id, request.form, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".entries", part=part), code=302)


@pages.post(f"{_PATH}/<int:row_id>/remove")
def remove_entry(part: str, row_id: int) -> ResponseReturnValue:
    """Take a row away."""
    try:
        with open_write() as work:
            surroundings.remove(work, g.system, PARTS[part].kind, row_id, form_version())
    except Stale:
        return _one(PARTS[part], row_id, stale=True), 412
    flash("It is taken away; the audit log keeps what it said.")
    return redirect(url_for(".entries", part=part), code=302)
