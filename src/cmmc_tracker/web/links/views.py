"""The one page of an upload link: what is wanted, until when, and a place for the files. No sign-in, no script."""

from collections.abc import Mapping, Sequence

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain.requests import MIB
from cmmc_tracker.errors import Invalid, UnsupportedType
from cmmc_tracker.gate.doors import address, installation
from cmmc_tracker.gate.forms import all_or_nothing, files_of
from cmmc_tracker.gate.uploads import incoming_of
from cmmc_tracker.services.requests import guests

pages = Blueprint("links", __name__)


@pages.get("/link/<token>")
def show(token: str) -> ResponseReturnValue:
    """What is wanted."""
    with installation().tracker.write(g.link.actor, address()) as work:
        guests.opened(work, g.link)
    return _page({})


def _page(errors: Mapping[str, str]) -> str:
    return render_template("links/show.html", link=g.link, errors=errors)


def _out_of_bounds(files: Sequence[FileStorage], most_bytes: int) -> str:
    """What is wrong with the files before anybody looks into them; their number the gate has counted."""
    if not files:
        return "Please choose the files first."
    if sum(incoming_of(one).size for one in files) > most_bytes:
        return f"All files together may have {most_bytes // MIB} MB. Send fewer, or smaller."
    return ""


@pages.post("/link/<token>")
def receive(token: str) -> ResponseReturnValue:
    """Take the files in, all or none; the link is used up with them."""
    link, files = g.link, files_of()
    problem = _out_of_bounds(files, link.most_bytes)
    if problem:
        return _page({"file": problem}), 422
    try:
        with all_or_nothing(files) as received, installation().tracker.write(link.actor, address()) as work:
            guests.receive(work, link, received)
    except Invalid as error:
        return _page(error.fields), 422
    except UnsupportedType as error:
        return _page({"file": f"{error.message} None of the files was kept."}), 415
    return render_template("links/done.html", received=received)
