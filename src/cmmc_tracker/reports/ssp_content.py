"""The system security plan as plain blocks, from a snapshot: what `ssp.docx` and `ssp.pdf` both say. Pure.

The sections are those that 3.12.4 asks for by its objectives [a] to [h], in the order in which plans are commonly
written: identification, boundary, environment, connections, requirements, what does not apply, exceptions, upkeep.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from cmmc_tracker.domain.plan_document import Document
from cmmc_tracker.domain.plan_source import NEXT_SECTION, SECTION
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.reports import facts
from cmmc_tracker.reports.blocks import Block, bullet, fact, heading, markdown, minor, numbered, paragraph, shown, table
from cmmc_tracker.reports.facts import BASES, HOLDS, named
from cmmc_tracker.reports.pdf import Paper, when
from cmmc_tracker.reports.ssp_annexes import annexes, upkeep
from cmmc_tracker.reports.ssp_requirements import exceptions, not_applicable, requirements, sources

_UNSAID = "Not described yet."
_DUTIES = {"owner": "Owner", "reviewer": "Reviewer", "affirming_official": "Affirming official"}
_LISTS = (
    ("person", "People", "Task"),
    ("facility", "Facilities", "Description"),
    ("network", "Networks", "Description"),
)


def content(snapshot: Mapping[str, Any]) -> Paper:
    """The plan of a snapshot."""
    document = Document.from_json(snapshot["plan"])
    at = when(snapshot)
    open_ = facts.provisional(snapshot)
    system = " ".join(shown(snapshot["system"]["name"]).split()) or "(system without a name)"
    blocks = tuple(numbered(_sections(snapshot, document)))
    return Paper(
        title="System security plan",
        system=system,
        organization=" ".join(shown(snapshot["organization"]).split()),
        at=at,
        facts=tuple(_title(snapshot, at)),
        provisional=f"{open_}." if open_ else "",
        blocks=blocks,
        cover=True,
        sources=sources(document, blocks),
    )


def _title(snapshot: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    system, made = snapshot["system"], snapshot["plan_versions"]
    approved = [one for one in made if one["approved_at"]]
    yield "Organization", shown(snapshot["organization"]) or "not recorded"
    yield "CAGE codes", ", ".join(shown(system["cage_codes"]).split()) or "not recorded"
    yield "Identifier", shown(system["slug"])
    yield "CMMC level", str(system["level"])
    yield "As it stood", at
    yield "Last version", f"{made[-1]['number']}, made {_at(made[-1]['made_at'])}" if made else "none made yet"
    if approved:
        last = approved[-1]
        yield "Approval", f"version {last['number']}, by {shown(last['approved_by'])}, {_at(last['approved_at'])}"
    else:
        yield "Approval", "none recorded"
    yield "Made with", f"CMMC Artifact Tracker {version('cmmc-tracker')}"


def _at(instant: str | None) -> str:
    return shown(instant)[:10]


def parts(snapshot: Mapping[str, Any], document: Document) -> Mapping[str, Callable[[], Iterable[Block]]]:
    """The parts of the plan by the names that a template has for them, in the plan's order."""
    return {
        "ssp.record_of_changes": lambda: versions(snapshot),
        "ssp.identification": lambda: _identification(snapshot, document),
        "ssp.boundary": lambda: (*section(document, "boundary"), *_drawings(snapshot)),
        "ssp.environment": lambda: _environment(snapshot, document),
        "ssp.connections": lambda: _connections(snapshot, document),
        "ssp.requirements": lambda: requirements(snapshot, document),
        "ssp.not_applicable": lambda: not_applicable(snapshot, document),
        "ssp.exceptions": lambda: exceptions(snapshot),
        "ssp.upkeep": lambda: upkeep(snapshot),
        "ssp.annexes": lambda: annexes(snapshot),
    }


_TITLES = {
    "ssp.record_of_changes": "Record of changes",
    "ssp.identification": "1 System identification",
    "ssp.boundary": "2 Boundary",
    "ssp.environment": "3 Environment of operation",
    "ssp.connections": "4 Connections",
    "ssp.requirements": SECTION,
    "ssp.not_applicable": NEXT_SECTION,
    "ssp.exceptions": "7 Enduring exceptions and temporary deficiencies",
    "ssp.upkeep": "8 Plan upkeep",
}


