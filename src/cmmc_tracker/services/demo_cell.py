"""The demo's third system: a small enclave with a Conditional Level 2 (Self) status whose 180 days run.

It was assessed, posted and affirmed some months ago; one of its three POA&M items is closed since, two are worked on
(32 CFR 170.21). It needs somebody who affirms, so it is made only where there is an account.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import update

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Implementation, Judgement, Method, Status
from cmmc_tracker.domain.assignments import Duty, Wanted
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId, Requirement, parse_objective_id, parse_requirement_id
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.inventory import AssetEntry, EntryKind, SurroundingEntry
from cmmc_tracker.domain.lifecycle import Act
from cmmc_tracker.domain.permissions import Access, Actor, Right, Role
from cmmc_tracker.domain.plan_document import SectionName
from cmmc_tracker.domain.plans import Act as Step
from cmmc_tracker.domain.recording import AffirmationGiven, StatusGiven
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.domain.system_facts import ScopeKind, SystemFacts
from cmmc_tracker.reports import demo_files
from cmmc_tracker.services import assessment, assignments, intake, specials, statuses, system_facts, systems
from cmmc_tracker.services.demo_people import members
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.plans import closing as acting
from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.scope import inventory, surroundings
from cmmc_tracker.services.ssp import versions, writing
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage import tables

NAME = "Halvorsen inspection cell, CUI (demo)"
ASSESSED_DAYS, STATUS_DAYS, MENDED_DAYS = 160, 95, 12  # ago
_WHY = "Posted with a POA&M of three requirements; what else is open is known, and none of it stops the status."
_SCOPE = "The measuring room: two coordinate measuring machines, their workstations, a file store, one firewall"
_ALERT, _EXERCISE, _MODULE = "3.3.4", "3.6.3", "3.13.11"
_NOT_MET: Mapping[str, str] = {
    "3.3.4[c]": "Nobody is alerted when the log store is full; it was found full on the day of the look.",
    "3.6.3[a]": "The response plan of the cell was never exercised.",
    "3.13.11[a]": "The file store encrypts, and its module is not validated yet.",
}
_WIRELESS = "There is no wireless network in the cell: its building part is shielded, and the firewall has no radio."
_NOT_APPLICABLE: Mapping[str, str] = {
    "3.1.16": _WIRELESS,
    "3.1.17": _WIRELESS,
    "3.13.14": "There is no telephone in the cell, neither by network nor by line.",
}
# What the plan says of each family here: the cell is small, and run by the people and procedures of the main enclave.
_HOW: Mapping[str, str] = {
    "AC": "Four named accounts; the quality lead approves each, and the store lets nobody else in.",
    "AT": "The four people of the cell take the yearly training of the company, with the part on drawings.",
    "AU": "Both workstations and the store send their logs to HPP-LOG1, which is read every Monday.",
    "CM": "Two images, kept by the IT manager; nothing is installed in the cell but from them.",
    "IA": "Sign-in by smart card for everybody, at the workstations and at the store.",
    "IR": "The response plan of the company holds here too; its page on the cell names whom to call.",
    "MA": "The makers' technicians come by appointment, are watched, and bring no medium of their own.",
    "MP": "Drawings leave the store on paper only, numbered, and come back into the shredder.",
    "PS": "The four people are screened before they get a card, and the card is taken on their last day.",
    "PE": "One door with a badge reader and a visitors' book; no window opens.",
    "RA": "Scanned every month together with the main enclave; what is found is mended within 30 days.",
    "CA": "Looked at once a year by the quality lead, and this plan with it.",
    "SC": "One firewall, everything refused that no rule names; no way to the Internet at all.",
    "SI": "Updates come from the company's own server every second Tuesday; malware protection runs everywhere.",
}
_MANUAL = ("Procedures of the inspection cell", "policy", "inspection-cell-procedures.txt", "the section of the family")
_BINDER = ("Records of the inspection cell", "record", "inspection-cell-records.txt", "the tab of the family")
_MAIL = {"text": "Let the store send a mail at 80 %"}  # the step that mends the alert
_LOOKED_AT: Mapping[str, str] = {"examined": _BINDER[0], "interviewed": "Omar Said, quality lead"}
_ASSETS: tuple[tuple[str, AssetCategory, list[str], str], ...] = (
    ("CMM1 and CMM2 workstations", AssetCategory.CUI, ["process"], "Measure against drawings; nothing stays on them."),
    ("CELL-FS file store", AssetCategory.CUI, ["store", "transmit"], "Keeps drawings and results, encrypted."),
    ("CELL-FW firewall", AssetCategory.SECURITY_PROTECTION, [], "Lets the log server and the update server through."),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The system, who affirms for it, and who is the second person: the same one where there is nobody else."""

    access: Access
    official: Actor
    second: Actor


