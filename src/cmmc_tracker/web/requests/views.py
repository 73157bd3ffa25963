"""Requests for evidence: those of a system, one with its rounds and links, and answering it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.requests import (
    MIB,
    USUAL_DAYS,
    USUAL_FILES,
    USUAL_MEGABYTES,
    LinkState,
    RoundState,
    parse_link,
)
from cmmc_tracker.errors import Conflict, Invalid, Malformed, NotFound, Stale, UnsupportedType
from cmmc_tracker.gate.doors import installation, open_read, open_write, public_address, system
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import all_or_nothing, files_of, targets_of
from cmmc_tracker.services import artifact_list, members
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifacts import MOST_FILES
from cmmc_tracker.services.requests import answers, asking, links, reading
from cmmc_tracker.services.requests.answers import DATES, Sent
from cmmc_tracker.services.requests.reading import FILTERS

pages = Blueprint("requests", __name__)
FIELDS = ("objective", "wanted", "person", "outside", "cadence", "first_due")
CADENCES = [one for one in Cadence if one is not Cadence.ON_CHANGE]
_NOTHING = Malformed("This form is not whole; reload the page.")


@pages.get("/systems/<slug>/requests")
def index(slug: str) -> ResponseReturnValue:
    """The requests of a system, and the form to ask."""
    return _index(slug, {}, request.args)


def _index(slug: str, errors: Mapping[str, str], given: Mapping[str, Any]) -> str:
    g.system = system(slug)
    shown = request.args.get("shown", "open")
    if shown not in FILTERS:
        raise NotFound("There is no such list of requests.")
    about = request.args.get("about", "")
    with open_read() as work:
        objective = parse_objective_id(about, g.system.level) if about else None
        found = reading.of_system(work, g.system, shown, objective)
        people = members.contributors(work, g.system.system_id)
        may_ask = reading.may_manage(work, g.system.system_id)
    return render_template(
        "requests/index.html",
        room="requests",
        requests=found,
        shown=shown,
        about=objective,
        filters=FILTERS,
        people=people,
        may_ask=may_ask,
        cadences=CADENCES,
        errors=errors,
        given=given,
        is_full=len(found) >= reading.MOST,
    )


@pages.post("/systems/<slug>/requests")
def ask(slug: str) -> ResponseReturnValue:
    """Ask for evidence for one objective."""
    g.system, form = system(slug), request.form
    allow(g.actor, Action.REQUEST_MANAGE, g.system)
    try:
        target = targets_of(g.system, [str(parse_objective_id(form.get("objective", ""), g.system.level))])[0]
        with open_write() as work:
            made = asking.ask(work, g.system, target.objective, form)
    except Invalid as error:
        return _index(slug, error.fields, form), 422
    flash(
        "The request is made. Whoever is asked finds it under My work; for somebody outside, make an upload link below."
    )
    return redirect(url_for(".show", request_id=made), code=302)


@pages.get("/requests/<int:request_id>")
def show(request_id: int) -> ResponseReturnValue:
    """One request: what, until when, a place for the files, its rounds."""
    return _page(request_id)


def _page(
    request_id: int,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
    link: str = "",
) -> str:
    text = request.args.get("q", "")[:200]
    with open_read() as work:
        found = reading.one(work, request_id)
        may_manage = reading.may_manage(work, found.system_id)
        people = members.contributors(work, found.system_id) if may_manage else []
        own_links = links.of_request(work, request_id) if may_manage else []
        picked = artifact_list.page(work, ArtifactFilter(text=text, limit=12))[0] if text and may_manage else []
    g.system = system(found.system)
    room_for = installation().max_upload_bytes // MIB
    return render_template(
        "requests/show.html",
        room="requests",
        one=found,
        may_manage=may_manage,
        people=people,
        links=own_links,
        link=link,
        picked=picked,
        text=text,
        cadences=CADENCES,
        errors=errors or {},
        typed=typed,
        stale=stale,
        RoundState=RoundState,
        LinkState=LinkState,
        usual={"days": USUAL_DAYS, "most_files": USUAL_FILES, "megabytes": min(USUAL_MEGABYTES, room_for)},
    )


def _number(name: str) -> int | None:
    """A number that the form carries, or None where it carries none."""
    text = request.form.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise _NOTHING
    return int(text)


def _sent() -> Sent:
    given = {name: request.form[name] for name in DATES if name in request.form}
    return Sent(_number("round"), form_version(), given, request.form.get("note", ""))


@pages.post("/requests/<int:request_id>")
def edit(request_id: int) -> ResponseReturnValue:
    """Change what is wanted, of whom, how often, from when; so it is handed over, too."""
    try:
        with open_write() as work:
            asking.edit(work, request_id, request.form, form_version())
    except Invalid as error:
        return _page(request_id, error.fields, request.form), 422
    except Stale:
        return _page(request_id, {}, request.form, stale=True), 412
    except Conflict as error:
        return _page(request_id, {"first_due": error.message}, request.form), 409
    flash("Saved.")
    return redirect(url_for(".show", request_id=request_id), code=302)


@pages.post("/requests/<int:request_id>/answer")
def answer(request_id: int) -> ResponseReturnValue:
    """Answer a round with files: all of them together are one artifact, or none is kept."""
    files, sent = files_of(), _sent()
    if not 1 <= len(files) <= MOST_FILES:
        return _page(request_id, {"file": f"Please choose the files first, at most {MOST_FILES}."}), 422
    try:
        with open_write() as work:
            answers.check(work, request_id, sent)
        with all_or_nothing(files) as received, open_write() as work:
            answers.answer(work, request_id, received, sent)
    except Invalid as error:
        return _page(request_id, error.fields), 422
    except UnsupportedType as error:
        return _page(request_id, {"file": f"{error.message} None of the files was kept."}), 415
    except Stale:
        return _page(request_id, stale=True), 412
    flash("Thank you: it is kept, and linked to the objective.")
    return redirect(url_for(".show", request_id=request_id), code=302)


@pages.post("/requests/<int:request_id>/answer-with")
def answer_with(request_id: int) -> ResponseReturnValue:
    """Answer a round with an artifact that is here already."""
    artifact_id = _number("artifact")
    if artifact_id is None:
        return _page(request_id, {"q": "Please choose the artifact first."}), 422
    try:
        with open_write() as work:
            answers.answer_with(work, request_id, artifact_id, _sent())
    except Stale:
        return _page(request_id, stale=True), 412
    flash("The artifact answers this request, and is linked to the objective.")
    return redirect(url_for(".show", request_id=request_id), code=302)


@pages.post("/requests/<int:request_id>/waive")
def waive(request_id: int) -> ResponseReturnValue:
    """Say why a missed round will not come any more."""
    number, why = _number("round"), request.form.get("why", "")
    if number is None:
        return _page(request_id, {"round": "Say which round is waived; reload the page."}), 422
    try:
        with open_write() as work:
            asking.waive(work, request_id, number, why, form_version())
    except Invalid as error:
        return _page(request_id, error.fields, {"why": why, "round": number}), 422
    except Stale:
        return _page(request_id, {}, {"why": why, "round": number}, stale=True), 412
    flash("The round is waived; why stands beside it.")
    return redirect(url_for(".show", request_id=request_id), code=302)


@pages.post("/requests/<int:request_id>/close")
def close(request_id: int) -> ResponseReturnValue:
    """Ask no more."""
    reason = request.form.get("reason", "")
    try:
        with open_write() as work:
            asking.close(work, request_id, reason, form_version())
    except Invalid as error:
        return _page(request_id, error.fields, {"reason": reason}), 422
    except Stale:
        return _page(request_id, {}, {"reason": reason}, stale=True), 412
    flash("The request is closed. What was sent stays; its upload links open no more.")
    return redirect(url_for(".show", request_id=request_id), code=302)


@pages.post("/requests/<int:request_id>/links")
def make_link(request_id: int) -> ResponseReturnValue:
    """Make an upload link; its address is in this one answer and nowhere else."""
    try:
        wanted = parse_link(request.form, installation().max_upload_bytes)
        with open_write() as work:
            token = links.make(work, request_id, wanted)
    except Invalid as error:
        with open_write() as work:
            asking.managed(work, request_id)
        return _page(request_id, error.fields, request.form), 422
    return _page(request_id, link=public_address(url_for("links.show", token=token)))


@pages.post("/requests/<int:request_id>/links/<int:link_id>/revoke")
def revoke_link(request_id: int, link_id: int) -> ResponseReturnValue:
    """Take an upload link back."""
    with open_write() as work:
        links.revoke(work, request_id, link_id)
    flash("The link is taken back: it opens no more.")
    return redirect(url_for(".show", request_id=request_id, _anchor="links"), code=302)
