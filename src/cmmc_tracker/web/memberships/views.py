"""Systems and who works in them, for administrators."""

from collections.abc import Mapping

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services import memberships, systems
from cmmc_tracker.services.memberships import GRANTED, Wanted

pages = Blueprint("memberships", __name__, url_prefix="/admin/systems")
LEVELS = (1, 2, 3)


@pages.get("")
def index() -> ResponseReturnValue:
    """Every system with its people, and the form for a new one."""
    return _page()


def _page(at: int = 0, errors: Mapping[str, str] | None = None, given: Mapping[str, str] | None = None) -> str:
    """`at` is the system whose form was refused, 0 for the one that makes a system."""
    with open_read() as work:
        found = memberships.all_systems(work)
    return render_template(
        "memberships/index.html",
        room="memberships",
        found=found,
        granted=GRANTED,
        levels=LEVELS,
        at=at,
        errors=errors or {},
        given=given or {},
    )


@pages.post("")
def make() -> ResponseReturnValue:
    """Make a system with nothing assessed; who makes it works in it."""
    name, level = request.form.get("name", ""), request.form.get("level", "")
    try:
        with open_write() as work:
            made = systems.create(work, name, int(level) if level in {str(one) for one in LEVELS} else 0)
    except Invalid as error:
        return _page(0, error.fields, {"name": name, "level": level}), 422
    flash(f"{made.name} is there, with nothing assessed yet.")
    return redirect(url_for(".index"), code=303)


@pages.post("/<int:system_id>/members")
def put(system_id: int) -> ResponseReturnValue:
    """Let somebody work in a system, or change with which rights."""
    form = request.form
    given = {"person": form.get("person", ""), "until": form.get("until", "")}
    try:
        with open_write() as work:
            wanted = Wanted.parse(given["person"], form.getlist("rights"), given["until"], work.now.date())
            changed = memberships.put(work, system_id, wanted)
    except Invalid as error:
        return _page(system_id, error.fields, given), 422
    flash(f"{wanted.person}: {'saved' if changed else 'nothing was changed'}.")
    return redirect(url_for(".index", _anchor=f"system-{system_id}"), code=303)


@pages.post("/<int:system_id>/members/<int:user_id>/end")
def end(system_id: int, user_id: int) -> ResponseReturnValue:
    """Take somebody out of a system."""
    with open_write() as work:
        memberships.end(work, system_id, user_id)
    flash("Taken out. What they did there stays in its history.")
    return redirect(url_for(".index", _anchor=f"system-{system_id}"), code=303)
