"""Working through an assessment: objective by objective, on paper, by interview, and all on one sheet."""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.interviews import ROLES, questions
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.gate.doors import open_read, system
from cmmc_tracker.services import assessment, assignments, readiness, walking
from cmmc_tracker.services.assessment import Line
from cmmc_tracker.services.walking import WAYS
from cmmc_tracker.web.requirements.talk import choices_of, part_of

pages = Blueprint("assess", __name__)
WEIGHTS = ("5", "3", "1", "none")


@pages.get("/systems/<slug>/assess")
def show(slug: str) -> ResponseReturnValue:
    """One objective with everything to judge it, and those before and after it."""
    g.system, g.slug = system(slug), slug  # the parts of a requirement are shown here too
    way, text = request.args.get("way", "open"), request.args.get("q", "")[:200]
    if way not in WAYS:
        raise NotFound("There is no such way through the objectives.")
    with open_read() as work:
        steps = walking.steps(work, g.system)
        at = walking.place(steps, way, _wanted(request.args.get("at", "")))
        part = part_of(work, g.system, at.step.objective) if at else {}
    return render_template(
        "assess/show.html",
        room="requirements",
        at=at,
        way=way,
        ways={name: (label, sum(map(fits, steps))) for name, (label, fits) in WAYS.items()},
        assessed=sum(step.status is not Status.NOT_ASSESSED for step in steps),
        total=len(steps),
        text=text,
        found=walking.matching(steps, text),
        autosave=True,
        **part,
        **choices_of(g.system),
    )


def _wanted(text: str) -> str:
    """The objective of an address; what is none leads to the beginning, as an old address may."""
    try:
        return str(parse_objective_id(text)) if text else ""
    except Invalid:
        return ""


@pages.get("/systems/<slug>/worksheet")
def worksheet(slug: str) -> ResponseReturnValue:
    """A family's objectives, or all, on paper: what was found so far, and room for what will be."""
    g.system = system(slug)
    known = catalog.load(g.system.level)
    family = request.args.get("family", known.families[0].code).upper()
    if family not in {"ALL", *(one.code for one in known.families)}:
        raise NotFound("There is no such family.")
    with open_read() as work:
        steps = walking.steps(work, g.system)
        people = assignments.of(work, g.system)
    return render_template(
        "assess/worksheet.html",
        room="requirements",
        families=known.families,
        family=family,
        steps=[one for one in steps if family in {"ALL", one.requirement.family}],
        people=people,
        methods=list(Method),
    )


@pages.get("/systems/<slug>/worksheet/interviews")
def interviews(slug: str) -> ResponseReturnValue:
    """What to ask whom, by role."""
    g.system = system(slug)
    role = request.args.get("role", ROLES[0].key)
    wanted = next((one for one in ROLES if one.key == role), None)
    if wanted is None:
        raise NotFound("There is no such list of questions.")
    with open_read() as work:
        steps = walking.steps(work, g.system)
    said = {step.objective.id: step for step in steps}
    return render_template(
        "assess/interviews.html",
        room="requirements",
        roles=ROLES,
        role=wanted,
        questions=questions(g.system.level)[wanted.key],
        said=said,
        Method=Method,
    )


@pages.get("/systems/<slug>/placemat")
def placemat(slug: str) -> ResponseReturnValue:
    """All requirements on one screen and one sheet; what does not fit the filter fades."""
    g.system = system(slug)
    wanted = {name: request.args.get(name, "")[:80] for name in ("weight", "owner", "status", "evidence")}
    with open_read() as work:
        picture = assessment.picture(work, g.system)
        people = assignments.of(work, g.system)
        old = readiness.with_stale_evidence(work, g.system) if wanted["evidence"] == "stale" else frozenset()
    owners = {requirement: one.person for requirement, one in people.by_duty[Duty.OWNER].items()}
    known = catalog.load(g.system.level)
    return render_template(
        "assess/placemat.html",
        room="requirements",
        rows=[(f, [one for one in picture.lines if one.requirement.family == f.code]) for f in known.families],
        score=picture.score,
        owners=owners,
        wanted=wanted,
        faded={one.requirement.id for one in picture.lines if not _fits(one, wanted, owners, old)},
        weights=WEIGHTS,
        tip=_tip,
    )


def _fits(line: Line, wanted: dict[str, str], owners: dict[str, str], old: frozenset[str]) -> bool:
    weight = "none" if line.requirement.weight is None else str(line.requirement.weight)
    return (
        (not wanted["weight"] or wanted["weight"] == weight)
        and (not wanted["status"] or wanted["status"] == line.status)
        and (not wanted["owner"] or wanted["owner"] == owners.get(line.requirement.id, "nobody"))
        and (wanted["evidence"] != "stale" or line.requirement.id in old)
        and (wanted["evidence"] != "missing" or bool(line.unproven))
    )


def _tip(line: Line) -> str:
    """What a square tells on hover and to a screen reader: number, title, and what is missing."""
    lacking = [f"[{o.letter}] {s.label}" for o, s in line.findings if s in {Status.NOT_MET, Status.NOT_ASSESSED}]
    missing = f": {', '.join(lacking)}" if lacking and len(lacking) < len(line.objectives) else ""
    bare = f"; {line.unproven} MET without evidence" if line.unproven else ""
    return f"{line.requirement.id} {line.requirement.title}, {line.status.label}{missing}{bare}"
