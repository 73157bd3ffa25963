"""Who looks at a package from outside, what they looked at, what they asked and what was answered."""

from datetime import date, datetime
from typing import Any

from flask import url_for

from cmmc_tracker.api.registry import Given, Shown, kept_unless, operation
from cmmc_tracker.domain.handoff.viewing import Wanted
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import NotFound
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.etag import expected_version
from cmmc_tracker.services.handoff import packages, questions, views
from cmmc_tracker.services.handoff.questions import Question
from cmmc_tracker.services.handoff.views import View


class NewViewer(Given):
    """Who is let in: an assessor's account by its name, or, with `link`, whoever has a link and its word."""

    whom: str
    until: str
    may_download: bool | None = kept_unless({"type": "boolean"})
    link: bool | None = kept_unless({"type": "boolean"})


class ViewerShown(Shown):
    """A view of a package; `state` is open, revoked, expired or orphaned: who made the link cannot sign in any more."""

    id: int
    whom: str
    is_link: bool
    may_download: bool
    created_at: datetime
    created_by: str
    until: date
    state: str


class ViewerMade(ViewerShown):
    """A view that was just made. `address` and `word` are those of a link, in this one answer and nowhere else."""

    address: str | None
    word: str | None


class LookShown(Shown):
    """A look or a download, as the audit log has it; `what` says of what."""

    at: datetime
    who: str
    address: str
    action: str
    what: dict[str, Any]


class ViewersShown(Shown):
    """The views of a package, and its last looks, both newest first."""

    items: list[ViewerShown]
    looks: list[LookShown]


class QuestionShown(Shown):
    """A question of an assessor; `about` is empty where it is about the whole package."""

    id: int
    asked_by: str
    about: str
    text: str
    asked_at: datetime
    answer: str
    answered_at: datetime | None
    answered_by: str
    version: int


class QuestionsShown(Shown):
    """The questions of a package, newest first."""

    items: list[QuestionShown]


class NewAnswer(Given):
    """What is answered."""

    answer: str


def _viewer(one: View) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ViewerShown.model_fields}


def _question(one: Question) -> QuestionShown:
    return QuestionShown(**{name: getattr(one, name) for name in QuestionShown.model_fields})


_VIEWERS = "/systems/{slug}/packages/{package_id}/viewers"
_QUESTIONS = "/systems/{slug}/packages/{package_id}/questions"


@operation("GET", _VIEWERS, "Who looks at a package, and what was looked at", answer=ViewersShown, failures=(404,))
def list_viewers(slug: str, package_id: int) -> ViewersShown:
    """The views and the last looks."""
    system = doors.system(slug)
    with doors.open_read() as work:
        packages.one(work, system, package_id)
        return ViewersShown(
            items=[ViewerShown(**_viewer(one)) for one in views.listed(work, system, package_id)],
            looks=[
                LookShown(at=one.at, who=one.who, address=one.address, action=one.action, what=dict(one.what))
                for one in views.looks(work, system, package_id)
            ],
        )


@operation(
    "POST",
    _VIEWERS,
    "Let an assessor look at a package",
    status=201,
    answer=ViewerMade,
    body=NewViewer,
    failures=(400, 404, 409, 422),
)
def create_viewer(slug: str, package_id: int, body: NewViewer) -> ViewerMade:
    """By an account; or by a link, which 409 refuses where CUI may be stored or the package may not be released."""
    system, given = doors.system(slug), body.given()
    allow(doors.actor(), Action.PACKAGE_SHARE, system)
    by_link = given.pop("link", False)
    with doors.open_write() as work:
        wanted = Wanted.parse(given, work.today)
        address = word = None
        if by_link:
            made = views.make_link(work, system, package_id, wanted)
            number, word = made.id, made.word
            address = doors.public_address(url_for("package_link.home", token=made.token))
        else:
            number = views.give(work, system, package_id, wanted)
        one = next(one for one in views.listed(work, system, package_id) if one.id == number)
    return ViewerMade(**_viewer(one), address=address, word=word)


@operation("DELETE", _VIEWERS + "/{view_id}", "Take a view back", status=204, failures=(404,))
def delete_viewer(slug: str, package_id: int, view_id: int) -> None:
    """The view opens nothing from now on; what was looked at stays in the list. Again: 204."""
    system = doors.system(slug)
    with doors.open_write() as work:
        views.revoke(work, system, package_id, view_id)


@operation("GET", _QUESTIONS, "What assessors asked about a package", answer=QuestionsShown, failures=(404,))
def list_questions(slug: str, package_id: int) -> QuestionsShown:
    """All questions with their answers."""
    system = doors.system(slug)
    with doors.open_read() as work:
        packages.one(work, system, package_id)
        return QuestionsShown(items=[_question(one) for one in questions.of_package(work, system, package_id)])


@operation(
    "PATCH",
    _QUESTIONS + "/{question_id}",
    "Answer a question",
    answer=QuestionShown,
    body=NewAnswer,
    failures=(400, 404, 412, 422),
    versioned=True,
)
def answer_question(slug: str, package_id: int, question_id: int, body: NewAnswer) -> QuestionShown:
    """Answer a question, or answer it anew."""
    system, version = doors.system(slug), expected_version()
    with doors.open_write() as work:
        questions.answer(work, system, package_id, question_id, body.answer, seen=version)
        found = next((q for q in questions.of_package(work, system, package_id) if q.id == question_id), None)
    if found is None:
        raise NotFound("This package has no such question.")
    return _question(found)
