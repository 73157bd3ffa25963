"""Acts on artifacts chosen in the list: the page asks once where it must, then it is done to all of them or none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.artifacts import Act
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.errors import Hindered, Invalid, Malformed
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.forms import system_for
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.reports import cells
from cmmc_tracker.services import bulk, dependents, trash
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.bulk import Chosen
from cmmc_tracker.services.work import Work
from cmmc_tracker.web.artifacts.linking import choices, chosen_targets
from cmmc_tracker.web.artifacts.views import pages
from cmmc_tracker.web.undo import LINKS, TRASH, fields_of, said

# The acts, and what the page that asks for more is headed with; the others are done at once.
ASKED = {
    "link": "Link to objectives",
    "owner": "Set the owner",
    "reviewer": "Set the reviewer",
    "dates": "Set dates",
    "kind": "Set the kind",
    "retire": "Retire",
}
AT_ONCE = {"submit", "trash", "export"}
_GIVEN = {
    "owner": ("owner",),
    "reviewer": ("reviewer",),
    "kind": ("kind",),
    "dates": ("covers_from", "covers_until", "collected_on", "cadence"),
}
_COLUMNS = ("Number", "Title", "Kind", "State", "Objectives", "Covers from", "Covers until", "Collected on")
_MORE = ("Made anew", "Due on", "Owner", "Reviewer", "File", "SHA-256")


@pages.post("/artifacts/selection")
def act_on_selection() -> ResponseReturnValue:
    """Do one act to all chosen artifacts: first the page that asks what is needed for it, where something is."""
    form = request.form
    act = form.get("act", "")
    if act not in ASKED.keys() | AT_ONCE:
        raise Malformed("The form does not say what is to be done. Nothing was changed.")
    try:
        chosen = bulk.parse(form.getlist("chosen"))
    except Invalid as error:
        return _page(act, [], error.fields), 422
    if act == "export":
        return _export(chosen)
    if act in ASKED and form.get("sure") != "yes":
        return _page(act, chosen, {})
    try:
        return _DO[act if act not in _GIVEN else "edit"](act, chosen)
    except Invalid as error:
        return _page(act, chosen, error.fields), 422
    except Hindered as error:
        return _page(act, chosen, {}, error), 412 if error.stale else 409


def _page(act: str, chosen: Sequence[Chosen], errors: Mapping[str, str], hindered: Hindered | None = None) -> str:
    """What is chosen, and the fields that the act needs; what stands in the way, where something does."""
    with open_read() as work:
        found = bulk.shown(work, chosen)
        people = bulk.people_of(work, found) if act in {"owner", "reviewer"} else []
        breaks = _breaks(work, found) if act == "retire" else []
    return render_template(
        "artifacts/selection.html",
        room="artifacts",
        act=act,
        heading=ASKED.get(act, "Selection"),
        asked=act in ASKED,
        chosen=chosen,
        found=found,
        versions={one.id: one for one in chosen},
        people=people,
        breaks=breaks,
        errors=errors,
        hindered=hindered,
        hindering={one for one, _, _ in hindered.hindrances} if hindered else set(),
        typed=request.form,
        ticked=set(request.form.getlist("objectives")),
        systems=_systems(),
        linked=set(),
        back=_back(),
        **(choices(request.form.get("q", "")[:200], _level()) if act == "link" else {}),
    )


def _systems() -> list[Access]:
    return [one for one in actor().systems.values() if Right.CONTRIBUTE in one.rights]


def _level() -> int:
    """The level of the system that is chosen, or of the one that a form offers first."""
    slugs = [request.form.get("system", ""), *(one.slug for one in _systems())]
    return next((actor().systems[one].level for one in slugs if one in actor().systems), 2)


def _breaks(work: Work, found: Sequence[Artifact]) -> list[str]:
    """The objectives marked MET that would stand without approved evidence, were all of these retired."""
    return dependents.broken_without(work, [one.id for one in found])


def _back() -> str:
    return local_path(request.form.get("next", "")[:500] or url_for(".index"))


def _done(text: str) -> ResponseReturnValue:
    flash(text)
    return redirect(_back(), code=302)


def _link(_act: str, chosen: Sequence[Chosen]) -> ResponseReturnValue:
    targets = chosen_targets(system_for(actor(), request.form.get("system", "")))
    with open_write() as work:
        new = bulk.link(work, chosen, targets)
        fields = fields_of(LINKS, work) if new else {}
    text = f"{new:,} link{'' if new == 1 else 's'} made." if new else "All of them were linked there already."
    return said(text, fields, url_for(".index"))


def _edit(act: str, chosen: Sequence[Chosen]) -> ResponseReturnValue:
    form = request.form
    given: dict[str, Any] = {name: form[name] for name in _GIVEN[act] if form.get(name) or _clears(act, name)}
    with open_write() as work:
        bulk.edit(work, chosen, given)
    return _done(f"{_several(chosen)} changed.")


def _clears(act: str, name: str) -> bool:
    """Dates are left as they are where nothing is said; an empty person means nobody."""
    return act in {"owner", "reviewer"} and name in request.form


def _review(act: str, chosen: Sequence[Chosen]) -> ResponseReturnValue:
    with open_write() as work:
        bulk.review(work, chosen, Act(act))
    return _done(f"{_several(chosen)} {'handed in for review' if act == Act.SUBMIT else 'retired'}.")


def _trash(_act: str, chosen: Sequence[Chosen]) -> ResponseReturnValue:
    with open_write() as work:
        bulk.remove(work, chosen)
        fields = fields_of(TRASH, work)
    text = f"{_several(chosen)} put into the trash, to be restored for {trash.KEPT_DAYS} days."
    return said(text, fields, url_for(".index"))


def _several(chosen: Sequence[Chosen]) -> str:
    return "1 artifact was" if len(chosen) == 1 else f"{len(chosen):,} artifacts were"


_DO: Mapping[str, Callable[[str, Sequence[Chosen]], ResponseReturnValue]] = {
    "link": _link,
    "edit": _edit,
    "submit": _review,
    "retire": _review,
    "trash": _trash,
}


def _export(chosen: Sequence[Chosen]) -> Response:
    """The chosen artifacts as a CSV file, in which no cell is a formula."""
    with open_read() as work:
        found = bulk.shown(work, chosen)
    rows = [(*_COLUMNS, *_MORE), *map(_row, found)]
    response = Response("\ufeff" + "".join(cells.csv_lines(rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="artifacts.csv"'
    return response


def _row(one: Artifact) -> tuple[cells.Cell, ...]:
    days = (one.covers_from, one.covers_until, one.collected_on)
    return (
        *(one.id, one.title, one.kind.label, one.status.label, " ".join(str(link.objective) for link in one.links)),
        *(day.isoformat() if day else "" for day in days),
        *(one.cadence.label, one.due_on.isoformat() if one.due_on else "", one.owner, one.reviewer),
        "; ".join(file.filename or file.location for file in one.current.files),
        "; ".join(file.sha256 for file in one.current.files),
    )
