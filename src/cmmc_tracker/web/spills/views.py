"""Confirming a spill as the second person; taking it out is done at the command line."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import Stale
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import spill_confirming

pages = Blueprint("spills", __name__)


@pages.get("/spills/<int:artifact_id>")
def show(artifact_id: int) -> ResponseReturnValue:
    """What would go, and who confirmed it."""
    return _page(artifact_id)


def _page(artifact_id: int, *, stale: bool = False) -> str:
    with open_read() as work:
        found = spill_confirming.asked(work, artifact_id)
    g.system = found.system
    return render_template("spills/show.html", one=found, days=spill_confirming.HOLDS_DAYS, stale=stale)


@pages.post("/spills/<int:artifact_id>")
def confirm(artifact_id: int) -> ResponseReturnValue:
    """Confirm that it is to be taken out."""
    try:
        with open_write() as work:
            spill_confirming.confirm(work, artifact_id, form_version())
    except Stale:
        return _page(artifact_id, stale=True), 412
    flash("Confirmed. Whoever runs the machine can take it out now.")
    return redirect(url_for(".show", artifact_id=artifact_id), code=302)
