"""Systems and who works in them, for administrators."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate import session
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services import memberships
from cmmc_tracker.services.memberships import GRANTED, Wanted

pages = Blueprint("memberships", __name__, url_prefix="/admin/systems")


@pages.get("")
@session.admin_required
def index() -> ResponseReturnValue:
    """Every system with its people."""
    return _page()


def _page(at: int = 0, errors: Mapping[str, str] | None = None, given: Mapping[str, Any] | None = None) -> str:
    """`at` is the system whose form was refused."""
    with open_read() as work:
        found = memberships.all_systems(work)
    return render_template(
        "memberships/index.html",
        room="memberships",
        found=found,
        granted=GRANTED,
        at=at,
        errors=errors or {},
        given=given or {},
    )


@pages.post("/<int:system_id>/members")
@session.admin_required
def put(system_id: int) -> ResponseReturnValue:
    """Let somebody work in a system, or change with which rights."""
    form = request.form
    rights, given = form.getlist("rights"), {name: form.get(name, "") for name in ("person", "until")}
    try:
        with open_write() as work:
            wanted = Wanted.parse(given["person"], rights, given["until"], work.today)
            changed = memberships.put(work, system_id, wanted)
    except Invalid as error:
        return _page(system_id, error.fields, {**given, "rights": rights}), 422
    flash(f"{wanted.person}: {'saved' if changed else 'nothing was changed'}.")
    return redirect(url_for(".index", _anchor=f"system-{system_id}"), code=303)


@pages.post("/<int:system_id>/members/<int:user_id>/end")
@session.admin_required
def end(system_id: int, user_id: int) -> ResponseReturnValue:
    """Take somebody out of a system."""
    with open_write() as work:
        memberships.end(work, system_id, user_id)
    flash("Taken out. What they did there stays in its history.")
    return redirect(url_for(".index", _anchor=f"system-{system_id}"), code=303)
