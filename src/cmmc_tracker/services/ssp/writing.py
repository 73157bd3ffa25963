"""Writing the system security plan: its sections, the texts of objectives, the record that it was reviewed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import and_, insert, select, update

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plan_document import LONGEST_SECTION, LONGEST_TEXT, SectionName, parse_months, parse_text
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import objective_texts, plan_sections, systems

QUICKER = "Somebody else wrote here meanwhile. Nothing of yours was saved; look at what is there now, then save again."


def write_section(work: Work, system: Access, name: SectionName, text: str, version: int | None) -> None:
    """Write a section of the plan (3.12.4); version 0 is that of a section that nobody has written yet.

    Raises `Stale` when somebody else wrote it since.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    wanted = parse_text(text, LONGEST_SECTION)
    key = {"system_id": system.system_id, "section": name}
    before = put(work, plan_sections, key, {"text": wanted}, version)
    if before is not None:
        detail = {"before": {"text": before.get("text", "")}, "after": {"text": wanted}}
        work.record(Event.PLAN_SECTION_EDITED, f"plan:{system.slug}/{name}", detail)


def describe(
    work: Work, system: Access, requirement: str, texts: Mapping[str, str], versions: Mapping[str, int | None]
) -> None:
    """Write how objectives of a requirement are met, by their letters; an empty text takes one away.

    All of them or none: raises `Stale` when somebody else wrote one since, `NotFound` for an unknown objective.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    wrong: dict[str, str] = {}
    for letter, given in texts.items():
        one = catalog.load(system.level).objective(f"{requirement}[{letter}]")
        try:
            text = parse_text(given, LONGEST_TEXT, f"text-{letter}")
        except Invalid as error:
            wrong |= error.fields
            continue
        key = {"system_id": system.system_id, "requirement": requirement, "letter": letter}
        before = put(work, objective_texts, key, {"text": text}, versions.get(letter))
        if before is not None:
            detail = {"before": {"text": before.get("text", "")}, "after": {"text": text}}
            work.record(Event.OBJECTIVE_DESCRIBED, f"objective:{system.slug}/{one.id}", detail)
    if wrong:
        raise Invalid(wrong)


def put(
    work: Work, table: Any, key: Mapping[str, Any], values: Mapping[str, str], version: int | None
) -> Mapping[str, Any] | None:
    """Make or change a row of texts; what it said before, None for no change. A row that says nothing stays.

    Version 0 is that of a row that is not there; None takes what is there. Raises `Stale`.
    """
    work.alone(f"{table.name}:{key['system_id']}")
    where = and_(*(table.c[name] == value for name, value in key.items()))
    row = work.row(select(table).where(where))
    before = {name: getattr(row, name) for name in values} if row else dict.fromkeys(values, "")
    if before == dict(values) and version in {None, row.version if row else 0}:
        return None
    if version not in {None, row.version if row else 0}:
        raise Stale(QUICKER)
    if row is None:
        stamped = {"changed_at": work.now, "changed_by": _me(work)}
        work.change(insert(table).values(**key, **values, **stamped))
    else:
        bump = {"changed_at": work.now, "changed_by": _me(work), "version": table.c.version + 1}
        work.change_one(update(table).where(where, table.c.version == row.version).values(**values, **bump))
    return before


def reviewed(work: Work, system: Access, on: str, months: str, version: int | None) -> None:
    """Record that the plan was reviewed as a whole on a day, and how often it is (3.12.4[g], [h]).

    Raises `Invalid` for a day to come and for an interval of more than a year, `Stale` when somebody was quicker.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    wanted = {"plan_reviewed_on": _day(on, work.today), "plan_review_months": parse_months(months)}
    row = work.db.execute(select(systems).where(systems.c.id == system.system_id)).one()
    before = {name: getattr(row, name) for name in wanted}
    if before == wanted and version in {None, row.version}:
        return
    expected = row.version if version is None else version
    where = and_(systems.c.id == system.system_id, systems.c.version == expected)
    work.change_one(update(systems).where(where).values(version=systems.c.version + 1, **wanted))
    work.record(Event.PLAN_REVIEWED, f"system:{system.slug}", {"before": before, "after": wanted})


def _day(text: str, today: date) -> date:
    try:
        day = parse_day(text)
    except ValueError as error:
        raise Invalid({"reviewed_on": str(error)}) from None
    if day is None:
        raise Invalid({"reviewed_on": "Say on which day the plan was reviewed."})
    if day > today:
        raise Invalid({"reviewed_on": "This day is still to come; record the review when it is done."})
    return day


def _me(work: Work) -> int | None:
    return work.actor.id if work.actor else None
