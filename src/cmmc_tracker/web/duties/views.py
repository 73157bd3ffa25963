"""My work, and the calendar of what falls due."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.freshness import months_after
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import duties, remarks
from cmmc_tracker.services.duties import DueArtifact

pages = Blueprint("duties", __name__)
MONTHS = 12


@pages.get("/my-work")
def mine() -> ResponseReturnValue:
    """What waits for the person."""
    with open_read() as work:
        found = duties.mine(work)
    return render_template("duties/mine.html", room="duties", work=found)


@pages.get("/calendar")
def calendar() -> ResponseReturnValue:
    """What falls due in the next twelve months, and what will be stale on the day of an assessment."""
    today = installation().tracker.clock().date()
    wanted, problem = _assessment()
    with open_read() as work:
        found = duties.calendar(work, months_after(today, MONTHS))
        stale = duties.stale_on(work, wanted) if wanted else []
    overdue = [one for one in found if one.due_on and one.due_on < today]
    return render_template(
        "duties/calendar.html",
        room="calendar",
        overdue=overdue,
        months=_months(found[len(overdue) :]),
        today=today,
        wanted=wanted,
        typed=request.args.get("assessment", "")[:40],
        problem=problem,
        stale=stale,
    ), (422 if problem else 200)


def _assessment() -> tuple[date | None, str]:
    try:
        return parse_day(request.args.get("assessment", "")), ""
    except ValueError as error:
        return None, str(error)


def _months(due: Sequence[DueArtifact]) -> list[tuple[date, list[DueArtifact]]]:
    """By the first day of their month."""
    first = [(one.due_on.replace(day=1), one) for one in due if one.due_on]
    return [(month, [one for _, one in group]) for month, group in groupby(first, key=lambda pair: pair[0])]


@pages.post("/remarks/<int:remark_id>/settle")
def settle(remark_id: int) -> ResponseReturnValue:
    """Close a question."""
    with open_write() as work:
        remarks.settle(work, remark_id)
    flash("The question is settled.")
    return redirect(local_path(request.form.get("next") or url_for(".mine")), code=302)
