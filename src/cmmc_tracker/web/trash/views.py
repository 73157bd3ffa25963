"""The trash: what was put there, until when it can be restored."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.services import trash

pages = Blueprint("trash", __name__)


@pages.get("/trash")
def index() -> ResponseReturnValue:
    """What is in the trash of the person's systems."""
    with open_read() as work:
        found = trash.listed(work)
    return render_template("trash/index.html", trashed=found, kept_days=trash.KEPT_DAYS)


@pages.post("/trash/<int:artifact_id>/restore")
def restore(artifact_id: int) -> ResponseReturnValue:
    """Take an artifact out of the trash."""
    with open_write() as work:
        in_use = trash.restore(work, artifact_id)
    if not in_use:
        flash("Restored: it waits in quarantine again.")
        return redirect(url_for("quarantine.show", artifact_id=artifact_id), code=302)
    flash("Restored: it is as it was.")
    return redirect(url_for("artifacts.show", artifact_id=artifact_id), code=302)