def begin(tracker: Tracker, actor: Actor) -> Cell | None:
    """Make the system, assessed and with its status; None, and nothing made, where nobody could affirm."""
    with tracker.read(actor) as work:
        people = members(work, actor.systems[systems.MAIN])
    if not people:
        return None
    assessed = _past(tracker, ASSESSED_DAYS)
    with assessed.write(actor) as work:
        made = systems.create(work, NAME, 2)
        named = update(tables.systems).where(tables.systems.c.id == made.system_id)
        work.change(named.values(demo=True, in_use_since=work.today - timedelta(days=500)))
        for one in people:
            systems.enrol(work, made.system_id, one.id)
        work.record(Event.DEMO_FILLED, f"system:{made.slug}", {"level": 2})
    access = replace(made, rights=frozenset(Right))
    known = {access.slug: access}
    official, second = (Actor(one.id, one.name, Role.USER, known) for one in (people[0], people[1 % len(people)]))
    cell = Cell(access, official, second)
    _assess(assessed, cell)
    _post(_past(tracker, STATUS_DAYS), cell)
    return cell


def go_on(tracker: Tracker, cell: Cell) -> None:
    """What happened since: one item is mended and closed by the second person, another is worked on."""
    mended = _past(tracker, MENDED_DAYS)
    with mended.write(cell.official) as work:
        _judge(work, cell.access, _requirement(_ALERT), {})
        items = {row.requirement: row.id for row in work.rows(tables.plan_items.select()) if _is_of(row, cell)}
        done = {"milestones": [{**_MAIL, "done_on": work.today.isoformat()}]}
        keeping.edit(work, cell.access, items[_requirement(_ALERT).id], done, None)
        acting.act(work, cell.access, items[_requirement(_ALERT).id], Step.READY, None)
        acting.act(work, cell.access, items[_requirement(_MODULE).id], Step.START, None)
        progress = "The validated firmware is here; it runs on the spare store since Monday, without a fault so far."
        keeping.review(work, cell.access, items[_requirement(_MODULE).id], {"progress": progress}, None)
    with mended.write(cell.second) as work:
        note = "The alert was tried: the store was filled, and the mail came within two minutes."
        acting.act(work, cell.access, items[_requirement(_ALERT).id], Step.CLOSE, None, note=note)
        versions.make(work, cell.access, "The log store alerts")


def _is_of(row: Any, cell: Cell) -> bool:
    return bool(row.system_id == cell.access.system_id)


def _past(tracker: Tracker, days: int) -> Tracker:
    then = tracker.clock() - timedelta(days=days)
    return replace(tracker, clock=lambda: then)


def _requirement(number: str) -> Requirement:
    return catalog.load(2).requirement(parse_requirement_id(number))


def _assess(tracker: Tracker, cell: Cell) -> None:
    """The scope, the plan, the evidence and the findings of the self-assessment."""
    known = catalog.load(2).requirements
    with closing(tracker.blobs.receive()) as manual, closing(tracker.blobs.receive()) as binder:
        received = [_taken(tracker, one, facts) for one, facts in ((manual, _MANUAL), (binder, _BINDER))]
        with tracker.write(cell.official) as work:
            _describe(work, cell.access)
            for file, (title, kind, _, where) in zip(received, (_MANUAL, _BINDER), strict=True):
                facts = {"title": title, "kind": kind, "collected_on": work.today.isoformat()}
                first = {one.family: one for one in reversed(known)}.values()  # where the manual says how
                about = first if kind == "policy" else known
                shows = [ObjectiveId(one.id, o.letter) for one in about for o in one.objectives]
                create_linked(work, cell.access, [file], facts, [Target(cell.access, o, where, "") for o in shows])
            for one in known:
                _judge(work, cell.access, one, _NOT_MET)
    with tracker.write(cell.second) as work:
        for number in _NOT_APPLICABLE:
            for objective in _requirement(number).objectives:
                specials.confirm(work, cell.access, parse_objective_id(objective.id), None)


def _taken(tracker: Tracker, incoming: Any, facts: tuple[str, str, str, str]) -> Any:
    lines = [facts[0], "", *(f"{family}: {text}" for family, text in _HOW.items())]
    incoming.write(demo_files.text(lines))
    return intake.take_in(intake.Sender(tracker), incoming, facts[2])


