"""The requirements of a system: the list, and the page of one, where people live."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Implementation, Judgement, Method, Status
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import Objective, ObjectiveId
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import assessment, assignments, audit, remarks, wordings
from cmmc_tracker.services.assessment import Line, LineFilter
from cmmc_tracker.services.plans import reading as plans
from cmmc_tracker.web.requirements import narratives
from cmmc_tracker.web.requirements.talk import choices_of, part_of, talk_of
from cmmc_tracker.web.system_room import system_room

NOBODY = "(nobody)"  # the filter for what has no owner; no account can have such a name
pages = system_room("requirements", __name__, "/requirements")


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed that could not be saved: shown again, with the reason, so that nothing is lost."""

    letter: str  # empty for the form of the implementation
    values: Mapping[str, Any]
    errors: Mapping[str, str] = field(default_factory=dict)
    stale: bool = False
    form: str = "judge"  # of the forms of an objective


def _dot(objective: Objective, status: Status) -> Markup:
    """An objective's sign in the list, a link to its place. The address is relative, so that it holds in any system."""
    return Markup(
        '<a class="{}" href="requirements/{}?objective={}#objective-{}" title="[{}] {}" aria-label="[{}] {}">{}</a>'
    ).format(
        status.value,
        objective.requirement_id,
        objective.letter,
        objective.letter,
        objective.letter,
        objective.summary,
        objective.letter,
        status.label,
        status.sign,
    )


class Row(NamedTuple):
    """All that a row of the list shows, but for what the catalog says."""

    address: str
    requirement: str
    status: Status
    statuses: tuple[Status, ...]  # of the objectives
    met: int
    artifacts: int
    owner: str
    is_gone: bool  # the owner cannot sign in any more


def row(here: str, line: Line, owner: str, gone: Collection[str]) -> Markup:
    """A requirement's row of the list whose address is `here`, with its owner; `gone` are who cannot sign in."""
    one, counts = line.requirement.id, (line.met, line.artifacts)
    return _row(Row(f"{here}/{one}", one, line.status, line.objectives, *counts, owner, owner in gone))


@lru_cache(maxsize=2_048)  # of a hundred rows one or two are others than at the last look
def _row(shown: Row) -> Markup:
    known = catalog.load(catalog.level_of(shown.requirement)).requirement(shown.requirement)
    made: Any = current_app.jinja_env.get_template("requirements/row.html").module
    markup: Markup = made.row(known, shown, Markup().join(map(_dot, known.objectives, shown.statuses)))
    return markup


@pages.get("")
def index() -> ResponseReturnValue:
    """All requirements by family, narrowed by family, status, owner, text, and missing evidence."""
    args = request.args
    wanted = LineFilter(
        family=args.get("family", ""),
        status=args.get("status", ""),
        text=args.get("q", "")[:200],
        without_evidence=bool(args.get("without")),
        unproven=bool(args.get("unproven")),
    )
    with open_read() as work:
        picture = assessment.picture(work, g.system)
        owned = assignments.of(work, g.system).by_duty[Duty.OWNER]
    owners = {one: held.person for one, held in owned.items()}
    owner = args.get("owner", "")[:200]
    known = catalog.load(g.system.level)
    lines = assessment.narrowed(picture.lines, wanted)
    if owner:
        lines = [one for one in lines if owners.get(one.requirement.id, NOBODY) == owner]
    grouped = [(f, [line for line in lines if line.requirement.family == f.code]) for f in known.families]
    return render_template(
        "requirements/index.html",
        room="requirements",
        groups=[(family, found) for family, found in grouped if found],
        families=known.families,
        found=len(lines),
        score=picture.score,
        lost={loss.requirement_id: loss.points for loss in picture.score.losses},
        wanted=wanted,
        owners=owners,
        owner=owner,
        gone={held.person for held in owned.values() if held.gone},
        people=sorted(set(owners.values()), key=str.casefold),
        nobody=NOBODY,
        row=row,
    )


@pages.get("/<requirement>")
def show(requirement: str) -> ResponseReturnValue:
    """One requirement with its objectives, their evidence and how the organization does it."""
    canonical = catalog.known_requirement(requirement, g.system.level)
    if canonical != requirement:
        return redirect(url_for(".show", requirement=canonical, objective=request.args.get("objective")), code=302)
    return _page(canonical, request.args.get("objective", ""))


