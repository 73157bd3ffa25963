"""Systems and who works in them, for administrators."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate import session
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services import members, memberships
from cmmc_tracker.services.memberships import GRANTED, Staffed, Wanted

pages = Blueprint("memberships", __name__, url_prefix="/admin/systems")


@pages.get("")
@session.admin_required
def index() -> ResponseReturnValue:
    """Every system with its people; `?at=main&person=bo` opens that form with what bo may do there now."""
    return _page()


def _page(at: int = 0, errors: Mapping[str, str] | None = None, given: Mapping[str, Any] | None = None) -> str:
    """`at` is the system whose form was refused."""
    with open_read() as work:
        found, able = memberships.all_systems(work), members.able(work)
    if given is None:
        at, given = _asked(found)
    return render_template(
        "memberships/index.html",
        room="memberships",
        found=found,
        able=able,
        granted=GRANTED,
        at=at,
        errors=errors or {},
        given=given,
    )


def _asked(found: Sequence[Staffed]) -> tuple[int, Mapping[str, Any]]:
    """The system and the person that the address names, with what they may do there; 0 for none."""
    asked = request.args.get("at"), request.args.get("person")
    for one in found:
        for kept in one.people:
            if (one.slug, kept.name) == asked:
                until = kept.until.isoformat() if kept.until else ""
                return one.id, {"person": kept.name, "rights": kept.rights, "until": until}
    return 0, {}


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
