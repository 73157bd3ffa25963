"""Of the system security plan: the requirements one by one, what does not apply, and what is met by an exception.

The words of how far something is implemented are no findings, and nothing is counted from them (32 CFR 170.24).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from cmmc_tracker.domain import plan_source
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Requirement, load
from cmmc_tracker.domain.plan_document import Document, RequirementText
from cmmc_tracker.domain.plan_source import Source
from cmmc_tracker.domain.plans import ItemKind
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.reports.blocks import Block, bullet, fact, heading, markdown, minor, paragraph, shown, table, words_of

STATES = {
    "implemented": "Implemented",
    "partial": "Partially implemented",
    "planned": "Planned",
    "inherited": "Inherited",
    "alternative": "Alternative (adjudicated by the DoD CIO)",
    "not_applicable": "Not applicable",
}
_BY = {"own": "the organization", "provider": "a provider", "shared": "the organization and a provider"}
_EXCEPTIONS = {Basis.ENDURING_EXCEPTION, Basis.TEMPORARY_DEFICIENCY}
_UNSAID = "Not described yet."

Linked = Mapping[str, Sequence[tuple[Mapping[str, Any], str]]]


def requirements(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    """All requirements of the level in catalog order, by family."""
    said = {one.id: one for one in document.requirements}
    linked = _linked(snapshot)
    owners = _owners(snapshot)
    special = {(one["requirement"], one["letter"]): one for one in snapshot["specials"]}
    yield paragraph(
        "Of each requirement: how far it is implemented, by whom, what an assessment found where there was one, and "
        "how it is done. How far something is implemented is the organization's own word, and no finding."
    )
    for number, family in enumerate(load(document.level).families, 1):
        yield heading(2, f"5.{number} {family.name}")
        for one in family.requirements:
            yield from _requirement(one, said[one.id], document, special)
            yield from _owned(owners.get(one.id, ()))
            yield from _evidence(linked.get(one.id, ()))
            yield from _planned(said[one.id])


def _requirement(
    one: Requirement, said: RequirementText, document: Document, special: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[Block]:
    yield heading(3, f"{one.id} {one.title}")
    yield fact("Implementation", STATES[said.implementation])
    yield fact("Done by", _BY[said.responsibility])
    if any(objective.status != Status.NOT_ASSESSED for objective in said.objectives):
        yield fact("Finding", Status(said.status).label)
        each = "; ".join(f"[{o.letter}] {_found(one.id, o.letter, o.status, special)}" for o in said.objectives)
        yield fact("By objective", each)
    else:
        yield fact("Finding", Status.NOT_ASSESSED.label)
    if said.is_written:
        yield from _written(said, document)
    else:
        yield paragraph(_UNSAID, italic=True)
    values = [(f"[{o.letter}]", o.value_name, o.value or "not defined yet") for o in said.objectives if o.value_name]
    if values:
        yield table(("Objective", "What", "Value"), values, (2, 5, 5), f"{plan_source.VALUES}, {one.id}")


def sources(document: Document, blocks: Sequence[Block]) -> dict[str, Source]:
    """What a document of these blocks keeps of each requirement that something is written of."""
    said = {f"{one.id} {one.title}": one for one in document.requirements if one.is_written}
    found = {}
    for at, block in enumerate(blocks):
        one = said.get(block["text"]) if block["kind"] == "heading" and block["level"] == 3 else None
        if one is None:
            continue
        shown_of_it = takewhile(lambda below: below["kind"] != "heading", blocks[at + 1 :])
        lines = plan_source.lines_of("\n".join(words for below in shown_of_it for words in words_of(below)))
        objectives = {o.letter: o.text for o in one.objectives if o.text}
        found[one.id] = Source(plan_source.digest(lines), one.narrative, objectives)
    return found


def _found(requirement: str, letter: str, status: str, special: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
    """An objective's finding, and on what it rests where that is special and bears the finding."""
    found = Status(status)
    one = special.get((requirement, letter))
    return f"{found.label} ({Basis(one['basis']).label})" if one and Basis(one["basis"]).carries(found) else found.label


def _written(said: RequirementText, document: Document) -> Iterator[Block]:
    """How it is done: as a whole, and by objective where it is written so."""
    names = document.references()
    if said.narrative.strip():
        yield minor(plan_source.WRITTEN)
        yield from markdown(said.narrative, names)
    for one in said.objectives:
        if one.text:
            yield minor(plan_source.of_objective(one.letter))
            yield from markdown(one.text, names)
    if said.left_out and not said.narrative.strip():
        yield paragraph(f"{plan_source.LEFT_OUT}: {' '.join(f'[{letter}]' for letter in said.left_out)}", italic=True)


