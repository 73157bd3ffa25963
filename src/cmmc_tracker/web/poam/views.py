"""The POA&M and the operational plan: one register, an item with its steps, closing it."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.plans import MOVES, Act, ItemKind, Milestone, Plan
from cmmc_tracker.errors import Conflict, Invalid, Malformed, NotFound, Stale, TrackerError
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.services import artifact_views, members
from cmmc_tracker.services.plans import closing, keeping, reading
from cmmc_tracker.web.system_room import system_room

pages = system_room("poam", __name__, "/poam")
FACTS = ("weakness", "resources", "owner", "planned_completion")
STEP_FIELDS = ("text", "due_on", "owner", "done_on")
SPARE_STEPS = 3
_TOLD = {
    Act.START: "The work on it goes on.",
    Act.READY: "It waits for a second person to close it.",
    Act.CLOSE: "The item is closed.",
    Act.REOPEN: "The item is open again.",
}


@pages.get("")
def index() -> ResponseReturnValue:
    """Both plans, narrowed by kind, state and words; what is NOT MET and has no plan; the 180 days."""
    args = request.args
    kind, state, text = args.get("kind", ""), args.get("state", ""), args.get("q", "")[:200]
    if kind not in {"", *ItemKind} or state not in {"", *reading.STATES}:
        raise NotFound("There is no such list of items.")
    with open_read() as work:
        found = reading.register(work, g.system)
    return render_template(
        "poam/index.html",
        room="poam",
        register=found,
        items=found.narrowed(kind=kind, state=state, text=text),
        kind=kind,
        state=state,
        text=text,
        may_edit=Right.CONTRIBUTE in g.system.rights,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "kinds": list(ItemKind),
        "states": reading.STATES,
        "Act": Act,
    }


@pages.get("/new")
def new() -> ResponseReturnValue:
    """The form for an item of one requirement, with what was noted of it as a first text."""
    allow(g.actor, Action.POAM_EDIT, g.system)
    asked = request.args.get("requirement", "")
    given: dict[str, Any] = {"requirement": asked, "kind": request.args.get("kind", ItemKind.POAM)}
    if asked:
        given["requirement"] = catalog.known_requirement(asked, g.system.level)
        with open_read() as work:
            given["weakness"] = reading.draft(work, g.system, given["requirement"])
    return _new(given, {})


def _new(given: Mapping[str, Any], errors: Mapping[str, str], barred: str = "") -> str:
    with open_read() as work:
        people = members.of_system(work, g.system.system_id)
    return render_template(
        "poam/new.html",
        room="poam",
        given=given,
        steps=_typed_steps() if request.form else [],
        spare=SPARE_STEPS,
        errors=errors,
        barred=barred,
        people=people,
        **_words(),
    )


def _typed_steps() -> list[dict[str, str]]:
    """The rows of milestones that the form carries; rows with nothing in them are left out."""
    columns = [request.form.getlist(f"step_{name}") for name in STEP_FIELDS]
    rows = [dict(zip(STEP_FIELDS, values, strict=True)) for values in zip_longest(*columns, fillvalue="")]
    return [row for row in rows if any(value.strip() for value in row.values())]


def _given() -> dict[str, Any]:
    form = request.form
    given: dict[str, Any] = {name: form[name] for name in FACTS if name in form}
    if "kind" in form:
        given["operational"] = form["kind"] == ItemKind.OPERATIONAL
    if "step_text" in form:
        given["milestones"] = _typed_steps()
    return given


@pages.post("")
def add() -> ResponseReturnValue:
    """Put a requirement on a plan."""
    allow(g.actor, Action.POAM_EDIT, g.system)
    given = {**_given(), "requirement": request.form.get("requirement", "")}
    try:
        with open_write() as work:
            made = keeping.add(work, g.system, given)
    except Invalid as error:
        return _new(request.form, error.fields), 422
    except Conflict as error:
        return _new(request.form, {"requirement": error.message}, barred=given["requirement"]), 409
    flash("The item is on the plan.")
    return redirect(url_for(".show", item_id=made), code=302)


@pages.get("/<int:item_id>")
def show(item_id: int) -> ResponseReturnValue:
    """One item."""
    return _page(item_id)


def _page(
    item_id: int,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        found = reading.detail(work, g.system, item_id)
        people = members.of_system(work, g.system.system_id)
        may_close = closing.may_close(work, g.system)
        evidence = artifact_views.of_requirement(work, g.system.system_id, found.item.requirement.id)
    item = found.item
    is_edit = typed is not None and "weakness" in typed
    return render_template(
        "poam/show.html",
        room="poam",
        found=found,
        item=item,
        now=typed if is_edit else _now(item.plan),
        steps=_typed_steps() if is_edit else [_step(one) for one in item.plan.milestones],
        spare=SPARE_STEPS,
        acts={act for status, act in MOVES if status is item.status},
        people=people,
        evidence=sorted(evidence.items()),
        may_edit=Right.CONTRIBUTE in g.system.rights,
        may_close=may_close,
        errors=errors or {},
        typed=typed or {},
        is_edit=is_edit,
        stale=stale,
        **_words(),
    )


def _now(plan: Plan) -> dict[str, Any]:
    return {**{name: getattr(plan, name) or "" for name in FACTS}, "kind": plan.kind}


def _step(step: Milestone) -> dict[str, Any]:
    return {name: getattr(step, name) or "" for name in STEP_FIELDS}


def _refused(item_id: int, error: TrackerError) -> ResponseReturnValue:
    """The page again, with what was typed and why it was not taken."""
    if isinstance(error, Stale):
        return _page(item_id, {}, request.form, stale=True), 412
    fields = error.fields if isinstance(error, Invalid) else {"item": error.message}
    return _page(item_id, fields, request.form), STATUS[type(error)]


@pages.post("/<int:item_id>")
def edit(item_id: int) -> ResponseReturnValue:
    """Change what it says, and its steps; or move it to the other plan."""
    try:
        with open_write() as work:
            keeping.edit(work, g.system, item_id, _given(), form_version())
    except (Invalid, Conflict, Stale) as error:
        return _refused(item_id, error)
    flash("Saved.")
    return redirect(url_for(".show", item_id=item_id), code=302)


@pages.post("/<int:item_id>/act")
def move(item_id: int) -> ResponseReturnValue:
    """Move it on: started, ready, closed by a second person, open again."""
    wanted = request.form.get("act", "")
    if wanted not in set(Act):
        raise Malformed("This form is not whole; reload the page.")
    note = request.form.get("closing_note", "")
    try:
        with open_write() as work:
            closing.act(work, g.system, item_id, Act(wanted), form_version(), note=note)
    except (Invalid, Conflict, Stale) as error:
        return _refused(item_id, error)
    flash(_TOLD[Act(wanted)])
    return redirect(url_for(".show", item_id=item_id), code=302)


@pages.post("/<int:item_id>/reviews")
def review(item_id: int) -> ResponseReturnValue:
    """Record how it gets on."""
    try:
        with open_write() as work:
            keeping.review(work, g.system, item_id, request.form, form_version())
    except (Invalid, Conflict, Stale) as error:
        return _refused(item_id, error)
    flash("The review is recorded.")
    return redirect(url_for(".show", item_id=item_id, _anchor="reviews"), code=302)


@pages.post("/<int:item_id>/remove")
def remove(item_id: int) -> ResponseReturnValue:
    """Take it away."""
    try:
        with open_write() as work:
            keeping.remove(work, g.system, item_id, form_version())
    except (Conflict, Stale) as error:
        return _refused(item_id, error)
    flash("The item is removed. What it said stands in the audit log.")
    return redirect(url_for(".index"), code=302)
