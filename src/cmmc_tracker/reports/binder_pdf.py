"""The front binder: what an assessor asks for before the first interview, in one document.

Scope, diagrams, inventory, providers with their contacts, the plan's version and approval, CAGE codes and unique
identifiers, what does not apply, exceptions and temporary deficiencies, and where in each artifact to look.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.plan_document import Document
from cmmc_tracker.reports import facts
from cmmc_tracker.reports.blocks import Block, fact, heading, paragraph, table
from cmmc_tracker.reports.pdf import paper, picture, typeset
from cmmc_tracker.reports.ssp_annexes import inventory
from cmmc_tracker.reports.ssp_content import by_category, people, providers, section, versions
from cmmc_tracker.reports.ssp_requirements import exceptions, not_applicable

DIAGRAMS = "diagrams_drawn"  # beside a snapshot, never in it: pictures by the SHA-256 of their files


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The binder of a snapshot, with the pictures of its diagrams where they stand beside it."""
    pictures = snapshot.get(DIAGRAMS, {}).values()
    whole = paper(snapshot, "Front binder", _blocks(snapshot), cover=True, pictures=pictures)
    return typeset(whole, snapshot["frozen_at"])


def _blocks(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    document = Document.from_json(snapshot["plan"])
    yield heading(1, "1 Assessment scope")
    yield fact("Scope", facts.scope(snapshot))
    yield fact("Contracts", snapshot["system"]["contracts"])
    yield heading(2, "1.1 What the system is")
    yield from section(document, "description")
    yield heading(2, "1.2 Boundary")
    yield from section(document, "boundary")
    yield heading(2, "1.3 Assets by category")
    yield from by_category(document)
    yield heading(1, "2 Diagrams")
    yield from _diagrams(snapshot)
    yield heading(1, "3 Asset inventory")
    yield from inventory(snapshot)
    yield heading(1, "4 External service providers")
    yield from providers(snapshot, "responsibility-matrix.xlsx")
    yield heading(1, "5 System security plan")
    yield from versions(snapshot)
    yield heading(1, "6 CAGE codes, statuses and people")
    yield fact("CAGE codes", ", ".join(snapshot["system"]["cage_codes"].split()))
    yield from _statuses(snapshot)
    yield from people(snapshot)
    yield heading(1, "7 What does not apply")
    yield from not_applicable(snapshot, document)
    yield heading(1, "8 Enduring exceptions and temporary deficiencies")
    yield from exceptions(snapshot)
    yield heading(1, "9 Where to look in each artifact")
    yield from _places(snapshot)


def _diagrams(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The diagrams by their files, which a package has beside this document; then those that could be drawn."""
    paths = {(one["artifact"], one["sha256"]): one["path"] for one in snapshot["files"]}
    rows = [
        (
            one["title"],
            one["current_version"],
            paths.get((one["id"], file["sha256"])) or f"held at {file['location']}",
            file["sha256"] or "",
        )
        for one in snapshot["artifacts"]
        if one["kind"] == "diagram"
        for file in (*one["files"], *one["held"])
    ]
    if rows:
        yield table(("Diagram", "Version", "File", "SHA-256"), rows, (4, 2, 6, 5))
    else:
        yield paragraph("No diagram is among the artifacts.")
    controlled = {one["sha256"] for one in snapshot["files"] if one.get("markings")}
    for number, (sha256, drawn) in enumerate(snapshot.get(DIAGRAMS, {}).items()):
        title, version, path, _ = next(row for row in rows if row[3] == sha256)
        marked = "; it carries a marking of CUI" if sha256 in controlled else ""
        yield picture(number, drawn, f"Diagram: {title}, version {version}")
        yield paragraph(f"{title}, version {version}: {path}{marked}", italic=True)


def _statuses(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    rows = [
        (
            one["status_on"],
            f"{one['stage'].capitalize()} {AssessmentKind(one['kind']).label}",
            one["uid"],
            "none" if one["score"] is None else one["score"],
            one["assessor"] or "the organization itself",
            "; ".join(f"{each['affirmed_on']}, {each['name']}" for each in one["affirmations"]) or "not yet",
        )
        for one in snapshot["statuses"]
    ]
    if rows:
        yield table(("Day", "Status", "UID", "Score", "Assessed by", "Affirmed"), rows, (3, 5, 4, 2, 4, 5))
    else:
        yield paragraph("No CMMC Status is recorded.")


def _places(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """Every link that says where in the file to look, in the order of the objectives."""
    said: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    silent = 0
    for one in snapshot["artifacts"]:
        for link in one["links"]:
            if link["locator"] or link["shows"]:
                row = f"{one['id']}: {one['title']}", link["locator"], link["shows"]
                said.setdefault((link["requirement"], link["letter"]), []).append(row)
            else:
                silent += 1
    rows = [
        (objective.id, *row)
        for requirement in load(snapshot["system"]["level"]).requirements
        for objective in requirement.objectives
        for row in said.get((requirement.id, objective.letter), ())
    ]
    if rows:
        yield table(("Objective", "Artifact", "Where", "What it shows"), rows, (3, 5, 4, 5))
    if silent:
        yield paragraph(f"{silent} more links name the artifact as a whole: see the workbook objectives.xlsx.")
    if not rows and not silent:
        yield paragraph("No artifact is linked yet.")
