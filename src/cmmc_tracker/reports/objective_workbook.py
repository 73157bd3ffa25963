"""The objective workbook: every objective of the level with what was found, how, and on what evidence.

Its first sheet is what people keep an assessment in elsewhere, and has the headings that our own import reads
(`importers/score_sheet.py`). In the sheet Evidence each link has its line, with where in the file to look.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.reports.cells import Cell, Sheet, book_of
from cmmc_tracker.reports.facts import summary
from cmmc_tracker.reports.ssp_requirements import STATES

OBJECTIVES = (
    *("Objective", "Summary", "Requirement", "Title", "Value", "Status", "Methods", "Examined", "Interviewed"),
    *("Tested", "Note", "Basis", "Evidence", "Assessed on", "Assessed by", "Confirmed by"),
)
EVIDENCE = (
    *("Objective", "Artifact ID", "Title", "Kind", "Status", "Version", "Where to look", "What it shows"),
    *("File in the package", "Held at", "SHA-256", "Linked at", "Linked by"),
)
REQUIREMENTS = (
    *("Requirement", "Title", "Family", "Value", "Finding", "Points lost", "Implementation", "Done by"),
    *("May be on a POA&M", "On the POA&M"),
)
_MAY = {"never": "no", "allowed": "yes", "conditional": "conditional"}
_BY = {"own": "the organization", "provider": "a provider", "shared": "both"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("Objectives", OBJECTIVES, _objectives(snapshot), {"Assessed on"}),
        Sheet("Evidence", EVIDENCE, _evidence(snapshot), instants={"Linked at"}),
        Sheet("Requirements", REQUIREMENTS, _requirements(snapshot)),
        summary(snapshot),
    )
    return file.getvalue()


def _objectives(snapshot: Mapping[str, Any]) -> list[Sequence[Cell]]:
    found = {(one["requirement"], one["letter"]): one for one in snapshot["findings"]}
    bases = {(one["requirement"], one["letter"]): Basis(one["basis"]) for one in snapshot["specials"]}
    evidence: dict[tuple[str, str], list[str]] = defaultdict(list)
    for artifact in snapshot["artifacts"]:
        for link in artifact["links"]:
            where = f" ({link['locator']})" if link["locator"] else ""
            evidence[link["requirement"], link["letter"]].append(f"{artifact['id']}: {artifact['title']}{where}")
    rows: list[Sequence[Cell]] = []
    for requirement in load(snapshot["system"]["level"]).requirements:
        for objective in requirement.objectives:
            place = requirement.id, objective.letter
            one, status = found[place], Status(found[place]["status"])
            basis = bases.get(place)
            rows.append(
                (
                    *(objective.id, objective.summary, requirement.id, requirement.title, requirement.weight),
                    *(status.label, ", ".join(one["methods"]), *(one[method.field] for method in Method), one["note"]),
                    basis.label if basis and basis.carries(status) else "",
                    "\n".join(evidence[place]),
                    *(_day(one["judged_at"]), one["judged_by"], one["confirmed_by"]),
                )
            )
    return rows


def _evidence(snapshot: Mapping[str, Any]) -> list[Sequence[Cell]]:
    """A line for each link of each artifact, in the order of the objectives."""
    paths: dict[int, list[str]] = defaultdict(list)
    for file in snapshot["files"]:
        paths[file["artifact"]].append(file["path"])
    rows: list[tuple[tuple[str, str], Sequence[Cell]]] = []
    for one in snapshot["artifacts"]:
        about = (one["id"], one["title"], one["kind"], one["status"].replace("_", " "), one["current_version"])
        held = "\n".join(file["location"] for file in one["held"])
        hashes = "\n".join(file["sha256"] or "" for file in (*one["files"], *one["held"]))
        for link in one["links"]:
            place = link["requirement"], link["letter"]
            linked = link["locator"], link["shows"], "\n".join(paths[one["id"]]), held, hashes
            by = link["linked_at"], link["linked_by"]
            rows.append((place, (f"{place[0]}[{place[1]}]", *about, *linked, *by)))
    order = {
        (requirement.id, objective.letter): at
        for at, (requirement, objective) in enumerate(
            (r, o) for r in load(snapshot["system"]["level"]).requirements for o in r.objectives
        )
    }
    return [row for _, row in sorted(rows, key=lambda one: order[one[0]])]


def _requirements(snapshot: Mapping[str, Any]) -> list[Sequence[Cell]]:
    score = snapshot["score"]
    said = {one["requirement"]: one for one in snapshot["implementations"]}
    planned = {one["requirement"] for one in snapshot["items"] if one["kind"] == "poam" and one["status"] != "closed"}
    known = load(snapshot["system"]["level"])
    return [
        (
            *(one.id, one.title, family.name, one.weight, Status(score["statuses"][one.id]).label),
            *(score["losses"].get(one.id, 0), STATES[said[one.id]["status"]], _BY[said[one.id]["responsibility"]]),
            *(_MAY[one.poam], "yes" if one.id in planned else "no"),
        )
        for family in known.families
        for one in family.requirements
    ]


def _day(at: str | None) -> str | None:
    return at[:10] if at else None