def _describe(work: Work, cell: Access) -> None:
    facts = SystemFacts("7HPP2", ScopeKind.ENCLAVE, "Inspection cell", 4, "Parts for two prime contractors")
    system_facts.change(work, cell, replace(facts, in_use_since=work.today - timedelta(days=500)), None)
    for name, category, uses, treatment in _ASSETS:
        given = {"name": name, "category": category, "cui_use": uses, "treatment": treatment, "on_diagram": "on"}
        inventory.add(work, cell, AssetEntry.parse(given))
    for person, does in (("Omar Said", "Quality lead"), ("Rita Moss", "Measures")):
        trained = work.today - timedelta(days=30)
        surroundings.add(work, cell, SurroundingEntry(EntryKind.PERSON, person, does, True, trained))
    writing.write_section(work, cell, SectionName.DESCRIPTION, f"{_SCOPE}. Four people work in it.", 0)
    writing.reviewed(work, cell, work.today.isoformat(), "12", None)
    for one in catalog.load(2).requirements:
        state = "implemented"
        if any(short.startswith(f"{one.nist_id}[") for short in _NOT_MET):
            state = "partial"
        elif one.nist_id in _NOT_APPLICABLE:
            state = "not_applicable"
        said: dict[str, object] = {"narrative": _HOW[one.family], "implementation_status": state}
        if one.nist_id == _MODULE:
            said["partial"] = True
        assessment.implement(work, cell, one.id, Implementation.parse(said, one))


def _judge(work: Work, cell: Access, one: Requirement, not_met: Mapping[str, str]) -> None:
    for line in one.objectives:
        objective, short = parse_objective_id(line.id), f"{one.nist_id}[{line.letter}]"
        status, note = Status.MET, ""
        if one.nist_id in _NOT_APPLICABLE:
            status, note = Status.NOT_APPLICABLE, _NOT_APPLICABLE[one.nist_id]
        elif short in not_met:
            status, note = Status.NOT_MET, not_met[short]
        judged = Judgement.parse(objective, status, note, [Method.EXAMINE, Method.INTERVIEW], _LOOKED_AT)
        assessment.judge(work, cell, objective, judged)


def _post(tracker: Tracker, cell: Cell) -> None:
    """The POA&M, the package of record, the status with its affirmation: all on one day, as in SPRS."""
    with tracker.write(cell.official) as work:
        for item in _items(work.today, cell.official.name):
            keeping.add(work, cell.access, item)
        number = versions.make(work, cell.access, "As it was assessed")
    asked = Asked("Self-assessment, of record", Purpose.FINAL, _WHY, releasable=True)
    package = packages.freeze(tracker, cell.official, "", cell.access, asked)
    with tracker.write(cell.second) as work:
        versions.approve(work, cell.access, number)
    with tracker.write(cell.official) as work:
        duty = Wanted(Duty.AFFIRMING_OFFICIAL, ("",), cell.official.name, "Owner", "")
        assignments.assign(work, cell.access, duty, None)
        owned = tuple(one.id for one in catalog.load(2).requirements)
        assignments.assign(work, cell.access, Wanted(Duty.OWNER, owned, cell.second.name, "", ""), None)
        kind, by = AssessmentKind.LEVEL_2_SELF, cell.official.name
        given = StatusGiven(Act.RECORD_CONDITIONAL, kind, work.today, "S200041735", by, _SCOPE, package.id)
        statuses.record(work, cell.access, given)
        statuses.affirm(work, cell.access, AffirmationGiven(work.today, package.id))


def _items(today: date, owner: str) -> list[dict[str, Any]]:
    def ahead(days: int) -> str:
        return (today + timedelta(days=days)).isoformat()

    return [
        {
            "requirement": _ALERT,
            "weakness": "A full log store alerts nobody.",
            "planned_completion": ahead(90),
            "owner": "Tom Okafor, shop floor",
            "milestones": [_MAIL],
        },
        {
            "requirement": _EXERCISE,
            "weakness": "The response plan of the cell was never exercised.",
            "planned_completion": ahead(140),
            "owner": owner,
            "milestones": [
                {"text": "Write the case: a drawing on the wrong screen", "due_on": ahead(100)},
                {"text": "Exercise it with all four people, and keep the minutes", "due_on": ahead(135)},
            ],
        },
        {
            "requirement": _MODULE,
            "weakness": "The file store encrypts with a module that is not validated.",
            "planned_completion": ahead(165),
            "owner": "Priya Raman, network",
            "resources": "The maker's validated firmware, paid for",
            "milestones": [
                {"text": "Try the firmware on the spare store", "due_on": ahead(110), "owner": "Priya Raman"}
            ],
        },
    ]