def _sections(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    for name, made in parts(snapshot, document).items():
        if name in _TITLES:
            yield heading(1, _TITLES[name])
        yield from made()


def versions(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The versions of the plan, each with what changed and who approved it."""
    rows = [
        (one["number"], _at(one["made_at"]), one["note"], one["made_by"], _approved(one))
        for one in snapshot["plan_versions"]
    ]
    if not rows:
        yield paragraph("No version of the plan was made yet.")
        return
    yield table(("Version", "Made on", "Change", "Made by", "Approved"), rows, (2, 3, 8, 4, 5), "Versions of the plan")


def _approved(one: Mapping[str, Any]) -> str:
    return f"{_at(one['approved_at'])}, {one['approved_by']}" if one["approved_at"] else "no"


def section(document: Document, name: str) -> list[Block]:
    """A section's text, or a sentence that there is none."""
    text = next((one.text for one in document.sections if one.name == name), "")
    return markdown(text, document.references()) or [paragraph(_UNSAID, italic=True)]


def _identification(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    system = snapshot["system"]
    yield fact("System", system["name"])
    yield fact("In use since", system["in_use_since"])
    yield fact("Contracts", system["contracts"])
    yield heading(2, "1.1 Description")
    yield from section(document, "description")
    yield heading(2, "1.2 Roles")
    yield from section(document, "roles")
    yield from people(snapshot)


def people(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """Who answers for the system as a whole."""
    rows = [
        (_DUTIES.get(one["duty"], one["duty"]), one["user"], one["title"], one["contact"])
        for one in snapshot["assignments"]
        if not one["requirement"]
    ]
    if rows:
        yield table(("Duty for the whole system", "Person", "Title", "Contact"), rows, caption="Who answers for it")


def _drawings(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The diagrams among the artifacts: they are handed over beside the plan."""
    found = [one for one in snapshot["artifacts"] if one["kind"] == "diagram"]
    if found:
        yield minor("Diagrams among the artifacts")
    for one in found:
        files = ", ".join(file["filename"] for file in [*one["files"], *one["held"]])
        yield bullet(f"{one['title']}, version {one['current_version']}{f' ({files})' if files else ''}")


def _environment(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    yield from section(document, "environment")
    yield heading(2, "3.1 Assets by category")
    yield from by_category(document)
    if not document.assets:
        return
    yield heading(2, "3.2 Assets and how they are treated")
    yield paragraph("Owners, networks and the rest of what is recorded of each asset: Annex A.")
    rows = [_treated(one) for one in document.assets]
    yield table(("Asset", "Category", "How it is treated"), rows, (3, 3, 6), "Assets and how they are treated")
    yield from _lists(snapshot)


def by_category(document: Document) -> Iterator[Block]:
    """How many assets there are of each category."""
    counts = Counter(one.category for one in document.assets)
    rows: list[Sequence[object]] = [(one.label, counts[one.value]) for one in AssetCategory if counts[one.value]]
    if counts[""]:
        rows.append(("No category yet", counts[""]))
    if rows:
        yield table(("Category", "Assets"), rows, (4, 1), "Assets by category")
    else:
        yield paragraph("No asset is recorded yet.")


def _treated(one: Any) -> Sequence[object]:
    return one.name, AssetCategory(one.category).label if one.category else "none yet", one.treatment


def _lists(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """People, facilities and networks of the scope."""
    for number, (kind, title, about) in enumerate(_LISTS, 3):
        found = [one for one in snapshot["entries"] if one["kind"] == kind]
        if found:
            rows = [(one["name"], one["description"], "yes" if one["handles_cui"] else "no") for one in found]
            yield heading(2, f"3.{number} {title}")
            yield table(("Name", about, "Handles CUI"), rows, (3, 6, 2), title)


def _connections(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    yield from section(document, "connections")
    yield heading(2, "4.1 External service providers")
    yield from providers(snapshot)
    yield heading(2, "4.2 How CUI flows")
    flows = [(one["what"], one["source"], one["destination"], one["protection"]) for one in snapshot["flows"]]
    if flows:
        yield table(("What", "From", "To", "Protected by"), flows, (3, 3, 3, 4), "How CUI flows")
    else:
        yield paragraph("No flow is recorded yet.")


def providers(snapshot: Mapping[str, Any], lines: str = "Annex B") -> Iterator[Block]:
    """The external service providers with what is recorded of each; `lines` is where their matrices stand."""
    titles = named(snapshot)
    if not snapshot["providers"]:
        yield paragraph("No provider is recorded.")
    for one in snapshot["providers"]:
        yield minor(one["name"])
        yield fact("Kind", "cloud service" if one["is_cloud"] else "service provider")
        yield fact("Services", one["services"] or one["note"])
        yield fact("Holds", HOLDS.get(one["holds"], one["holds"]))
        if one["is_cloud"]:
            yield fact("FedRAMP", _basis(one, titles))
        yield fact("CMMC status", one["cmmc_status"])
        yield fact("Contract", one["contract"])
        yield fact("Contact", one["contact"])
        yield fact("Responsibility matrix", _matrix(one, titles, lines))


def _basis(one: Mapping[str, Any], titles: Mapping[int, str]) -> str:
    """The FedRAMP basis of a cloud service, since when, and what shows it."""
    parts = [BASES.get(one["basis"], one["basis"]), f"since {one['basis_on']}" if one["basis_on"] else ""]
    shown = [titles.get(one.get("basis_artifact_id", 0), ""), one["basis_link"]]  # records of before have no artifact
    parts += [f"shown by {' and '.join(filter(None, shown))}"] if any(shown) else []
    return ", ".join(filter(None, parts))


def _matrix(one: Mapping[str, Any], titles: Mapping[int, str], lines: str) -> str:
    """Where a provider's responsibility matrix stands."""
    parts = [f"of {one['matrix_on']}" if one["matrix_on"] else "", titles.get(one["matrix_artifact_id"], "")]
    parts.append(f"{len(one['matrix'])} lines in {lines}" if one["matrix"] else "")
    return ", ".join(part for part in parts if part)
