"""The plan as one long document, and writing it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.domain.plan_document import Document, SectionName, section_of
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Invalid, Malformed, Stale
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import assessment
from cmmc_tracker.services.ssp import naming, reading, versions, writing
from cmmc_tracker.web.references import plan_text, things
from cmmc_tracker.web.system_room import system_room

pages = system_room("ssp", __name__)


def may_write() -> bool:
    """Whether the person may write the plan."""
    return Right.CONTRIBUTE in g.system.rights


def was_changed(field: str) -> bool:
    """Whether a person changed a field of a form that has many: what they left alone is not written anew."""
    before = request.form.get(f"was-{field}")
    return before is None or clean_text(request.form.get(field, "")) != clean_text(before)


def shown(document: Document) -> dict[str, Any]:
    """What the template of a document needs, be it today's or a version's."""
    known = catalog.load(g.system.level)
    by_family = [(f, [one for one in document.requirements if one.family == f.code]) for f in known.families]
    by_category = [
        (label, [one for one in document.assets if one.category == value])
        for value, label in [*((one.value, f"{one.label}s") for one in AssetCategory), ("", "Without a category")]
    ]
    return {
        "document": document,
        "families": by_family,
        "assets": [(label, found) for label, found in by_category if found],
        "known": things(g.system.slug, document.references()),
        "plan_text": plan_text,
        "objective": known.objective,
        "asks_plan": Status.NOT_MET,
    }


@pages.get("/ssp")
def show() -> ResponseReturnValue:
    """The plan of today."""
    return _show()


def _show(
    errors: Mapping[str, str] | None = None, typed: Mapping[str, Any] | None = None, *, stale: bool = False
) -> str:
    with open_read() as work:
        document = reading.document(work, g.system)
        review = reading.review(work, g.system)
        made = versions.listed(work, g.system)
    return render_template(
        "ssp/show.html",
        room="ssp",
        review=review,
        newest=made[0] if made else None,
        approved=next((one for one in made if one.approved_at), None),
        errors=errors or {},
        typed=typed,
        stale=stale,
        today=datetime.now(UTC).date(),
        may_write=may_write(),
        **shown(document),
    )


@pages.post("/ssp/review")
def review() -> ResponseReturnValue:
    """Record that the plan was reviewed as a whole, and how often it is."""
    form = request.form
    try:
        with open_write() as work:
            writing.reviewed(work, g.system, form.get("reviewed_on", ""), form.get("months", ""), form_version())
    except Invalid as error:
        return _show(error.fields, form), 422
    except Stale:
        return _show({}, form, stale=True), 412
    flash("The review is recorded.")
    return redirect(url_for(".show", _anchor="review"), code=302)


@pages.get("/ssp/sections/<which>")
def section(which: str) -> ResponseReturnValue:
    """One section, to be written."""
    return _section(section_of(which))


def _section(
    name: SectionName, typed: str | None = None, errors: Mapping[str, str] | None = None, *, stale: bool = False
) -> str:
    with open_read() as work:
        now = reading.section(work, g.system, name)
        found = _found(work)
        names = reading.named_in(work, g.system, now.text)
    return render_template(
        "ssp/section.html",
        room="ssp",
        section=name,
        now=now,
        typed=typed,
        errors=errors or {},
        stale=stale,
        found=found,
        may_write=may_write(),
        known=things(g.system.slug, names),
        plan_text=plan_text,
    )


def _found(work: Any) -> list[naming.Found] | None:
    """What a search for something to refer to found; None where nobody searched."""
    text = request.form.get("find", "")[:200] if request.form.get("act") == "find" else None
    return None if text is None else naming.search(work, g.system, text)


@pages.post("/ssp/sections/<which>")
def write_section(which: str) -> ResponseReturnValue:
    """Write a section; a search for something to refer to saves nothing, and keeps what was typed."""
    name, text = section_of(which), request.form.get("text", "")
    if request.form.get("act") == "find":
        return _section(name, text)
    try:
        with open_write() as work:
            writing.write_section(work, g.system, name, text, form_version())
    except Invalid as error:
        return _section(name, text, error.fields), 422
    except Stale:
        return _section(name, text, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".show", _anchor=name), code=302)


@pages.get("/ssp/references")
def references() -> ResponseReturnValue:
    """Find something to refer to: the part of a page for a script, a page of its own for people."""
    text = request.args.get("find", "")[:200]
    with open_read() as work:
        found = naming.search(work, g.system, text)
    template = "ssp/found.html" if request.headers.get("X-Part") else "ssp/references.html"
    return render_template(template, room="ssp", found=found, text=text)


@pages.get("/ssp/requirements/<requirement>")
def by_objective(requirement: str) -> ResponseReturnValue:
    """The texts of a requirement's objectives, to be written."""
    canonical = catalog.known_requirement(requirement)
    if canonical != requirement:
        return redirect(url_for(".by_objective", requirement=canonical), code=302)
    return _by_objective(canonical)


def _by_objective(
    requirement: str,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        state = assessment.one(work, g.system, requirement)
        texts = reading.objective_texts(work, g.system, requirement)
        found = _found(work)
        all_texts = [state.implementation.narrative, *(one.text for one in texts.values())]
        names = reading.named_in(work, g.system, *all_texts)
    return render_template(
        "ssp/objectives.html",
        room="requirements",
        state=state,
        texts=texts,
        nothing=reading.NOTHING,
        typed=typed,
        errors=errors or {},
        stale=stale,
        found=found,
        may_write=may_write(),
        known=things(g.system.slug, names),
        plan_text=plan_text,
    )


@pages.post("/ssp/requirements/<requirement>")
def describe(requirement: str) -> ResponseReturnValue:
    """Write how the objectives of a requirement are met: all that were sent, or none."""
    canonical, form = catalog.known_requirement(requirement), request.form
    letters = [one.letter for one in catalog.load(g.system.level).requirement(canonical).objectives]
    typed = {letter: form[f"text-{letter}"] for letter in letters if f"text-{letter}" in form}
    if form.get("act") == "find":
        return _by_objective(canonical, typed)
    if not typed:
        raise Malformed("This form is not whole; reload the page.")
    mine = {letter: text for letter, text in typed.items() if was_changed(f"text-{letter}")}
    seen = {letter: form_version(f"version-{letter}") for letter in mine}
    try:
        with open_write() as work:
            writing.describe(work, g.system, canonical, mine, seen)
    except Invalid as error:
        return _by_objective(canonical, typed, error.fields), 422
    except Stale:
        return _by_objective(canonical, typed, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".by_objective", requirement=canonical), code=302)
