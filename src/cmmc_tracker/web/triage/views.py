"""Triage: one artifact of the pile at a time, what it may be evidence for, its dates; by keys, forms and links."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog, filing
from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.choosing import objectives_about
from cmmc_tracker.domain.kinds import proposed
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.errors import Invalid, Malformed, NotFound, Stale
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import artifacts, contents, triage
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.triage import Pile
from cmmc_tracker.services.work import Work
from cmmc_tracker.web.artifacts.show import preview_of

pages = Blueprint("triage", __name__)
FIELDS = ("kind", "covers_from", "covers_until", "collected_on", "cadence")
MOST_FOUND = 12


@pages.get("/triage")
def show() -> ResponseReturnValue:
    """The artifact of the pile that is to be looked at now, or that the pile is at its end."""
    if request.args.get("end"):
        return _end()
    return _page(_number(request.args.get("at", "")))


def _page(
    at: int | None,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        pile = _pile(work)
        artifact = triage.shown(work, pile, at)
        if (errors or stale) and (artifact is None or artifact.id != at):
            raise NotFound("This artifact is not in your pile any more. Nothing was saved of it.")
        if artifact is None:
            return _nothing(work, pile)
        home = actor().by_id(artifact.system_id)
        counts = triage.counts(work, pile, artifact.id)
        suggestions = contents.suggestions_for(work, artifact, home)
        previous = _number(request.args.get("from", "")) or triage.step(work, pile, artifact.id, back=True)
    family = filing.recognise(artifact.origin, home.level if home else 2).family if artifact.origin else ""
    asked: dict[str, Any] = {"at": artifact.id, "from": request.args.get("from") or None, **_kept()}
    return render_template(
        "triage/show.html",
        room="artifacts",
        artifact=artifact,
        home=home,
        counts=counts,
        suggestions=suggestions,
        summaries={str(one.objective): _summary(str(one.objective)) for one in suggestions},
        previous=previous,
        here=url_for(".show", **asked),
        kept=_kept(),
        systems=[one for one in actor().systems.values() if Right.CONTRIBUTE in one.rights],
        errors=errors or {},
        typed=typed or {name: getattr(artifact, name) for name in FIELDS},
        stale=stale,
        kinds=list(Kind),
        **_previewed(artifact),
        **_found(artifact, family),
    )


def _pile(work: Work) -> Pile:
    """The pile that the address names: of one system or of all, the newest or the oldest first."""
    return triage.pile_of(work, request.values.get("system", ""), oldest_first=request.values.get("order") == "oldest")


def _kept() -> dict[str, Any]:
    """What of the address says which pile it is; it goes along with every step."""
    given = {"system": request.values.get("system", ""), "order": request.values.get("order", "")}
    known = {"system": given["system"] in actor().systems, "order": given["order"] == "oldest"}
    return {name: value for name, value in given.items() if known[name]}


def _previewed(artifact: Artifact) -> dict[str, Any]:
    file = next(iter(artifact.current.files), None)
    name = file.filename if file and artifact.kind is Kind.OTHER else ""
    return {"file": file, "preview": preview_of(file) if file else {}, "proposed": proposed(name or "")}


def _found(artifact: Artifact, family: str) -> dict[str, Any]:
    """The objectives that were searched for; without a search those of the family that its folder names."""
    text = request.args.get("q", "").strip()[:200]
    linked = {str(one.objective) for one in artifact.links if one.system_id == artifact.system_id}
    home = actor().by_id(artifact.system_id)
    level = home.level if home else 2
    found = objectives_about(text, "" if text else family, level) if text or family else iter(())
    first = list(islice((one for one in found if one.id not in linked), MOST_FOUND + 1))
    known = next((one for one in catalog.load(level).families if one.code == family), None)
    return {
        "text": text,
        "family": known if not text else None,
        "found": first[:MOST_FOUND],
        "more": len(first) > MOST_FOUND,
    }


def _summary(identifier: str) -> str:
    return catalog.load(catalog.level_of(identifier)).objective(identifier).summary


def _end() -> str:
    with open_read() as work:
        return _nothing(work, _pile(work))


def _nothing(work: Work, pile: Pile) -> str:
    """The end of the pile: what is left in it, and what is done."""
    counts = triage.counts(work, pile, None)
    return render_template("triage/end.html", room="artifacts", counts=counts, kept=_kept())


@pages.post("/triage")
def move() -> ResponseReturnValue:
    """Go on to the next artifact of the pile, or back; where one is, is kept with the account."""
    form = request.form
    at, act = _number(form.get("at", "")), form.get("act", "")
    if act not in {"next", "back", "begin"} or (at is None and act != "begin"):
        raise Malformed("The form does not say where to go. Nothing was changed.")
    with open_write() as work:
        pile = _pile(work)
        if act == "begin" or at is None:
            to = None
        elif act == "back":
            to = _number(form.get("from", "")) or triage.step(work, pile, at, back=True) or at
        else:
            to = triage.step(work, pile, at)
        triage.remember(work, to)
    if to is None and act == "next":
        return redirect(url_for(".show", end=1, **_kept()), code=302)
    coming: dict[str, Any] = {"from": at} if act == "next" else {}
    return redirect(url_for(".show", at=to, **coming, **_kept()), code=302)


@pages.post("/triage/<int:artifact_id>")
def save(artifact_id: int) -> ResponseReturnValue:
    """Save the dates and the kind of the artifact that is looked at, and stay with it."""
    given = {name: request.form[name] for name in FIELDS if name in request.form}
    try:
        with open_write() as work:
            artifacts.edit(work, artifact_id, given, form_version())
    except Invalid as error:
        return _page(artifact_id, error.fields, given), 422
    except Stale:
        return _page(artifact_id, {}, given, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".show", at=artifact_id, **_kept()), code=302)


def _number(text: str) -> int | None:
    """An artifact's number in an address; what is none names nothing."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 15 else None
