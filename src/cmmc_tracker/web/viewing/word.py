"""The second word of a package link: it came to its holder another way than the link."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.errors import NotSignedIn
from cmmc_tracker.gate import doors, links
from cmmc_tracker.services.handoff import opening

pages = Blueprint("package_word", __name__, url_prefix="/link/<token>/package/word")


@pages.get("")
def show(token: str) -> ResponseReturnValue:
    """A place for the word."""
    return _page(token)


def _page(token: str, wrong: str = "", typed: str = "") -> str:
    return render_template("viewing/word.html", token=token, view=g.view, wrong=wrong, typed=typed)


@pages.post("")
def enter(token: str) -> ResponseReturnValue:
    """Look at the word; tries are counted at the link."""
    word = request.form.get("word", "")
    try:
        opening.unlock(doors.installation().tracker, doors.visitor(), g.view, word)
    except NotSignedIn as error:
        return _page(token, error.message, word), 401
    links.unlock(g.view)
    return redirect(url_for("package_link.home", token=token), code=303)
