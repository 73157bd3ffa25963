"""Signing in, in one step or two, signing out, and the first set-up."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Invalid, NotSignedIn, TooMany
from cmmc_tracker.gate import devices, session
from cmmc_tracker.gate.doors import installation, open_write, visitor
from cmmc_tracker.services import logins, sessions
from cmmc_tracker.services.logins import SignedIn

pages = Blueprint("accounts", __name__)


@pages.get("/login")
def login() -> ResponseReturnValue:
    """The sign-in form; who is signed in already goes on."""
    if g.actor is not None:
        return redirect(session.local_path(request.args.get("next")), code=302)
    return render_template("accounts/login.html", name="", problem="")


@pages.post("/login", endpoint="sign_in")
def sign_in() -> ResponseReturnValue:
    """Check name and password; on success go to the second step, or where the person wanted to go."""
    here = installation()
    name = request.form.get("username", "")
    try:
        done = logins.sign_in(here.tracker, here.limiter, visitor(), name, request.form.get("password", ""))
    except (NotSignedIn, TooMany) as error:
        return _refused(error, "accounts/login.html", name=name[:200])
    return _begun(done, session.local_path(request.args.get("next")))


@pages.route("/login/code", methods=["GET", "POST"])
def second_step() -> ResponseReturnValue:
    """The second step: a code of the second factor."""
    here, wanted = installation(), session.local_path(request.args.get("next"))
    if g.half is None:
        return redirect(wanted if g.actor else url_for(".login", next=wanted), code=302)
    if request.method == "GET":
        return render_template("accounts/second_step.html", name=g.half.actor.name, problem="")
    try:
        done = logins.finish(here.tracker, here.limiter, visitor(), g.half, request.form.get("code", ""))
    except (NotSignedIn, TooMany) as error:
        return _refused(error, "accounts/second_step.html", name=g.half.actor.name)
    return _begun(done, wanted)


def _refused(error: NotSignedIn | TooMany, template: str, name: str) -> Response:
    status = 429 if isinstance(error, TooMany) else 401
    response = make_response(render_template(template, name=name, problem=error.message), status)
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _begun(done: SignedIn, wanted: str) -> Response:
    """Put the new session into the cookie; the browser is known from now on when the person is wholly in."""
    session.begin(done.token)
    if done.half:
        return make_response(redirect(url_for(".second_step", next=wanted), code=302))
    return devices.remember(make_response(redirect(wanted, code=302)), done.user_id)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session, here and in the database."""
    with open_write() as work:
        sessions.sign_out(work, g.session_id)
    session.end()
    flash("You are signed out.")
    answer = make_response(redirect(url_for("accounts.login"), code=302))
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


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
    answer = _begun(made, url_for("settings.welcome"))
    flash("You are the first administrator. Everything starts here.")
    return answer
