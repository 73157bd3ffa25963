"""The assessor's view: one frozen package, by requirement, by artifact, by word; and questions to the contractor.

The same pages for an assessor's account (`/assessor/<view>`) and for whoever has a link (`/link/<token>/package`):
which of the two it is, `gate/links.py` and `_enter` have decided before any of them runs. Each look is written down
first.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.handoff.browsing import Frozen, FrozenArtifact
from cmmc_tracker.domain.handoff.viewing import Asked
from cmmc_tracker.domain.plan_document import Document
from cmmc_tracker.domain.ssp import Reference, Subject
from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate import content
from cmmc_tracker.gate.doors import address, installation, open_read
from cmmc_tracker.gate.streams import zipped
from cmmc_tracker.services.artifact_views import File
from cmmc_tracker.services.handoff import browsing, opening, questions
from cmmc_tracker.services.limits import PACKAGE_SEARCH
from cmmc_tracker.web.artifacts.show import SHOWN_PAGES, picture_of, preview_of
from cmmc_tracker.web.references import plan_text

pages = Blueprint("assessor", __name__)
LONGEST_SEARCH = 200
SHOWN_TEXT = 20_000  # characters of a file that has no picture here


def entrance() -> str:
    """What an assessor sees after signing in: the package that is open to the account, or that there is none."""
    with open_read() as work:
        found = opening.mine(work)
    return render_template("viewing/entrance.html", views=found)


@pages.url_value_preprocessor
def _take_place(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.place = {name: values.pop(name) for name in ("view_id", "token") if values and name in values}


@pages.url_defaults
def _give_place(_endpoint: str, values: dict[str, Any]) -> None:
    for name, value in g.get("place", {}).items():
        values.setdefault(name, value)


@pages.before_request
def _enter() -> None:
    """Whose view it is; of a link the gate has found it."""
    if "view_id" in g.place:
        with open_read() as work:
            g.view = opening.of_account(work, g.place["view_id"])


def _frozen() -> Frozen:
    with open_read() as work:
        return browsing.frozen(work, g.view)


def _look(**what: Any) -> None:
    opening.look(installation().tracker, g.view, address(), what)


def _render(template: str, package: Frozen, **more: Any) -> str:
    return render_template(f"viewing/{template}", view=g.view, package=package, record=package.record, **more)


@pages.get("")
def home() -> ResponseReturnValue:
    """The package: what it is, and its requirements."""
    _look(page="overview")
    package = _frozen()
    names = {family.code: family for family in catalog.load(package.level).families}
    groups = [(names[code], [one for one in package.lines if one.requirement.family == code]) for code in names]
    with open_read() as work:
        asked = questions.of_view(work, g.view)
    return _render("home.html", package, groups=groups, asked=asked)


@pages.get("/requirements/<requirement>")
def requirement(requirement: str) -> ResponseReturnValue:
    """One requirement: how it is implemented, what was found, and the evidence."""
    package = _frozen()
    known = catalog.load(package.level)
    one = known.requirement(catalog.known_requirement(requirement, package.level))
    _look(requirement=one.id)
    at = known.requirements.index(one)
    document = Document.from_json(package.record["plan"])
    text = next(text for text in document.requirements if text.id == one.id)
    with open_read() as work:
        asked = [q for q in questions.of_view(work, g.view) if q.requirement == one.id]
    return _render(
        "requirement.html",
        package,
        one=one,
        status=package.lines[at].status,
        text=text,
        plan_text=plan_text,
        known=_things(package, document.references()),
        objectives=package.objectives(one),
        before=known.requirements[at - 1] if at else None,
        after=known.requirements[at + 1] if at + 1 < len(known.requirements) else None,
        asked=asked,
    )


def _things(package: Frozen, names: Mapping[Reference, str]) -> dict[Reference, tuple[str, str]]:
    """What the plan's texts refer to: artifacts of the package by their pages here, all else by its name."""
    found = {}
    for one, name in names.items():
        here = package.artifacts.get(one.number) if one.subject is Subject.ARTIFACT else None
        found[one] = (here.title, url_for(".artifact", artifact_id=here.id)) if here else (name, "")
    return found


