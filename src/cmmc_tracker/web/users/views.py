"""The accounts, for administrators."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.accounts import parse_role
from cmmc_tracker.domain.permissions import Organization
from cmmc_tracker.errors import Conflict, Invalid, Stale
from cmmc_tracker.gate import session
from cmmc_tracker.gate.doors import actor, address, installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import accounts, handover, second_factor
from cmmc_tracker.services.work import Work

pages = Blueprint("users", __name__, url_prefix="/admin/users")


@pages.get("")
@session.admin_required
def index() -> ResponseReturnValue:
    """All accounts."""
    return _page({}, {})


def _page(errors: dict[str, str], given: Any) -> str:
    with open_read() as work:
        everyone = accounts.everyone(work)
        duties = handover.open_duties(work, [one.id for one in everyone])
    shown = {"accounts": everyone, "duties": duties, "organizations": list(Organization)}
    return render_template("users/index.html", **shown, errors=errors, given=given)


@pages.post("")
@session.admin_required
def add() -> ResponseReturnValue:
    """Make an account."""
    form = request.form
    try:
        name, password, role = (form.get(field, "") for field in ("username", "password", "role"))
        who = accounts.candidate(name, password, role, form.get("organization", Organization.OURS))
        with open_write() as work:
            accounts.create(work, who)
    except Invalid as error:
        return _page(error.fields, form), 422
    flash(f"{who.name} can sign in now.")
    return redirect(url_for(".index"), code=302)


def _set_role(work: Work, user_id: int) -> None:
    accounts.set_role(work, user_id, parse_role(request.form.get("role", "")))


# What an administrator may do to somebody's account, by its word in the address.
_ACTS: dict[str, tuple[Callable[[Work, int], None], str]] = {
    "disable": (accounts.disable, "Disabled: all sessions have ended, and nobody signs in by this account."),
    "enable": (accounts.enable, "Enabled: the person can sign in again."),
    "role": (_set_role, "The role is changed, and the person's sessions have ended."),
    "delete": (accounts.remove, "Deleted. The audit log and the evidence still name the person."),
    "second-factor": (second_factor.reset, "The second factor is reset, and the person's sessions have ended."),
}


@pages.post("/<int:user_id>/<any(disable, enable, role, delete, 'second-factor'):act>")
@session.admin_required
def change(user_id: int, act: str) -> ResponseReturnValue:
    """Disable, enable, delete an account, change its role, reset its second factor."""
    done, said = _ACTS[act]
    try:
        with open_write() as work:
            done(work, user_id)
    except Invalid as error:
        return _page({f"{name}-{user_id}": text for name, text in error.fields.items()}, {}), 422
    except Conflict as error:
        return _page({f"role-{user_id}": error.message}, {}), 409
    flash(said)
    return redirect(url_for(".index"), code=302)


@pages.get("/<int:user_id>/hand-over")
@session.admin_required
def preview_hand_over(user_id: int) -> ResponseReturnValue:
    """What of somebody's duties would go to somebody else, and what would stay."""
    return _preview(user_id, request.args.get("to", ""), {}, 200)


def _preview(user_id: int, to: str, errors: dict[str, str], status: int, *, stale: str = "") -> tuple[str, int]:
    try:
        with open_read() as work:
            found = handover.preview_of(work, user_id, to)
    except Invalid as error:
        return _page({f"{name}-{user_id}": text for name, text in error.fields.items()}, {}), 422
    page = render_template(
        "duties/hand_over.html",
        found=found,
        kinds=handover.KINDS,
        action=url_for(".hand_over", user_id=user_id),
        back=url_for(".index"),
        given=request.form,
        errors=errors,
        stale=stale,
    )
    return page, status


@pages.post("/<int:user_id>/hand-over")
@session.admin_required
def hand_over(user_id: int) -> ResponseReturnValue:
    """Hand somebody's open duties to somebody else, before or after the account is disabled."""
    form = request.form
    to, title = form.get("to", ""), form.get("title", "")
    try:
        with open_write() as work:
            done = handover.hand_over_of(work, user_id, to, title=title, seen=form_version())
    except Invalid as error:
        if "title" in error.fields:
            return _preview(user_id, to, dict(error.fields), 422)
        return _page({f"{name}-{user_id}": text for name, text in error.fields.items()}, {}), 422
    except Stale as error:
        return _preview(user_id, to, {}, 412, stale=error.message)
    flash(done.said)
    return redirect(url_for(".index"), code=302)


@pages.post("/<int:user_id>/password")
@session.admin_required
def reset_password(user_id: int) -> ResponseReturnValue:
    """Set a new password for somebody."""
    try:
        accounts.reset_password(installation().tracker, actor(), address(), user_id, request.form.get("password", ""))
    except Invalid as error:
        return _page({f"{name}-{user_id}": text for name, text in error.fields.items()}, {}), 422
    except Conflict as error:
        return _page({f"role-{user_id}": error.message}, {}), 409
    flash("The password is set; the person's sessions have ended and the API tokens are revoked.")
    return redirect(url_for(".index"), code=302)
