"""The installation's settings, for administrators."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import settings as rules
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.services import settings

pages = Blueprint("settings", __name__)


@pages.get("/config")
@admin_required
def show() -> ResponseReturnValue:
    """What is set now."""
    return _page({}, None)


def _page(errors: dict[str, str], typed: Mapping[str, Any] | None, *, stale: bool = False) -> str:
    with open_read() as work:
        current, version = settings.current(work), settings.version(work)
    return render_template(
        "settings/show.html",
        errors=errors,
        value=typed if typed is not None else current.as_dict(),
        version=version,
        now=current,
        stale=stale,
        scanner=installation().tracker.scanner is not None,
    )


@pages.post("/config")
@admin_required
def save() -> ResponseReturnValue:
    """Set them."""
    form = request.form
    try:
        wanted = rules.parse(form)
        with open_write() as work:
            settings.change(work, wanted, form_version())
    except Invalid as error:
        return _page(error.fields, form), 422
    except Stale:
        return _page({}, form, stale=True), 412
    flash("Saved. It holds from now on, for sessions that have begun too.")
    return redirect(url_for(".show"), code=302)
