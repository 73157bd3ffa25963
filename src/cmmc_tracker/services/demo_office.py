"""The demo's second system: the contractor's office at Level 1, with a status that was recorded and affirmed.

It needs somebody who affirms, so it is made only where there is an account.
"""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Judgement, Method, Status
from cmmc_tracker.domain.assignments import Duty, Wanted
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.lifecycle import Act
from cmmc_tracker.domain.permissions import Access, Actor, Right, Role
from cmmc_tracker.domain.recording import AffirmationGiven, StatusGiven
from cmmc_tracker.reports import demo_files
from cmmc_tracker.services import assessment, assignments, intake, statuses, systems
from cmmc_tracker.services.demo_people import members
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables

_NAME = "Halvorsen office, FCI (demo)"
_STATUS_DAYS = 200
_WHY = "The tracker was new; the worksheet is the evidence of this year."
_SHEET = (
    "Level 1 self-assessment of the office: each of the 59 objectives was looked at with who answers for it.",
    "",
    "Looked at: accounts, doors, visitors, shredder, updates, malware protection, firewall.",
    "Found: all MET.",
)


def fill(tracker: Tracker, actor: Actor) -> None:
    """Make the system as it was assessed some months ago; nothing where nobody could affirm."""
    then = tracker.clock() - timedelta(days=_STATUS_DAYS)
    past = replace(tracker, clock=lambda: then)
    with tracker.read(actor) as work:
        people = members(work, actor.systems[systems.MAIN])
    if not people:
        return
    with past.write(actor) as work:
        made = systems.create(work, _NAME, 1)
        named = update(tables.systems).where(tables.systems.c.id == made.system_id)
        work.change(named.values(demo=True, in_use_since=work.today - timedelta(days=700)))
        for one in people:
            systems.enrol(work, made.system_id, one.id)
        work.record(Event.DEMO_FILLED, f"system:{made.slug}", {"level": 1})
    office = replace(made, rights=frozenset(Right))
    official = Actor(people[0].id, people[0].name, Role.USER, {office.slug: office})
    _assess(past, official, office)
    package = packages.freeze(past, official, "", office, Asked("Of record", Purpose.FINAL, _WHY, releasable=True))
    _record(past, official, office, package.id)


def _assess(tracker: Tracker, official: Actor, office: Access) -> None:
    objectives = [ObjectiveId(r.id, o.letter) for r in catalog.load(1).requirements for o in r.objectives]
    with closing(tracker.blobs.receive()) as incoming:
        incoming.write(demo_files.text(list(_SHEET)))
        received = intake.take_in(intake.Sender(tracker), incoming, "level-1-worksheet.txt")
        with tracker.write(official) as work:
            facts = {"title": "Level 1 self-assessment worksheet", "kind": "record"}
            facts["collected_on"] = work.today.isoformat()
            create_linked(
                work, office, [received], facts, [Target(office, one, "whole file", "") for one in objectives]
            )
            for one in objectives:
                judged = Judgement.parse(one, Status.MET, "", [Method.EXAMINE, Method.INTERVIEW])
                assessment.judge(work, office, one, judged)


def _record(tracker: Tracker, official: Actor, office: Access, package: int) -> None:
    """The status and its first affirmation, a day later and by the same person."""
    with tracker.write(official) as work:
        day = work.today
        duty = Wanted(Duty.AFFIRMING_OFFICIAL, ("",), official.name, "Owner", "")
        assignments.assign(work, office, duty, None)
        given = StatusGiven(
            Act.RECORD_FINAL, AssessmentKind.LEVEL_1_SELF, day, "", official.name, "The office and its server", package
        )
        statuses.record(work, office, given)
        statuses.affirm(work, office, AffirmationGiven(day, package))
