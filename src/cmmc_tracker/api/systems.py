"""Systems, their score, their requirements and objectives."""

from typing import Any

from pydantic import Field

from cmmc_tracker.api.objective_shapes import ObjectiveShown, objective_shown
from cmmc_tracker.api.registry import Asked, Given, kept_unless, one_of, operation
from cmmc_tracker.api.shapes import (
    LinesShown,
    RequirementShown,
    ScoreShown,
    SystemShown,
    SystemsShown,
    line_shown,
    requirement_shown,
    score_shown,
)
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import (
    Implementation,
    ImplementationStatus,
    Judgement,
    Method,
    Responsibility,
    Status,
)
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.errors import Invalid
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.etag import expected_version
from cmmc_tracker.services import assessment, systems, wordings
from cmmc_tracker.services.assessment import LineFilter
from cmmc_tracker.services.work import Work


class NewSystem(Given):
    """A system to be made."""

    name: str = Field(json_schema_extra={"minLength": 1})
    level: int = Field(json_schema_extra=one_of(catalog.LEVELS))


class WantedLines(Asked):
    """Which requirements to list."""

    family: str = ""
    status: str = ""
    q: str = ""


class ObjectiveChange(Given):
    """A judgement: only what is given changes."""

    status: str | None = kept_unless({"type": "string", **one_of(Status)})
    note: str | None = kept_unless({"type": "string"})
    methods: list[str] | None = kept_unless({"type": "array", "items": {"type": "string", **one_of(Method)}})
    examined: str | None = kept_unless({"type": "string"})
    interviewed: str | None = kept_unless({"type": "string"})
    tested: str | None = kept_unless({"type": "string"})


class RequirementChange(Given):
    """How the organization does it: only what is given changes."""

    narrative: str | None = kept_unless({"type": "string"})
    implementation_status: str | None = kept_unless({"type": "string", **one_of(ImplementationStatus)})
    responsibility: str | None = kept_unless({"type": "string", **one_of(Responsibility)})
    partial: bool | None = kept_unless({"type": "boolean"})


def _system_shown(access: Access) -> SystemShown:
    return SystemShown(
        id=access.system_id,
        slug=access.slug,
        name=access.name,
        level=access.level,
        demo=access.demo,
        cui_allowed=access.cui,
        rights=sorted(access.rights),
    )


@operation("GET", "/systems", "The systems that you are a member of", answer=SystemsShown)
def list_systems() -> SystemsShown:
    """All of the caller's systems."""
    return SystemsShown(items=[_system_shown(one) for one in doors.actor().systems.values()])


@operation(
    "POST", "/systems", "Make a system", status=201, answer=SystemShown, body=NewSystem, failures=(400, 409, 422)
)
def create_system(body: NewSystem) -> SystemShown:
    """Make a system with nothing assessed."""
    with doors.open_write() as work:
        return _system_shown(systems.create(work, body.name, body.level))


@operation("GET", "/systems/{slug}/score", "The score, and why", answer=ScoreShown, failures=(404,))
def show_score(slug: str) -> ScoreShown:
    """The score as it stands."""
    with doors.open_read() as work:
        return score_shown(assessment.picture(work, doors.system(slug)).score)


@operation(
    "GET",
    "/systems/{slug}/requirements",
    "The requirements, all in one answer",
    answer=LinesShown,
    query=WantedLines,
    failures=(404, 422),
)
def list_requirements(slug: str, query: WantedLines) -> LinesShown:
    """The requirements that fit the filter, in catalog order."""
    if query.status and query.status not in set(Status):
        raise Invalid({"status": f"The status must be one of {', '.join(Status)}."})
    wanted = LineFilter(family=query.family, status=query.status, text=query.q[:200])
    with doors.open_read() as work:
        picture = assessment.picture(work, doors.system(slug))
    return LinesShown.model_construct(items=[line_shown(line) for line in assessment.narrowed(picture.lines, wanted)])


@operation(
    "GET",
    "/systems/{slug}/requirements/{requirement}",
    "One requirement with its objectives",
    answer=RequirementShown,
    failures=(404,),
)
def show_requirement(slug: str, requirement: str) -> RequirementShown:
    """One requirement with everything that stands about it."""
    with doors.open_read() as work:
        system = doors.system(slug)
        return _shown(work, system, catalog.known_requirement(requirement, system.level))


def _shown(work: Work, system: Access, requirement: str) -> RequirementShown:
    wording = wordings.of_requirement(work, system.level, requirement)
    state = assessment.one(work, system, requirement)
    if wording is None:
        return requirement_shown(state)
    return requirement_shown(state, dict(wording.prose), wording.source.title)


@operation(
    "PATCH",
    "/systems/{slug}/requirements/{requirement}",
    "Say how the organization does it",
    answer=RequirementShown,
    body=RequirementChange,
    failures=(400, 404, 412, 422),
    versioned=True,
)
def change_requirement(slug: str, requirement: str, body: RequirementChange) -> RequirementShown:
    """Change narrative, state, responsibility or the partial switch."""
    system = doors.system(slug)
    canonical = catalog.known_requirement(requirement, system.level)
    changes = Implementation.parse(_some(body), catalog.load(system.level).requirement(canonical))
    with doors.open_write() as work:
        assessment.implement(work, system, canonical, changes, expected_version())
        return _shown(work, system, canonical)


@operation(
    "PATCH",
    "/systems/{slug}/requirements/{requirement}/objectives/{letter}",
    "Judge one objective",
    answer=ObjectiveShown,
    body=ObjectiveChange,
    failures=(400, 404, 412, 422),
    versioned=True,
)
def change_objective(slug: str, requirement: str, letter: str, body: ObjectiveChange) -> ObjectiveShown:
    """Set status, note, methods and what was looked at, asked and tried; what is not given stays as it is."""
    system, given, version = doors.system(slug), _some(body), expected_version()
    objective = catalog.known_objective(requirement, letter, system.level)
    with doors.open_write() as work:
        work.alone(f"objective:{system.slug}/{objective}")  # what is not given is kept as it stands now
        before = assessment.judged(work, system, objective)
        merged: dict[str, Any] = {name: getattr(before, name) for name in ("status", "note", "methods")}
        merged |= given
        said = {method.field: given[method.field] for method in Method if method.field in given}
        judgement = Judgement.parse(objective, merged["status"], merged["note"], merged["methods"], said)
        assessment.judge(work, system, objective, judgement, version)
        return objective_shown(assessment.finding(work, system, objective))


def _some(body: Given) -> dict[str, Any]:
    """What the caller gave; an empty change or a null says nothing and is refused."""
    given = body.given()
    if not given:
        raise Invalid({"body": "Nothing to change was given."})
    nulls = {name: "This cannot be null; leave it out to keep it." for name, value in given.items() if value is None}
    if nulls:
        raise Invalid(nulls)
    return given
