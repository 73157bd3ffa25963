"""`cmmc-tracker demo`: fill an empty install with a believable small contractor, marked as demo everywhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial

from sqlalchemy import func, select, update

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Implementation, Judgement, Method, Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.errors import Conflict
from cmmc_tracker.services import (
    assessment,
    demo_assessor,
    demo_cell,
    demo_duties,
    demo_office,
    demo_packages,
    demo_people,
    demo_plan,
    demo_plans,
    demo_scope,
    intake,
)
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.demo_data import (
    ARTIFACTS,
    HELD,
    HELD_FACTS,
    HELD_OBJECTIVES,
    JUDGED,
    JUDGED_DAYS,
    NARRATIVES,
    NOT_APPLICABLE,
    NOT_MET,
    PARTIAL,
    DemoArtifact,
)
from cmmc_tracker.services.demo_people import dated
from cmmc_tracker.services.handoff.views import Made
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.systems import MAIN
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import tables


def steps() -> int:
    """How many steps filling takes, for the progress bar."""
    return len(ARTIFACTS) + len(JUDGED)


def fill(tracker: Tracker, actor: Actor, progress: Callable[[], None] = lambda: None) -> Made | None:
    """Fill system `main`, all or nothing, then what rests on its log; returns the link of an invented assessor.

    Raises `Conflict` when anything is in the install already. No link is made where CUI may be stored. What happened is
    dated over the last five months, so that the score has a history; the log says that it is a demo's. Where there are
    accounts, people own requirements, a small system of Level 1 has a recorded status, and one of Level 2 has a
    Conditional one whose 180 days run.
    """
    with tracker.read(actor) as work:
        _refuse_used(work)
    demo_office.fill(tracker, actor)
    cell = demo_cell.begin(tracker, actor)
    with ExitStack() as uploads:
        received = [_keep(tracker, uploads, one, progress) for one in ARTIFACTS]
        with tracker.write(actor) as work:
            main = actor.systems[MAIN]
            _refuse_used(work, main)
            added: dict[str, int] = {}
            work.change(
                update(tables.systems)
                .where(tables.systems.c.id == main.system_id)
                .values(demo=True, name="Halvorsen main enclave (demo)")
            )
            course = _course(work, main, received, added, progress)
            course.append((demo_packages.FIRST_DAYS, partial(demo_packages.first, tracker, work, main)))
            for days, happens in sorted(course, key=lambda one: -one[0]):
                with dated(work, days):
                    happens()
            create_linked(work, main, HELD, HELD_FACTS, _targets(main, HELD_OBJECTIVES))
            _describe(work, main, added)
            demo_scope.fill(work, main)
            demo_plan.fill(work, main)
            demo_plans.fill(work, main)
            demo_duties.fill(work, main)
            work.record(Event.DEMO_FILLED, f"system:{MAIN}", {"artifacts": len(ARTIFACTS) + 1, "judged": len(JUDGED)})
    with tracker.write(actor) as work:
        demo_people.fill(work, main)
    if cell is not None:
        demo_cell.go_on(tracker, cell)
    return demo_assessor.fill(tracker, actor, main, demo_packages.last(tracker, actor, main))


def _course(
    work: Work, main: Access, received: Sequence[Received], added: dict[str, int], progress: Callable[[], None]
) -> list[tuple[int, Callable[[], None]]]:
    """What happened in `main`: how many days ago, and what does it; `added` gets the artifacts."""

    def add(one: DemoArtifact, file: Received) -> None:
        added[one.filename] = _add(work, main, one, file)

    def judge(number: str) -> None:
        _judge(work, main, number)
        progress()

    files = zip(ARTIFACTS, received, strict=True)
    course: list[tuple[int, Callable[[], None]]] = [(one.age, partial(add, one, file)) for one, file in files]
    for place, number in enumerate(JUDGED):
        course.append((JUDGED_DAYS[place * len(JUDGED_DAYS) // len(JUDGED)], partial(judge, number)))
    return course


def _refuse_used(work: Work, system: Access | None = None) -> None:
    artifacts = select(tables.artifacts.c.id).limit(1)
    judged = select(func.count()).select_from(tables.findings).where(tables.findings.c.version > 1)
    if system:
        artifacts = artifacts.where(tables.artifacts.c.system_id == system.system_id)
        judged = judged.where(tables.findings.c.system_id == system.system_id)
    artifact = work.row(artifacts)
    if artifact or work.db.execute(judged).scalar_one():
        raise Conflict(
            "The demo goes into an empty install only, and this one holds artifacts or judgements. "
            "Nothing was changed; set CMMC_DATA_DIR to a new folder to try the demo."
        )


def _keep(tracker: Tracker, uploads: ExitStack, one: DemoArtifact, progress: Callable[[], None]) -> Received:
    incoming = uploads.enter_context(closing(tracker.blobs.receive()))
    incoming.write(one.content())
    progress()
    return intake.take_in(intake.Sender(tracker), incoming, one.filename)


def _add(work: Work, main: Access, one: DemoArtifact, received: Received) -> int:
    collected = work.today
    given = {
        "title": one.title,
        "kind": one.kind,
        "description": one.description,
        "collected_on": collected.isoformat(),
        "covers_from": (collected - timedelta(days=one.covers)).isoformat(),
        "covers_until": collected.isoformat(),
        "cadence": demo_duties.CADENCES.get(one.filename, "once"),
    }
    return create_linked(work, main, [received], given, _targets(main, one.objectives, one.locator, one.shows))


def _targets(main: Access, objectives: str, locator: str = "", shows: str = "") -> list[Target]:
    return [Target(main, catalog.parse_objective_id(text), locator, shows) for text in objectives.split()]


def _judge(work: Work, main: Access, number: str) -> None:
    requirement = catalog.load(main.level).requirement(catalog.parse_requirement_id(number))
    for one in requirement.objectives:
        objective = catalog.parse_objective_id(one.id)
        short = f"{number}[{one.letter}]"
        if number in NOT_APPLICABLE:
            status, note, methods = Status.NOT_APPLICABLE, NOT_APPLICABLE[number], [Method.EXAMINE]
        elif short in NOT_MET:
            status, note, methods = Status.NOT_MET, NOT_MET[short], [Method.EXAMINE, Method.TEST]
        else:
            status, note, methods = Status.MET, "", [Method.EXAMINE, Method.INTERVIEW]
        assessment.judge(work, main, objective, Judgement.parse(objective, status, note, methods))


def _describe(work: Work, main: Access, added: Mapping[str, int]) -> None:
    """Write the narratives; where one names a file of the demo, it refers to the artifact by its number here."""
    for number, text in NARRATIVES.items():
        narrative = re.sub(r"\[\[([^\]:]+)\]\]", lambda named: f"[[artifact:{added[named[1]]}]]", text)
        requirement = catalog.load(main.level).requirement(catalog.parse_requirement_id(number))
        given = {"narrative": narrative, "implementation_status": "implemented"}
        assessment.implement(work, main, requirement.id, Implementation.parse(given, requirement))
    for number in PARTIAL:
        requirement = catalog.load(main.level).requirement(catalog.parse_requirement_id(number))
        switched: dict[str, object] = {"partial": True, "implementation_status": "partial"}
        assessment.implement(work, main, requirement.id, Implementation.parse(switched, requirement))
