"""What stands open by our checks: by check, by requirement, by person; and which hints are switched off."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.domain.readiness import CHECKS, Check, Finding, Level
from cmmc_tracker.errors import Malformed, NotFound, Stale
from cmmc_tracker.gate.doors import open_read, open_write, system
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services import readiness

pages = Blueprint("readiness", __name__)
SHOWN = {"check": 12, "requirement": 4, "person": 12}  # of each group; the rest is one click away
NOBODY = "nobody named"
# Rooms of a system that things beside requirements are mended in, by the first word of a finding's subject.
_ROOMS: Mapping[str, tuple[str, str]] = {  # the page, and the name of the number in its address
    "artifact": ("artifacts.show", "artifact_id"),
    "asset": ("scope.asset", "asset_id"),
    "item": ("poam.show", "item_id"),
    "people": ("people.show", ""),
    "provider": ("providers.show", "provider_id"),
    "scope": ("scope.show", ""),
}
_CHECKS: Mapping[int, Check] = {check.number: check for check in CHECKS}


@dataclass(frozen=True, slots=True)
class Line:
    """A finding with the place where it is mended."""

    finding: Finding
    check: Check
    address: str
    about: str


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one check, one requirement or one person."""

    key: str
    title: str
    lines: list[Line]
    total: int
    check: Check | None = None


def _by_check(finding: Finding) -> str:
    return str(finding.check)


def _by_requirement(finding: Finding) -> str:
    return finding.requirement or "the system"


def _by_person(finding: Finding) -> str:
    return finding.person or NOBODY


WAYS: Mapping[str, Callable[[Finding], str]] = {
    "check": _by_check,
    "requirement": _by_requirement,
    "person": _by_person,
}


@pages.get("/systems/<slug>/readiness")
def show(slug: str) -> ResponseReturnValue:
    """All that is open, grouped in one of three ways; one group whole where `group` names it."""
    return _page(slug)


def _page(slug: str, *, stale: bool = False) -> str:
    g.system = system(slug)
    by, only = request.args.get("by", "check"), request.args.get("group", "")
    if by not in WAYS:
        raise NotFound("There is no such way to group what is open.")
    with open_read() as work:
        found = readiness.report(work, g.system)
    groups = _groups(found.findings, by, only)
    open_numbers = {one.check for one in found.findings}
    return render_template(
        "readiness/show.html",
        room="requirements",
        report=found,
        by=by,
        only=only,
        ways=list(WAYS),
        groups=groups,
        quiet=[c for c in CHECKS if c.number not in open_numbers | found.switched_off],
        off=[c for c in CHECKS if c.number in found.switched_off],
        may_switch=Right.JUDGE in g.system.rights,
        Level=Level,
        stale=stale,
    )


def _groups(findings: Iterable[Finding], by: str, only: str) -> list[Group]:
    key = WAYS[by]
    sorted_in: dict[str, list[Finding]] = {}
    for one in findings:
        sorted_in.setdefault(key(one), []).append(one)
    if only:
        sorted_in = {name: some for name, some in sorted_in.items() if name == only}
    groups = []
    for name, some in sorted_in.items():
        check = _CHECKS[int(name)] if by == "check" else None
        lines = [_line(one) for one in (some if only else some[: SHOWN[by]])]
        groups.append(Group(name, check.title if check else name, lines, len(some), check))
    if by == "check":
        groups.sort(key=lambda one: list(Level).index(one.check.level) if one.check else 0)
    elif by == "person":
        groups.sort(key=lambda one: (one.key == NOBODY, one.key.casefold()))
    return groups


def _line(finding: Finding) -> Line:
    about = f"{finding.requirement}[{finding.letter}]" if finding.letter else finding.requirement
    return Line(finding, _CHECKS[finding.check], _place(finding), about)


def _place(finding: Finding) -> str:
    """Where it is mended: the objective, the requirement's text for the plan, or another room of the system."""
    kind, _, number = finding.subject.partition(":")
    if kind in _ROOMS:
        endpoint, name = _ROOMS[kind]
        values: dict[str, Any] = {} if kind == "artifact" else {"slug": g.system.slug}
        if name:
            values[name] = int(number)
        return url_for(endpoint, **values)
    at = {"slug": g.system.slug, "requirement": finding.requirement}
    if not finding.letter:
        return url_for("requirements.show", **at, _anchor="implementation")
    anchor = f"objective-{finding.letter}"
    return url_for("requirements.show", **at, objective=finding.letter, _anchor=anchor)


@pages.post("/systems/<slug>/readiness/checks/<int:number>")
def switch(slug: str, number: int) -> ResponseReturnValue:
    """Switch a hint off in this system, or on again."""
    g.system = system(slug)
    wanted = request.form.get("wanted", "")
    if wanted not in {"on", "off"}:
        raise Malformed("This form is not whole; reload the page.")
    try:
        with open_write() as work:
            readiness.switch(work, g.system, number, off=wanted == "off", seen=form_version())
    except Stale:
        return _page(slug, stale=True), 412
    flash(f"Check {number} is {'not asked here any more' if wanted == 'off' else 'asked again'}.")
    return redirect(url_for(".show", slug=slug), code=302)
