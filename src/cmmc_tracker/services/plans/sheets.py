"""The plans as a spreadsheet: what goes out, and what a sheet that comes in would do, and does."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain import catalog, plans
from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.lifecycle import PoamClock
from cmmc_tracker.domain.permissions import Access, Action
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.importers import poam_sheet
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.poam_sheet import Act, Known, Present, RowPlan, SheetPlan, Standing
from cmmc_tracker.reports.poam_sheet import Value
from cmmc_tracker.services import assessment
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.plans import keeping, reading
from cmmc_tracker.services.plans.reading import Item
from cmmc_tracker.services.sheet_imports import ByRow, Rows, Sort
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, links

_MAY = {"never": "no", "allowed": "yes", "conditional": "conditional"}


def gathered(work: Work, system: Access) -> dict[str, Any]:
    """What the workbook of a system's plans says, as plain JSON: a fixed number of statements."""
    found = reading.register(work, system)
    picture = assessment.picture(work, system)
    objectives = {line.requirement.id: line.findings for line in picture.lines}
    not_met = {
        number: " ".join(f"[{o.letter}]" for o, status in pairs if status is Status.NOT_MET)
        for number, pairs in objectives.items()
    }
    evidence = _evidence(work, system.system_id, {one.requirement.id for one in found.items if one.closed_at})
    items = [_line(one, not_met, evidence, found.clock) for one in found.items]
    score = picture.score
    counts = [
        (f"{kind.label}, {status.label}", sum(i.plan.kind is kind and i.status is status for i in found.items))
        for kind in ItemKind
        for status in ItemStatus
    ]
    about: list[tuple[str, Value]] = [
        ("System", system.name),
        ("CMMC level", system.level),
        ("As of", f"{work.now:%Y-%m-%d %H:%M} UTC"),
        ("Made by", f"CMMC Artifact Tracker {version('cmmc-tracker')}"),
        *([("PROVISIONAL", f"{score.unassessed_objectives} objectives not assessed")] if score.provisional else []),
        ("Score", "none" if score.score is None else score.score),
        ("Why", score.reason or score.status_reason),
        ("Least score for a Conditional status", score.poam.threshold),
        ("POA&M possible", "yes" if score.poam.possible else "no"),
        ("Open and barred from a POA&M", ", ".join(score.poam.blocking)),
        ("NOT MET without an item", ", ".join(score.poam.missing)),
        *counts,
    ]
    return {"about": [list(one) for one in about], "items": items}


def _line(
    item: Item, not_met: Mapping[str, str], evidence: Mapping[str, str], clock: PoamClock | None
) -> Mapping[str, Value]:
    plan, requirement = item.plan, item.requirement
    closeout = clock.closeout if clock and item.counts else None
    return {
        "Item ID": item.id,
        "Kind": "POA&M" if plan.kind is ItemKind.POAM else "operational plan of action",
        "Counts for a Conditional status": "yes" if item.counts else "no",
        "Requirement": requirement.id,
        "Value": requirement.weight,
        "May be on a POA&M": _MAY[requirement.poam],
        "Clause": item.verdict.clause,
        "Weakness or deficiency": plan.weakness,
        "Objectives NOT MET": not_met[requirement.id],
        "Found on": _day(item.created_at),
        "Responsible": plan.owner,
        "Resources required": plan.resources,
        "Scheduled completion date": _day(plan.planned_completion),
        "Milestones with dates": poam_sheet.told(plan.milestones),
        "Status": item.status.label,
        "Completed on": _day(item.closed_at),
        "Closed by": item.closed_by,
        "Closing note": item.closing_note,
        "Closing evidence": evidence.get(requirement.id, "") if item.closed_at else "",
        "Conditional CMMC Status Date": _day(clock.status_on if clock and closeout else None),
        "Last day (day 180)": _day(closeout.last_day if closeout else None),
        "Days left": closeout.days_left if closeout else None,
    }


def _day(at: date | None) -> str | None:
    return at.isoformat()[:10] if at else None


def _evidence(work: Work, system_id: int, requirements: Collection[str]) -> Mapping[str, str]:
    """The numbers of the approved artifacts of each requirement that something was closed of."""
    query = (
        select(links.c.requirement, links.c.artifact_id)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(
            links.c.system_id == system_id,
            links.c.requirement.in_(requirements),
            IN_USE,
            artifacts.c.status == ArtifactStatus.APPROVED,
        )
        .order_by(links.c.artifact_id)
        .distinct()
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in work.rows(query):
        found[row.requirement].append(str(row.artifact_id))
    return {number: ", ".join(ids) for number, ids in found.items()}


def _plan(work: Work, found: Import, rows: Rows, columns: Columns) -> SheetPlan:
    """What a sheet would do to the plans of its system now."""
    register, standing = reading.register(work, found.home), assessment.picture(work, found.home)
    known = Known(
        catalog.load(found.home.level),
        {
            line.requirement.id: Standing(line.status, line.partial, line.requirement.id in register.excepted)
            for line in standing.lines
        },
        [Present(one.id, one.version, one.status, one.frozen, one.plan) for one in register.items],
        work.today,
    )
    return poam_sheet.plan(rows, known, columns)


def _do(work: Work, found: Import, wanted: Sequence[RowPlan]) -> None:
    for row in wanted:
        if row.act is Act.ADD:
            keeping.insert_item(work, found.home, plans.parse(row.given, level=found.home.level, today=work.today))
        elif row.item_id is not None:
            keeping.edit(work, found.home, row.item_id, row.given, row.version)


SHEET = ByRow(
    Sort(Action.POAM_EDIT, poam_sheet.FIELDS, poam_sheet.guess, _plan),
    told="plan of action",
    changed="the plans",
    lock="plans",
    do=_do,
)
