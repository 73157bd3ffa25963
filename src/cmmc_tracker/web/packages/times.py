"""How long what a package pins is kept: a later date, legal holds. For administrators."""

from collections.abc import Callable
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate.doors import open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.services.handoff import holds
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.web.packages.views import pages, shown


@pages.post("/<int:package_id>/keep")
@admin_required
def keep(package_id: int) -> ResponseReturnValue:
    """Keep it until a later day."""
    until, version = request.form.get("retained_until", ""), form_version()
    return _done(
        package_id, "Kept for longer.", lambda work: holds.keep_until(work, g.system, package_id, until, version)
    )


@pages.post("/<int:package_id>/holds")
@admin_required
def hold(package_id: int) -> ResponseReturnValue:
    """Place a legal hold."""
    reason = request.form.get("reason", "")
    return _done(package_id, "The legal hold stands.", lambda work: holds.place(work, g.system, package_id, reason))


@pages.post("/<int:package_id>/holds/<int:hold_id>/lift")
@admin_required
def lift(package_id: int, hold_id: int) -> ResponseReturnValue:
    """Lift a legal hold."""
    why = request.form.get("reason", "")
    return _done(
        package_id, "The legal hold is lifted.", lambda work: holds.lift(work, g.system, package_id, hold_id, why)
    )


def _done(package_id: int, said: str, act: Callable[[Any], Package]) -> ResponseReturnValue:
    try:
        with open_write() as work:
            act(work)
    except Invalid as error:
        return shown(package_id, error.fields, request.form), 422
    except Conflict as error:
        return shown(package_id, {"retained_until": error.message}, request.form), 409
    flash(said)
    return redirect(url_for(".show", slug=g.slug, package_id=package_id, _anchor="kept"), code=303)