def _linked(snapshot: Mapping[str, Any]) -> Linked:
    """For each requirement the artifacts that are linked there, with the letters of the objectives."""
    found: dict[str, list[tuple[Mapping[str, Any], str]]] = defaultdict(list)
    for artifact in snapshot["artifacts"]:
        letters: dict[str, list[str]] = defaultdict(list)
        for link in artifact["links"]:
            letters[link["requirement"]].append(f"[{link['letter']}]")
        for requirement, of_it in letters.items():
            found[requirement].append((artifact, " ".join(of_it)))
    return found


def _evidence(linked: Sequence[tuple[Mapping[str, Any], str]]) -> Iterator[Block]:
    if linked:
        yield minor(plan_source.ARTIFACTS)
    for artifact, letters in linked:
        state = artifact["status"].replace("_", " ")
        yield bullet(f"{artifact['title']} (version {artifact['current_version']}, {state}): {letters}")


def _owners(snapshot: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """For each requirement who owns and who reviews it."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in snapshot["assignments"]:
        if one["requirement"]:
            found[one["requirement"]].append(f"{one['user']} ({one['duty'].replace('_', ' ')})")
    return found


def _owned(owners: Sequence[str]) -> Iterator[Block]:
    if owners:
        yield fact(plan_source.ANSWERED, ", ".join(owners))


def _planned(said: RequirementText) -> Iterator[Block]:
    if said.planned:
        yield minor(plan_source.PLANNED)
    for one in said.planned:
        until = f", to be completed by {one.planned_completion}" if one.planned_completion else ""
        yield bullet(f"{ItemKind(one.kind).label}{until}: {one.weakness}")


def not_applicable(snapshot: Mapping[str, Any], document: Document) -> Iterator[Block]:
    """Each objective that was found N/A: why, by whom, when (3.12.4[d]); and what only the plan says does not apply."""
    found = [one for one in snapshot["findings"] if one["status"] == Status.NOT_APPLICABLE]
    rows = [
        (
            f"{one['requirement']}[{one['letter']}]",
            one["note"] or "no reason recorded",
            one["judged_by"] or "not recorded",
            shown(one["judged_at"])[:10],
            f"{one['confirmed_by']}, {shown(one['confirmed_at'])[:10]}" if one["confirmed_at"] else "not yet",
        )
        for one in found
    ]
    if rows:
        header = ("Objective", "Reason", "Found by", "On", "Confirmed by")
        yield table(header, rows, (4, 7, 3, 3, 4), "Objectives that do not apply")
    else:
        yield paragraph("No objective was found not applicable.")
    only = [
        one.id
        for one in document.requirements
        if one.implementation == "not_applicable" and one.status != Status.NOT_APPLICABLE
    ]
    if only:
        yield paragraph(f"The plan says that these do not apply, and no finding bears it out: {', '.join(only)}.")


def exceptions(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """Enduring exceptions and temporary deficiencies with what makes up for them (32 CFR 170.24(b)(1)(i), (ii))."""
    found = [one for one in snapshot["specials"] if one["basis"] in _EXCEPTIONS]
    if not found:
        yield paragraph("None is recorded.")
    states = {(one["requirement"], one["letter"]): Status(one["status"]) for one in snapshot["findings"]}
    for one in found:
        basis, state = Basis(one["basis"]), states[one["requirement"], one["letter"]]
        yield heading(2, f"{one['requirement']}[{one['letter']}]: {basis.label}")
        effect = "" if basis.carries(state) else "; the record is without effect"
        yield fact("Finding", f"{state.label}{effect}")
        yield fact("What and why", one["description"])
        yield fact("Mitigation", one["mitigation"])
        yield fact("Reference", one["reference"])
        yield fact("Last review", one["reviewed_on"])
        by = shown(one["recorded_by"])
        yield fact("Recorded", f"{shown(one['recorded_at'])[:10]}{f' by {by}' if by else ''}")
        yield from _reviews(snapshot, one["requirement"])


def _reviews(snapshot: Mapping[str, Any], requirement: str) -> Iterator[Block]:
    """The reviews of the operational plan's items of that requirement."""
    items = [one for one in snapshot["items"] if one["requirement"] == requirement]
    rows = [
        (review["reviewed_on"], review["progress"])
        for one in items
        if one["kind"] == ItemKind.OPERATIONAL
        for review in one["reviews"]
    ]
    if rows:
        yield minor("Reviews of the operational plan")
        yield table(("On", "Progress"), rows, (1, 5), f"Reviews of the operational plan, {requirement}")
