"""My work, and the calendar of what falls due."""

from collections.abc import Mapping, Sequence
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.freshness import months_after
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import duties, handover, members, remarks, status_dates
from cmmc_tracker.services.duties import DueArtifact
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.requests.reading import DueRound

pages = Blueprint("duties", __name__)
MONTHS = 12


@pages.get("/my-work")
def mine() -> ResponseReturnValue:
    """What waits for the person."""
    return _mine({})


def _mine(errors: Mapping[str, str]) -> str:
    me = actor()
    with open_read() as work:
        found = duties.mine(work)
        people = {one.name for home in me.systems.values() for one in members.of_system(work, home.system_id)}
    others = sorted(people - {me.name}, key=str.casefold)
    today = installation().tracker.today
    return render_template("duties/mine.html", room="duties", work=found, people=others, errors=errors, today=today)


@pages.get("/my-work/hand-over")
def preview_hand_over() -> ResponseReturnValue:
    """What of one's duties would go to somebody, and what would stay."""
    return _preview(request.args.get("to", ""), {}, 200)


def _preview(to: str, errors: Mapping[str, str], status: int, *, stale: str = "") -> tuple[str, int]:
    try:
        with open_read() as work:
            found = handover.preview_own(work, to)
    except Invalid as error:
        return _mine(error.fields), 422
    page = render_template(
        "duties/hand_over.html",
        room="duties",
        found=found,
        kinds=handover.KINDS,
        action=url_for(".hand_over"),
        back=url_for(".mine"),
        given=request.form,
        errors=errors,
        stale=stale,
    )
    return page, status


@pages.post("/my-work/hand-over")
def hand_over() -> ResponseReturnValue:
    """Hand all of one's open duties to somebody else."""
    form = request.form
    to, title = form.get("to", ""), form.get("title", "")
    try:
        with open_write() as work:
            done = handover.hand_over_own(work, to, title=title, seen=form_version())
    except Invalid as error:
        return _preview(to, error.fields, 422) if "title" in error.fields else (_mine(error.fields), 422)
    except Stale as error:
        return _preview(to, {}, 412, stale=error.message)
    flash(done.said)
    return redirect(url_for(".mine"), code=302)


@pages.get("/calendar")
def calendar() -> ResponseReturnValue:
    """What falls due in the next twelve months, and what will be stale on the day of an assessment."""
    today = installation().tracker.today
    wanted, problem = _assessment()
    with open_read() as work:
        found = duties.calendar(work, months_after(today, MONTHS))
        stale = duties.stale_on(work, wanted) if wanted else []
        asked = reading.due_rounds(work, months_after(today, MONTHS))
        dates = status_dates.of_my_systems(work)
    overdue = [one for one in found if one.due_on and one.due_on < today]
    missed = [one for one in asked if one.due_on < today]
    return render_template(
        "duties/calendar.html",
        room="calendar",
        overdue=overdue,
        missed=missed,
        dates=[one for one in dates if one.date.last_day <= months_after(today, MONTHS)],
        months=_months(found[len(overdue) :], asked[len(missed) :]),
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


def _months(
    due: Sequence[DueArtifact], asked: Sequence[DueRound]
) -> list[tuple[date, list[DueArtifact], list[DueRound]]]:
    """By the first day of their month: evidence that falls due, and what is asked for."""
    months: dict[date, tuple[list[DueArtifact], list[DueRound]]] = {}
    for one in due:
        if one.due_on:
            months.setdefault(one.due_on.replace(day=1), ([], []))[0].append(one)
    for known in asked:
        months.setdefault(known.due_on.replace(day=1), ([], []))[1].append(known)
    return [(month, *months[month]) for month in sorted(months)]


@pages.post("/remarks/<int:remark_id>/settle")
def settle(remark_id: int) -> ResponseReturnValue:
    """Close a question."""
    with open_write() as work:
        remarks.settle(work, remark_id)
    flash("The question is settled.")
    return redirect(local_path(request.form.get("next") or url_for(".mine")), code=302)
