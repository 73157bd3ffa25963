"""One's own account: password, sessions, API tokens, and the way to the second factor."""

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate import session
from cmmc_tracker.gate.doors import actor, address, installation, open_read, open_write
from cmmc_tracker.gate.forms import confirm_password
from cmmc_tracker.services import accounts, second_factor, sessions, tokens
from cmmc_tracker.services.limits import PASSWORD_CHANGE
from cmmc_tracker.services.tokens import Wanted

pages = Blueprint("profile", __name__)


@pages.get("/profile")
def show() -> ResponseReturnValue:
    """One's own account."""
    return _page()


def _page(errors: dict[str, str] | None = None, given: Any = None, made: str = "") -> str:
    with open_read() as work:
        own = sessions.of_actor(work)
        own_tokens = tokens.own(work)
        factor = second_factor.state(work)
        mail = accounts.own_mail(work)
    return render_template(
        "profile/show.html",
        sessions=own,
        current=g.session_id,
        tokens=own_tokens,
        factor=factor,
        mail=mail,
        errors=errors or {},
        given=given or {},
        made=made,
    )


@pages.post("/profile/password")
def change_password() -> ResponseReturnValue:
    """Change one's own password; all sessions end, so one signs in again with the new one."""
    here, form = installation(), request.form
    place = here.limiter.take(PASSWORD_CHANGE, str(actor().id))
    try:
        accounts.change_own_password(
            here.tracker,
            actor(),
            address(),
            old=form.get("old_password", ""),
            new=form.get("new_password", ""),
            repeat=form.get("password_repeat", ""),
        )
    except Invalid as error:
        if "old_password" in error.fields:
            place.settle()
        else:
            place.give_back()
        return _page(error.fields), 422
    place.give_back()
    session.end()
    flash("Your password is changed and all your sessions have ended. Please sign in with the new password.")
    return redirect(url_for("accounts.login"), code=302)


@pages.post("/profile/mail")
def set_mail() -> ResponseReturnValue:
    """Set where one's own reminders go."""
    try:
        with open_write() as work:
            accounts.set_own_mail(work, request.form.get("mail", ""))
    except Invalid as error:
        return _page(error.fields, request.form), 422
    flash("Saved.")
    return redirect(url_for(".show"), code=302)


@pages.post("/profile/sessions/<int:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions."""
    with open_write() as work:
        sessions.end_own(work, session_id)
    if session_id == g.session_id:
        session.end()
        return redirect(url_for("accounts.login"), code=302)
    flash("The session has ended.")
    return redirect(url_for(".show"), code=302)


@pages.post("/profile/tokens")
def make_token() -> ResponseReturnValue:
    """Make an API token; it is in this one answer and nowhere else."""
    form = request.form
    try:
        wanted = Wanted.parse(form.get("token_name", ""), form.get("scope", ""), form.get("days", ""))
        confirm_password()
        with open_write() as work:
            made = tokens.make(work, wanted)
    except Invalid as error:
        return _page(error.fields, form), 422
    except Conflict as error:
        return _page({"token_name": error.message}, form), 409
    return _page(made=made)


@pages.post("/profile/tokens/<int:token_id>/revoke")
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End one of one's own tokens."""
    with open_write() as work:
        tokens.revoke(work, token_id)
    flash("The token is revoked: whatever used it is turned away from now on.")
    return redirect(url_for(".show"), code=302)
