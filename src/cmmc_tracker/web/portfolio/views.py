"""All systems of a person on one page."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from cmmc_tracker.gate.doors import installation, open_read
from cmmc_tracker.services import portfolio

pages = Blueprint("portfolio", __name__)


@pages.get("/systems")
def show() -> ResponseReturnValue:
    """Score, status, open items and next date of each system that the person is a member of."""
    with open_read() as work:
        rows = portfolio.of_mine(work)
    today = installation().tracker.today
    return render_template("portfolio/show.html", room="portfolio", rows=rows, today=today)
