"""The CMMC Status of a system: what was recorded, what is supported now, recording, affirming."""

from collections.abc import Mapping

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.recording import RECORDING, AffirmationGiven, StatusGiven
from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services import assessment, assignments, statuses
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.web.system_room import system_room

pages = system_room("status", __name__, "/status")
_FIELDS = ("act", "kind", "status_on", "uid", "assessor", "scope", "package")


@pages.get("")
def show() -> ResponseReturnValue:
    """Recorded and current, side by side."""
    return _page()


def _page(
    form: str = "", errors: Mapping[str, str] | None = None, given: Mapping[str, str] | None = None, refused: str = ""
) -> str:
    """`form` is the one that was refused: `record` or `affirm`."""
    with open_read() as work:
        record = statuses.of(work, g.system)
        picture = assessment.picture(work, g.system)
        official = assignments.of(work, g.system).official
        brief = statuses.briefing(work, g.system)
        listed = packages.listed(work, g.system)
    return render_template(
        "status/show.html",
        room="status",
        record=record,
        score=picture.score,
        brief=brief,
        packages=listed,
        by_id={one.id: one for one in listed},
        official=official,
        is_official=official is not None and official.user_id == g.actor.id,
        kinds=[kind for kind in AssessmentKind if kind.level == g.system.level],
        acts=RECORDING if g.system.level > 1 else RECORDING[1:2],
        may_record=Right.APPROVE in g.system.rights,
        form=form,
        errors=errors or {},
        given=given or {},
        refused=refused,
    )


@pages.post("")
def record() -> ResponseReturnValue:
    """Record a status that stands in SPRS."""
    allow(g.actor, Action.STATUS_RECORD, g.system)
    given = {name: request.form.get(name, "") for name in _FIELDS}
    try:
        with open_write() as work:
            wanted = StatusGiven.parse(given, g.system.level, work.today)
            statuses.record(work, g.system, wanted)
    except Invalid as error:
        return _page("record", error.fields, given), 422
    except Conflict as error:
        return _page("record", given=given, refused=_told(error)), 409
    flash("Recorded. It stands beside what is found from now on, and no later finding changes it.")
    return redirect(url_for(".show", slug=g.slug), code=303)


@pages.post("/affirmations")
def affirm() -> ResponseReturnValue:
    """Record an affirmation that the official submitted."""
    with open_read() as work:
        statuses.official_of(work, g.system)
    given = {name: request.form.get(name, "") for name in ("affirmed_on", "package", "submitted")}
    try:
        with open_write() as work:
            statuses.affirm(work, g.system, AffirmationGiven.parse(given, work.today))
    except Invalid as error:
        return _page("affirm", error.fields, given), 422
    except Conflict as error:
        return _page("affirm", given=given, refused=_told(error)), 409
    flash("The affirmation is recorded, with the page that you had before you.")
    return redirect(url_for(".show", slug=g.slug), code=303)


def _told(error: Conflict) -> str:
    return f"{error.message} ({error.clause})" if error.clause else error.message