@pages.get("/artifacts/<int:artifact_id>")
def artifact(artifact_id: int) -> ResponseReturnValue:
    """One artifact as it was frozen, with a preview of one of its files."""
    package = _frozen()
    one = package.artifact(artifact_id)
    position = request.args.get("file", one.files[0].position if one.files else 1, type=int)
    with open_read() as work:
        file = None if one.why_hidden else browsing.file_of(work, one, position)
        words = browsing.text_of(work, file)[:SHOWN_TEXT] if file else ""
        asked = [q for q in questions.of_view(work, g.view) if q.artifact_id == one.id]
    _look(artifact=one.id, **({"file": position} if file else {}))
    return _render(
        "artifact.html",
        package,
        one=one,
        file=file,
        preview=preview_of(file) if file else None,
        sheets=[_sheet(one, position, page) for page in range(1, SHOWN_PAGES + 1)],
        words=words,
        proves=package.proves(one.id),
        asked=asked,
    )


def _sheet(one: FrozenArtifact, position: int, page: int) -> str:
    return url_for(".sheet", artifact_id=one.id, position=position, page=page)


def _file(artifact_id: int, position: int) -> File:
    with open_read() as work:
        found = browsing.file_of(work, browsing.frozen(work, g.view).artifact(artifact_id), position)
    browsing.refuse_damaged(found)
    return found


@pages.get("/artifacts/<int:artifact_id>/files/<int:position>/pages/<int:page>.png")
def sheet(artifact_id: int, position: int, page: int) -> ResponseReturnValue:
    """One page of a PDF as a picture."""
    file = _file(artifact_id, position)
    _look(artifact=artifact_id, file=position)
    return picture_of(file, page)


@pages.get("/artifacts/<int:artifact_id>/files/<int:position>")
def content_of(artifact_id: int, position: int) -> Response:
    """The bytes of one file. A picture may be looked at; anything else is taken away with it, where that is allowed."""
    file = _file(artifact_id, position)
    what = {"artifact": artifact_id, "file": position}
    if (file.media_type or "").startswith("image/") and "download" not in request.args:
        _look(**what)
    else:
        content.refuse_held(file)
        opening.take(installation().tracker, g.view, address(), {**what, "sha256": file.sha256})
    return content.send(file)


@pages.get("/search")
def search() -> ResponseReturnValue:
    """Requirements and artifacts in which words stand, in the files' texts too."""
    given = request.args.get("q", "")[:LONGEST_SEARCH]
    package = _frozen()
    if given:
        installation().limiter.take(PACKAGE_SEARCH, str(g.view.id)).settle()
        _look(search=given)
    with open_read() as work:
        words, hits = browsing.find(work, package, given)
    return _render("search.html", package, q=given, words=words, hits=hits)


@pages.get("/questions")
def questions_page() -> ResponseReturnValue:
    """What was asked, what was answered, and a place to ask."""
    return _questions(_frozen())


def _questions(package: Frozen, errors: Mapping[str, str] | None = None, refused: str = "") -> str:
    with open_read() as work:
        asked = questions.of_view(work, g.view)
    return _render(
        "questions.html",
        package,
        asked=asked,
        errors=errors or {},
        refused=refused,
        typed=request.form if errors else {},
    )


@pages.post("/questions")
def ask() -> ResponseReturnValue:
    """Ask the contractor."""
    package = _frozen()
    try:
        wanted = Asked.parse(request.form, package.level)
        with installation().tracker.write(g.view.actor, address()) as work:
            number = questions.ask(work, g.view, package, wanted)
    except Invalid as error:
        return _questions(package, error.fields), 422
    except Conflict as error:
        return _questions(package, {"text": error.message}), 409
    flash("Your question is with the contractor. The answer will stand here.")
    return redirect(url_for(".questions_page", _anchor=f"question-{number}"), code=303)


@pages.get("/download")
def download() -> Response:
    """The whole package as its zip, where that is allowed."""
    opening.refuse_taking(g.view)
    with open_read() as work:
        browsing.refuse_lacking(browsing.frozen(work, g.view))
    view, tracker, asker = g.view, installation().tracker, address()
    return zipped(view.slug, view.package, lambda part: opening.take_package(tracker, view, asker, part))
