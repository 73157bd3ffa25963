"""The demo's security plan: what an invented contractor would have written by the autumn before its assessment.

A few things contradict each other on purpose, as they do in life: the list of contradictions has something to show.
"""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import select

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Implementation, ImplementationStatus, Status, requirement_status
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.domain.plan_document import SectionName
from cmmc_tracker.services import assessment
from cmmc_tracker.services.ssp import changes, values, writing
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import findings, implementations

SECTIONS: Mapping[SectionName, str] = {
    SectionName.DESCRIPTION: (
        "Halvorsen machines parts for two prime contractors. The enclave holds the drawings and work instructions that "
        "come with the orders, and nothing else of the company.\n\nEleven people work in it: engineering, quality, and "
        "the IT group."
    ),
    SectionName.BOUNDARY: (
        "Inside: the east wing with its workstations, the file server, the domain controller, the firewall.\n\n"
        "Outside: the office, the shop floor, guests. The firewall stands between them and lets nothing through but "
        "what its rules name."
    ),
    SectionName.ENVIRONMENT: (
        "One site, one locked wing, one network of its own. Windows workstations and servers under one domain; mail is "
        "outside, so CUI never travels by it."
    ),
    SectionName.ROLES: (
        "| role | who | does what |\n|---|---|---|\n| IT manager | Ines | accounts, changes, this plan |\n"
        "| Quality lead | Omar | evidence, reviews |\n| Owner | Mr Halvorsen | affirms |"
    ),
}
VALUES: Mapping[str, str] = {
    "3.1.8[a]": "5 wrong tries within 15 minutes; the account is then locked for 30 minutes",
    "3.1.10[a]": "15",
    "3.3.1[e]": "365",
    "3.3.3[a]": "every January, and after each incident",
    "3.5.6[a]": "35",
    "3.5.8[a]": "24",
    "3.11.1[a]": "12",
    "3.11.2[a]": "30",
    "3.12.4[g]": "12",
    "3.14.1[e]": "14",
}
BY_OBJECTIVE: Mapping[str, Mapping[str, str]] = {
    "3.1.2": {"a": "The rights of each role stand in the role matrix, kept by the IT manager."},
}
STILL_PLANNED = ("3.7.2", "3.10.6")  # found MET, and nobody told the plan
CHANGES = (
    (120, "covered", "Two workstations of engineering were replaced by the same model, from the same image.", 0),
    (75, "plan", "The file server moved from room 4 to the server room.", 60),
    (20, "plan", "A second firewall stands beside the first one; the diagram and section 2 still show one.", None),
)
REVIEWED_DAYS = 140


def fill(work: Work, main: Access) -> None:
    """Write the plan, after evidence and judgements are there."""
    today = work.today
    _states(work, main)
    for name, text in SECTIONS.items():
        writing.write_section(work, main, name, text, 0)
    for number, texts in BY_OBJECTIVE.items():
        writing.describe(work, main, catalog.parse_requirement_id(number), texts, dict.fromkeys(texts, 0))
    defined = {parse_objective_id(short): value for short, value in VALUES.items()}
    values.define(work, main, defined, dict.fromkeys(defined, 0))
    writing.reviewed(work, main, _ago(today, REVIEWED_DAYS), "12", None)
    for days, kind, text, settled in CHANGES:
        given = {"happened_on": _ago(today, days), "kind": kind, "text": text}
        change_id = changes.add(work, main, given)
        if settled:
            done = {"settled_on": _ago(today, settled), "settled": "The plan, the diagram and the inventory say it."}
            changes.settle(work, main, change_id, done, None)


def _states(work: Work, main: Access) -> None:
    """The plan's state of each requirement that was judged, as far as nobody said it already."""
    found: dict[str, list[Status]] = {}
    for row in work.rows(select(findings).where(findings.c.system_id == main.system_id)):
        found.setdefault(row.requirement, []).append(Status(row.status))
    query = select(implementations).where(implementations.c.system_id == main.system_id)
    said = {row.requirement: row.status for row in work.rows(query)}
    left = {catalog.parse_requirement_id(number) for number in STILL_PLANNED}
    for requirement in catalog.load(main.level).requirements:
        state = _STATES.get(requirement_status(found[requirement.id]))
        if state is None or requirement.id in left or said[requirement.id] != ImplementationStatus.PLANNED:
            continue
        wanted = Implementation.parse({"implementation_status": state}, requirement)
        assessment.implement(work, main, requirement.id, wanted)


_STATES = {
    Status.MET: ImplementationStatus.IMPLEMENTED,
    Status.NOT_MET: ImplementationStatus.PARTIAL,
    Status.NOT_APPLICABLE: ImplementationStatus.NOT_APPLICABLE,
}


def _ago(today: date, days: int) -> str:
    return (today - timedelta(days=days)).isoformat()
