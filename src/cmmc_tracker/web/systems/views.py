"""Making a system: one for each assessment scope, at the level that its contracts ask for."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate.doors import open_write
from cmmc_tracker.services import systems

pages = Blueprint("systems", __name__)


@pages.get("/systems/new")
def new() -> ResponseReturnValue:
    """The form for another system."""
    return _form({})


def _form(errors: dict[str, str]) -> str:
    given = {"name": request.form.get("name", ""), "level": request.form.get("level", "2")}
    return render_template("systems/new.html", room="systems", levels=catalog.LEVELS, given=given, errors=errors)


@pages.post("/systems/new")
def create() -> ResponseReturnValue:
    """Make the system, with nothing assessed."""
    levels = {str(one): one for one in catalog.LEVELS}
    try:
        with open_write() as work:
            # What is no level is refused there, with the name.
            made = systems.create(work, request.form.get("name", ""), levels.get(request.form.get("level", ""), 0))
    except Invalid as error:
        return _form(error.fields), 422
    flash(f"{made.name} is made: Level {made.level}, nothing assessed yet.")
    return redirect(url_for("requirements.index", slug=made.slug), code=302)
