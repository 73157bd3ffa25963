"""Setting up the second factor, its recovery codes, and taking it away."""

import segno
from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.forms import confirm_password
from cmmc_tracker.services import second_factor

pages = Blueprint("second_factor", __name__, url_prefix="/profile/second-factor")


@pages.get("")
def show() -> ResponseReturnValue:
    """How one stands, and what can be done."""
    return _page()


def _page(errors: dict[str, str] | None = None, codes: list[str] | None = None, *, set_now: bool = False) -> str:
    with open_read() as work:
        state = second_factor.state(work)
        enrolment = second_factor.under_way(work)
    picture = segno.make(enrolment.uri, error="m").svg_data_uri(scale=5, border=4, light="#fff") if enrolment else ""
    return render_template(
        "second_factor/show.html",
        state=state,
        key=" ".join(enrolment.key[i : i + 4] for i in range(0, len(enrolment.key), 4)) if enrolment else "",
        picture=picture,
        errors=errors or {},
        codes=codes or [],
        set_now=set_now,
        now=work.now,
    )


@pages.post("/begin")
def begin() -> ResponseReturnValue:
    """Make a new key."""
    with open_write() as work:
        second_factor.begin(work)
    return redirect(url_for(".show"), code=302)


@pages.post("")
def confirm() -> ResponseReturnValue:
    """Set it by a first code; the recovery codes are in this one answer and nowhere else."""
    try:
        confirm_password()
        with open_write() as work:
            codes = second_factor.confirm(work, request.form.get("code", ""), g.session_id)
    except Invalid as error:
        return _page(error.fields), 422
    except Conflict as error:
        return _page({"code": error.message}), 409
    return _page(codes=codes, set_now=True)


@pages.post("/codes")
def renew() -> ResponseReturnValue:
    """Ten new recovery codes."""
    try:
        confirm_password()
        with open_write() as work:
            codes = second_factor.renew_codes(work)
    except Invalid as error:
        return _page(error.fields), 422
    return _page(codes=codes)


@pages.post("/remove")
def remove() -> ResponseReturnValue:
    """Take it away."""
    try:
        confirm_password()
        with open_write() as work:
            second_factor.remove(work, g.session_id)
    except Invalid as error:
        # Two forms of the page ask for the password: the error belongs to this one.
        return _page({"remove_password": error.message}), 422
    flash("Your second factor is removed: your password alone signs you in.")
    return redirect(url_for("profile.show"), code=302)
