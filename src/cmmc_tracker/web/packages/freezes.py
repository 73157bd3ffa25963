"""Freezes that a job does: how far one is, and giving it up."""

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services.handoff import freezing
from cmmc_tracker.web.packages.views import may_freeze, pages


@pages.get("/freezes/<int:freeze_id>")
def freeze_shown(freeze_id: int) -> ResponseReturnValue:
    """How far it is; once it is done, its package."""
    with open_read() as work:
        found = freezing.one(work, g.system, freeze_id)
    if found.package_id is not None:
        return redirect(url_for(".show", slug=g.slug, package_id=found.package_id), code=303)
    return render_template("packages/freeze.html", room="packages", freeze=found, may_freeze=may_freeze())


@pages.post("/freezes/<int:freeze_id>/stop")
def freeze_stop(freeze_id: int) -> ResponseReturnValue:
    """Give it up."""
    with open_write() as work:
        freezing.stop(work, g.system, freeze_id)
    flash("Given up: nothing was frozen.")
    return redirect(url_for(".index", slug=g.slug), code=303)
