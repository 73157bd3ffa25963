"""Who looks at a package from outside: let in, taken back, what they looked at and asked. The contractor's side."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.handoff.viewing import LONGEST_DAYS, Wanted
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.errors import Conflict, Invalid, Stale
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services.handoff import packages, questions, views
from cmmc_tracker.services.handoff.views import Made
from cmmc_tracker.services.work import Work
from cmmc_tracker.web.system_room import system_room

pages = system_room("sharing", __name__, "/packages/<int:package_id>/viewers")


@pages.get("")
def show(package_id: int) -> ResponseReturnValue:
    """Who may look, who looked, what was asked."""
    return _page(package_id)


def _page(
    package_id: int,
    errors: Mapping[str, str] | None = None,
    *,
    form: str = "",
    made: Made | None = None,
    stale: int | None = None,
) -> str:
    """`form` is the one that was refused, `made` a link to be shown once, `stale` a question answered meanwhile."""
    with open_read() as work:
        package = packages.one(work, g.system, package_id)
        shared = of_package(work, g.system, package_id)
    return render_template(
        "sharing/show.html",
        room="packages",
        package=package,
        **shared,
        longest=LONGEST_DAYS,
        errors=errors or {},
        form=form,
        stale=stale,
        given=request.form if errors or stale else {},
        made=made,
        address=doors.public_address(url_for("package_link.home", token=made.token)) if made else "",
    )


def of_package(work: Work, access: Access, package_id: int) -> dict[str, Any]:
    """What the package's own page tells too: the views, the looks, the questions, and what the reader may do."""
    return {
        "views": views.listed(work, access, package_id),
        "looks": views.looks(work, access, package_id),
        "questions": questions.of_package(work, access, package_id),
        "may_share": Right.APPROVE in access.rights or doors.actor().is_admin,
        "may_answer": Right.CONTRIBUTE in access.rights,
    }


def _wanted(work: Work) -> Wanted:
    form = request.form
    given = {name: form.get(name, "") for name in ("whom", "until")}
    return Wanted.parse({**given, "may_download": form.get("may_download") == "on"}, work.today)


@pages.post("/accounts")
def give(package_id: int) -> ResponseReturnValue:
    """Let an assessor's account look."""
    return _made(package_id, "account", lambda work, wanted: views.give(work, g.system, package_id, wanted))


@pages.post("/links")
def make_link(package_id: int) -> ResponseReturnValue:
    """Make a link; it and its word are in this one answer and nowhere else."""
    return _made(package_id, "link", lambda work, wanted: views.make_link(work, g.system, package_id, wanted))


def _made(package_id: int, form: str, make: Callable[[Work, Wanted], int | Made]) -> ResponseReturnValue:
    allow(doors.actor(), Action.PACKAGE_SHARE, g.system)
    try:
        with open_write() as work:
            made = make(work, _wanted(work))
    except Invalid as error:
        return _page(package_id, error.fields, form=form), 422
    except Conflict as error:
        return _page(package_id, {"whom": error.message}, form=form), 409
    if isinstance(made, Made):
        return _page(package_id, made=made)
    flash("The account may look at this package now. Without a second factor it is led to set one up first.")
    return redirect(url_for(".show", slug=g.slug, package_id=package_id), code=303)


@pages.post("/<int:view_id>/revoke")
def revoke(package_id: int, view_id: int) -> ResponseReturnValue:
    """Take a view back."""
    with open_write() as work:
        views.revoke(work, g.system, package_id, view_id)
    flash("Taken back: it opens nothing from now on. What was looked at stays in the list.")
    return redirect(url_for(".show", slug=g.slug, package_id=package_id), code=303)


@pages.post("/questions/<int:question_id>")
def answer(package_id: int, question_id: int) -> ResponseReturnValue:
    """Answer a question."""
    try:
        with open_write() as work:
            text = request.form.get("answer", "")
            questions.answer(work, g.system, package_id, question_id, text, seen=form_version())
    except Invalid as error:
        return _page(package_id, error.fields, form=f"question-{question_id}"), 422
    except Stale:
        return _page(package_id, stale=question_id), 412
    flash("Answered. Whoever asked reads it in their view of the package.")
    return redirect(url_for(".show", slug=g.slug, package_id=package_id, _anchor=f"question-{question_id}"), code=303)
