"""The rules that the tracker computes by, with clauses and decisions: where each clause on a page leads."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.rulebook import sections

pages = Blueprint("rules", __name__)


@pages.get("/rules")
def show() -> ResponseReturnValue:
    """All of them on one page."""
    return render_template("rules/show.html", room="rules", sections=sections())
