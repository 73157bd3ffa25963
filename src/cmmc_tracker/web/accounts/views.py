"""Signing in and out, the first set-up, one's own profile, and the accounts that administrators keep."""

from typing import Any

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.accounts import check_password, parse_role
from cmmc_tracker.errors import Conflict, Invalid, NotSignedIn, TooMany
from cmmc_tracker.gate import session
from cmmc_tracker.gate.doors import actor, address, installation, open_read, open_write, visitor
from cmmc_tracker.services import accounts, logins, passwords, sessions
from cmmc_tracker.services.limits import PASSWORD_CHANGE

pages = Blueprint("accounts", __name__)


@pages.get("/login")
def login() -> ResponseReturnValue:
    """The sign-in form; who is signed in already goes on."""
    if g.actor is not None:
        return redirect(session.local_path(request.args.get("next")), code=302)
    return render_template("accounts/login.html", name="", problem="")


@pages.post("/login", endpoint="sign_in")
def sign_in() -> ResponseReturnValue:
    """Check name and password; on success go where the person wanted to go."""
    here = installation()
    name = request.form.get("username", "")
    try:
        token = logins.sign_in(here.tracker, here.limiter, visitor(), name, request.form.get("password", ""))
    except (NotSignedIn, TooMany) as error:
        status = 429 if isinstance(error, TooMany) else 401
        response = make_response(render_template("accounts/login.html", name=name[:200], problem=error.message), status)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
    session.begin(token)
    return redirect(session.local_path(request.args.get("next")), code=302)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session, here and in the database."""
    with open_write() as work:
        sessions.sign_out(work, g.session_id)
    session.end()
    return redirect(url_for("accounts.login"), code=302)


@pages.route("/setup/<token>", methods=["GET", "POST"])
def set_up(token: str) -> ResponseReturnValue:
    """The first administrator, by the one-time link that the start printed."""
    here = installation()
    logins.check_setup_link(here.tracker, here.limiter, visitor(), token)
    form = request.form
    if request.method == "GET":
        return render_template("accounts/set_up.html", name="", errors={})
    name, password = form.get("username", ""), form.get("password", "")
    try:
        made = logins.set_up(
            here.tracker, visitor(), token, name=name, password=password, repeat=form.get("password_repeat", "")
        )
    except Invalid as error:
        return render_template("accounts/set_up.html", name=name[:200], errors=error.fields), 422
    session.begin(made)
    flash("You are the first administrator. Everything starts here.")
    return redirect(url_for("dashboard.show"), code=302)


@pages.get("/profile")
def profile() -> ResponseReturnValue:
    """One's own account: password and sessions."""
    return _profile({})


def _profile(errors: dict[str, str]) -> str:
    with open_read() as work:
        own = sessions.of_actor(work)
    return render_template("accounts/profile.html", sessions=own, current=g.session_id, errors=errors)


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
        return _profile(error.fields), 422
    place.give_back()
    session.end()
    flash("Your password is changed and all your sessions have ended. Please sign in with the new password.")
    return redirect(url_for("accounts.login"), code=302)


@pages.post("/profile/sessions/<int:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions."""
    with open_write() as work:
        sessions.end_own(work, session_id)
    if session_id == g.session_id:
        session.end()
        return redirect(url_for("accounts.login"), code=302)
    flash("The session has ended.")
    return redirect(url_for("accounts.profile"), code=302)


@pages.get("/admin/users")
@session.admin_required
def users() -> ResponseReturnValue:
    """All accounts."""
    return _users({}, {})


def _users(errors: dict[str, str], given: Any) -> str:
    with open_read() as work:
        everyone = accounts.everyone(work)
    return render_template("accounts/users.html", accounts=everyone, errors=errors, given=given)


@pages.post("/admin/users")
@session.admin_required
def add_user() -> ResponseReturnValue:
    """Make an account."""
    form = request.form
    try:
        who = accounts.candidate(form.get("username", ""), form.get("password", ""), form.get("role", ""))
        with open_write() as work:
            accounts.create(work, who)
    except Invalid as error:
        return _users(error.fields, form), 422
    flash(f"{who.name} can sign in now.")
    return redirect(url_for("accounts.users"), code=302)


@pages.post("/admin/users/<int:user_id>/<any(disable, enable, role, password):act>")
@session.admin_required
def change_user(user_id: int, act: str) -> ResponseReturnValue:
    """Disable or enable an account, change its role, set a new password."""
    form = request.form
    try:
        if act == "password":
            _reset(user_id, form.get("password", ""))
        else:
            with open_write() as work:
                if act == "role":
                    accounts.set_role(work, user_id, parse_role(form.get("role", "")))
                else:
                    (accounts.disable if act == "disable" else accounts.enable)(work, user_id)
    except Invalid as error:
        return _users({f"{name}-{user_id}": text for name, text in error.fields.items()}, {}), 422
    except Conflict as error:
        return _users({f"role-{user_id}": error.message}, {}), 409
    flash("Saved.")
    return redirect(url_for("accounts.users"), code=302)


def _reset(user_id: int, password: str) -> None:
    with open_read() as work:
        account = accounts.one(work, user_id)
    check_password(password, account.name)
    fresh = passwords.hashed(password)
    with open_write() as work:
        accounts.reset_password(work, user_id, fresh)
