"""Who answers for what in a system: owners, reviewers, the affirming official."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import assignments as rules
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import Family
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import open_read, open_write, system
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import assignments, members
from cmmc_tracker.services.assignments import Assigned, People

pages = Blueprint("people", __name__)
_FIELDS = ("duty", "what", "person", "title", "contact")


@dataclass(frozen=True, slots=True)
class FamilyLine:
    """A family: who owns how much of it, who reviews, and what nobody owns."""

    family: Family
    owners: Mapping[str, list[str]]  # requirement ids by person
    reviewers: list[str]
    unowned: list[str]


@pages.get("/systems/<slug>/people")
def show(slug: str) -> ResponseReturnValue:
    """The assignments, and the forms that change them."""
    return _page(slug)


def _page(
    slug: str, errors: Mapping[str, str] | None = None, given: Mapping[str, Any] | None = None, *, stale: bool = False
) -> str:
    g.system = system(slug)
    with open_read() as work:
        people = assignments.of(work, g.system)
        may_assign = assignments.may_assign(work, g.system)
        choices = members.of_system(work, g.system.system_id)
    given = given or {}
    official = given.get("duty") == Duty.AFFIRMING_OFFICIAL or ("what" not in given and "title" in given)
    return render_template(
        "people/show.html",
        room="requirements",
        people=people,
        lines=[_line(family, people) for family in catalog.load(g.system.level).families],
        may_assign=may_assign,
        members=choices,
        errors={} if official else errors or {},
        given={"what": request.args.get("what", "")[:40]} if official or not given else given,
        official_errors=errors or {} if official else {},
        official_given=given if official else _told(people.official),
        stale=stale,
        clause=rules.OFFICIAL_CLAUSE,
    )


def _told(official: Assigned | None) -> Mapping[str, str]:
    if official is None:
        return {}
    return {"person": official.person, "title": official.title, "contact": official.contact}


def _line(family: Family, people: People) -> FamilyLine:
    owners: dict[str, list[str]] = {}
    unowned = []
    reviewers: dict[str, None] = {}
    for requirement in family.requirements:
        owner = people.owner(requirement.id)
        reviewer = people.by_duty[Duty.REVIEWER].get(requirement.id)
        if owner:
            owners.setdefault(_name(owner), []).append(requirement.id)
        else:
            unowned.append(requirement.id)
        if reviewer:
            reviewers[_name(reviewer)] = None
    return FamilyLine(family, owners, list(reviewers), unowned)


def _name(one: Assigned) -> str:
    return f"{one.person} (cannot sign in any more)" if one.gone else one.person


@pages.post("/systems/<slug>/people")
def assign(slug: str) -> ResponseReturnValue:
    """Give somebody a duty, or take it away."""
    g.system = system(slug)
    allow(g.actor, Action.ASSIGNMENT_MAKE, g.system)
    given = {name: request.form[name] for name in _FIELDS if name in request.form}
    try:
        wanted = rules.parse(given, catalog.load(g.system.level))
        with open_write() as work:
            changed = assignments.assign(work, g.system, wanted, form_version())
    except Invalid as error:
        return _page(slug, error.fields, given), 422
    except Stale:
        return _page(slug, {}, given, stale=True), 412
    flash(_said(wanted, changed))
    return redirect(url_for(".show", slug=slug), code=302)


def _said(wanted: rules.Wanted, changed: int) -> str:
    if not changed:
        return "That was so already; nothing was changed."
    if wanted.duty is Duty.AFFIRMING_OFFICIAL:
        return f"{wanted.person or 'Nobody'} is the affirming official now."
    what = f"{changed} requirement{'' if changed == 1 else 's'}"
    return f"{wanted.person or 'Nobody'} is {wanted.duty.label} of {what} now."
