"""The worksheet for SPRS to type from, in the order in which its screens ask: as a workbook, and as pages.

The order is that of a Level 2 self-assessment: what is assessed, requirement by requirement, what comes of it, who
affirms (32 CFR 170.16(a)(1)(i), 170.22(a)(2)); behind them the fields of the NIST SP 800-171 page, which contracts
with DFARS 252.204-7019 still ask for. What SPRS computes by itself is given to be compared before anything is affirmed.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.reports.blocks import Block, fact, heading, paragraph, table
from cmmc_tracker.reports.cells import Cell, Sheet, book_of
from cmmc_tracker.reports.facts import provisional, summary
from cmmc_tracker.reports.pdf import Paper, paper, typeset
from cmmc_tracker.reports.sprs import told

_MISSING = "not recorded: fill in before entering"
FIELDS = ("Step", "Field", "Value", "Note")
REQUIREMENTS = (
    *("Step", "Requirement", "Title", "Objectives", "Finding", "Value", "Points lost", "Counts in part"),
    "On the POA&M",
)
_SELF = "170.16(a)(1)(i)"


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    before, behind = _before(snapshot), _behind(snapshot)
    requirements = list(_requirements(snapshot))
    first = len(before) + 1
    last = first + len(requirements)
    pointer: Sequence[Cell] = (f"{first} to {last - 1}", "Compliance status", "sheet Requirements", "one by one")
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("Entry", FIELDS, [*_steps(before, 1), pointer, *_steps(behind, last)]),
        Sheet("Requirements", REQUIREMENTS, _steps(requirements, first)),
        summary(snapshot),
    )
    return file.getvalue()


def make_pdf(snapshot: Mapping[str, Any]) -> bytes:
    """The pages of a snapshot."""
    return typeset(_paper(snapshot), snapshot["frozen_at"])


def _paper(snapshot: Mapping[str, Any]) -> Paper:
    return paper(snapshot, "SPRS worksheet", _blocks(snapshot))


def _blocks(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    yield paragraph(
        "SPRS takes no file in: type from this, in this order. Compare its score with the one here before anything is "
        "affirmed."
    )
    yield heading(1, "1 The assessment")
    for name, value, note in _before(snapshot):
        yield fact(name, f"{value} ({note})" if note else value)
    yield heading(1, "2 Compliance status by requirement")
    rows = {str(row[0]): row for row in _requirements(snapshot)}
    names = ("Requirement", "Title", "Objectives", "Finding", "Lost", "POA&M")
    for family in load(snapshot["system"]["level"]).families:
        yield heading(2, family.name)
        shown = (rows[one.id] for one in family.requirements)
        yield table(names, [(*row[:2], _together(row[2]), row[3], row[5], row[7]) for row in shown], (5, 8, 9, 4, 2, 3))
    yield heading(1, "3 What comes of it, and who affirms")
    for name, value, note in _behind(snapshot):
        yield fact(name, f"{value} ({note})" if note else value)


def _together(objectives: Cell) -> str:
    """The findings of objectives so that no line ends between a letter and its finding."""
    return re.sub(r" (?!\[)", "\N{NO-BREAK SPACE}", str(objectives))


def _steps(rows: Sequence[Sequence[Cell]], first: int) -> list[Sequence[Cell]]:
    return [(number, *row) for number, row in enumerate(rows, first)]


def _before(snapshot: Mapping[str, Any]) -> list[tuple[str, Cell, str]]:
    """What is asked before the requirements."""
    one = told(snapshot)
    scope = one["scope"]
    return [
        ("CMMC level and assessment type", one["assessment_type"], _SELF),
        ("CMMC Status Date", _status_date(snapshot), "SPRS sets it when the assessment is submitted"),
        ("Assessment scope: kind", scope["kind"].capitalize() if scope["kind"] else _MISSING, "Enterprise or Enclave"),
        ("Assessment scope: name", scope["name"], ""),
        ("Included CAGE codes", ", ".join(one["cage_codes"]) or _MISSING, "each in the company's SAM hierarchy"),
        ("Employee count", _MISSING if one["employees"] is None else one["employees"], "whole number"),
    ]


def _status_date(snapshot: Mapping[str, Any]) -> str:
    if not snapshot["statuses"]:
        return "none recorded yet"
    last = snapshot["statuses"][-1]
    uid = f", UID {last['uid']}" if last["uid"] else ""
    return f"{last['status_on']}{uid} (last recorded)"


def _requirements(snapshot: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    said = {one["id"]: one for one in told(snapshot)["requirements"]}
    found = {(one["requirement"], one["letter"]): Status(one["status"]) for one in snapshot["findings"]}
    for one in load(snapshot["system"]["level"]).requirements:
        row = said[one.id]
        each = " ".join(f"[{o.letter}] {found[one.id, o.letter].label}" for o in one.objectives)
        yield (
            *(one.id, one.title, each, Status(row["finding"]).label, one.weight, row["points_lost"]),
            *("yes" if row["partial"] else "no", "yes" if row["poam"] else "no"),
        )


def _behind(snapshot: Mapping[str, Any]) -> list[tuple[str, Cell, str]]:
    """What is shown or asked after the requirements."""
    one = told(snapshot)
    official = one["affirming_official"] or {}
    plan = one["ssp"] or {}
    score = f"{one['score']} of {one['max']}" if one["score"] is not None else f"none: {one['reason']}"
    note = provisional(snapshot)
    person = [
        (f"Affirming official: {name}", official.get(name) or _MISSING, "")
        for name in ("name", "title", "email", "phone")
    ]
    return [
        ("Overall score", score, f"computed by SPRS too: compare. {note}".strip()),
        ("POA&M", _poam(one), "170.21"),
        ("Resulting status", one["supports"], "what the findings support; SPRS sets the status"),
        *person,
        ("Assessment date", _day(one["assessed_on"]), "the day of the last finding"),
        ("System security plan: name", plan.get("name", _MISSING), "NIST SP 800-171 page"),
        ("System security plan: version", plan.get("version", _MISSING), "NIST SP 800-171 page"),
        ("System security plan: date", _day(plan.get("date")), "NIST SP 800-171 page"),
        ("Plan of action completed by", _day(one["poam_completed_by"]), "NIST SP 800-171 page"),
    ]


def _day(text: str | None) -> Cell:
    return date.fromisoformat(text) if text else _MISSING


def _poam(one: Mapping[str, Any]) -> str:
    barred = ", ".join(one["poam"]["blocking"])
    possible = "possible" if one["poam"]["possible"] else "not possible"
    return f"{one['poam']['items']} requirements on it; {possible}{f', barred by {barred}' if barred else ''}"
