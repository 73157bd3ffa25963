"""The plan's versions: making one, looking at one, approving, comparing."""

from collections.abc import Mapping
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.plan_document import Document, SectionName, differences
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services.ssp import reading, versions
from cmmc_tracker.services.ssp.contradictions import found as found_contradictions
from cmmc_tracker.services.work import Work
from cmmc_tracker.web.ssp.views import may_write, pages, shown

TODAY = "today"


@pages.get("/ssp/versions")
def versions_index() -> ResponseReturnValue:
    """The versions, and making one."""
    return _index()


def _index(errors: Mapping[str, str] | None = None, typed: Mapping[str, Any] | None = None) -> str:
    with open_read() as work:
        made = versions.listed(work, g.system)
    return render_template(
        "ssp/versions.html", room="ssp", versions=made, errors=errors or {}, typed=typed or {}, may_write=may_write()
    )


@pages.post("/ssp/versions")
def make_version() -> ResponseReturnValue:
    """Keep the plan of today as a version."""
    try:
        with open_write() as work:
            number = versions.make(work, g.system, request.form.get("note", ""))
    except Invalid as error:
        return _index(error.fields, request.form), 422
    except Conflict as error:
        return _index({"note": error.message}, request.form), 409
    flash(f"Version {number} is kept as the plan stands now. Somebody who may approve looks at it next.")
    return redirect(url_for(".version", number=number), code=302)


@pages.get("/ssp/versions/<int:number>")
def version(number: int) -> ResponseReturnValue:
    """One version as it stood; nothing in it changes any more."""
    with open_read() as work:
        kept = versions.one(work, g.system, number)
        may = versions.may_approve(work, g.system, kept.version)
    return render_template("ssp/version.html", room="ssp", kept=kept, may_approve=may, **shown(kept.document))


@pages.post("/ssp/versions/<int:number>/approve")
def approve_version(number: int) -> ResponseReturnValue:
    """Approve a version."""
    with open_write() as work:
        versions.approve(work, g.system, number)
    flash(f"Version {number} is approved.")
    return redirect(url_for(".version", number=number), code=302)


@pages.get("/ssp/compare")
def compare() -> ResponseReturnValue:
    """Two versions, or one and today's plan, part by part."""
    with open_read() as work:
        made = versions.listed(work, g.system)
        if not made:
            raise NotFound("The plan has no version yet, so there is nothing to compare.")
        first = request.args.get("from", str(made[0].number))
        second = request.args.get("to", TODAY)
        found = differences(_document(work, first), _document(work, second))
    return render_template(
        "ssp/compare.html", room="ssp", versions=made, first=first, second=second, today=TODAY, found=found
    )


def _document(work: Work, which: str) -> Document:
    if which == TODAY:
        return reading.document(work, g.system)
    if not (which.isascii() and which.isdecimal() and len(which) < 10):
        raise NotFound("The plan has no such version.")
    return versions.one(work, g.system, int(which)).document


@pages.get("/ssp/contradictions")
def contradictions() -> ResponseReturnValue:
    """Where the plan says one thing and the records another."""
    with open_read() as work:
        found = found_contradictions(work, g.system)
    labels = {name.value: name.label for name in SectionName}
    return render_template("ssp/contradictions.html", room="ssp", found=found, labels=labels)