def _page(requirement: str, opened: str = "", typed: Typed | None = None) -> str:
    with open_read() as work:
        state = assessment.one(work, g.system, requirement)
        wording = wordings.of_requirement(work, g.system.level, requirement)
        names = [f"objective:{g.system.slug}/{f.objective.id}" for f in state.findings]
        history = audit.history(work, f"requirement:{g.system.slug}/{requirement}", *names)
        talk = talk_of(work, g.system, requirement)
        owner = assignments.of(work, g.system).owner(requirement)
        items = plans.of_requirement(work, g.system, requirement)
        plan = narratives.of_page(work, g.system, state, typed.values if typed and not typed.letter else {})
    listed = catalog.load(g.system.level).requirements
    at = next(n for n, r in enumerate(listed) if r.id == state.requirement.id)
    first_open = next((f.objective.letter for f in state.findings if f.status is Status.NOT_ASSESSED), "")
    return render_template(
        "requirements/show.html",
        room="requirements",
        state=state,
        wording=wording,
        history=history,
        items=items,
        opened=opened or first_open,
        typed=typed,
        before=listed[at - 1] if at else None,
        after=listed[at + 1] if at + 1 < len(listed) else None,
        owner=owner,
        **talk,
        **plan,
        **choices_of(g.system),
    )


@pages.post("/<requirement>/objectives/<letter>")
def judge(requirement: str, letter: str) -> ResponseReturnValue:
    """Set what was found for one objective."""
    objective = catalog.known_objective(requirement, letter, g.system.level)
    form = request.form
    said = {m.field: form[m.field] for m in Method if m.field in form}
    typed: dict[str, Any] = {"status": form.get("status", ""), "note": form.get("note", ""), "said": said}
    typed["methods"] = form.getlist("methods")
    try:
        judgement = Judgement.parse(objective, typed["status"], typed["note"], typed["methods"], said)
        with open_write() as work:
            assessment.judge(work, g.system, objective, judgement, form_version())
    except Invalid as error:
        return again(objective, Typed(letter, typed, error.fields)), 422
    except Stale:
        return again(objective, Typed(letter, typed, stale=True)), 412
    if _wants_part():
        return _part(objective)
    wanted = form.get("next", "")[:500]
    return redirect(local_path(wanted) if wanted else objective_url(objective), code=302)


def again(objective: ObjectiveId, typed: Typed) -> str:
    """The objective with what was typed and could not be saved, and why."""
    if _wants_part():
        return _part(objective, typed)
    return _page(objective.requirement, objective.letter, typed)


def _wants_part() -> bool:
    """Whether a script asks for the objective alone, to put it in place of the one on the page."""
    return request.headers.get("X-Part") == "objective"


def _part(objective: ObjectiveId, typed: Typed | None = None) -> str:
    with open_read() as work:
        part = part_of(work, g.system, objective)
    return render_template("requirements/part.html", typed=typed, **part, **choices_of(g.system))


def objective_url(objective: ObjectiveId) -> str:
    """An objective's place on its requirement's page."""
    return url_for(
        ".show",
        requirement=objective.requirement,
        objective=objective.letter,
        _anchor=f"objective-{objective.letter}",
    )


@pages.get("/<requirement>/objectives/<letter>")
def part(requirement: str, letter: str) -> ResponseReturnValue:
    """One objective alone, for a script that refreshes it; for people its place on the page."""
    objective = catalog.known_objective(requirement, letter, g.system.level)
    return _part(objective) if _wants_part() else redirect(objective_url(objective), code=302)


@pages.post("/<requirement>/objectives/<letter>/remarks")
def remark(requirement: str, letter: str) -> ResponseReturnValue:
    """Say something of an objective, or ask somebody."""
    objective = catalog.known_objective(requirement, letter, g.system.level)
    with open_write() as work:
        text, ask = request.form.get("text", ""), request.form.get("ask", "")
        remarks.write_on_objective(work, g.system, objective, text, ask)
    return redirect(objective_url(objective), code=302)


@pages.post("/<requirement>/implementation")
def implement(requirement: str) -> ResponseReturnValue:
    """Say how the organization does it, for the system security plan."""
    canonical, form = catalog.known_requirement(requirement, g.system.level), request.form
    known = catalog.load(g.system.level).requirement(canonical)
    given: dict[str, Any] = {
        name: form[name] for name in ("narrative", "implementation_status", "responsibility") if name in form
    }
    if known.partial and Right.JUDGE in g.system.rights:
        given["partial"] = "partial" in form
    if form.get("act") in narratives.ACTS:
        return _page(canonical, typed=Typed("", narratives.helped(g.system, known, given)))
    try:
        changes = Implementation.parse(given, known)
        with open_write() as work:
            assessment.implement(work, g.system, canonical, changes, form_version())
    except Invalid as error:
        return _page(canonical, typed=Typed("", given, error.fields)), 422
    except Stale:
        return _page(canonical, typed=Typed("", given, stale=True)), 412
    return redirect(url_for(".show", requirement=canonical, _anchor="implementation"), code=302)
