"""Of the system security plan: how it is kept up (3.12.4[g], [h]), and the annexes."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from cmmc_tracker.domain.changes import ChangeKind
from cmmc_tracker.domain.clocks import review_due
from cmmc_tracker.domain.inventory import uncoded
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.reports.blocks import Block, bullet, fact, heading, minor, paragraph, table

_DUTIES = {"provider": "provider", "customer": "organization", "shared": "both", "not_applicable": "not applicable"}
_WORDS = (
    ("CAGE", "Commercial and Government Entity code"),
    ("CMMC", "Cybersecurity Maturity Model Certification"),
    ("CRM", "customer responsibility matrix: who does what, provider or customer"),
    ("CUI", "Controlled Unclassified Information"),
    ("ESP", "external service provider"),
    ("FCI", "Federal Contract Information"),
    ("FedRAMP", "Federal Risk and Authorization Management Program"),
    ("N/A", "not applicable"),
    ("POA&M", "plan of action and milestones"),
)


def upkeep(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """How often the plan is reviewed, when it was and will be, what changed, who approved."""
    system = snapshot["system"]
    reviewed, months = system["plan_reviewed_on"], system["plan_review_months"]
    yield fact("Reviewed every", f"{months} month{'' if months == 1 else 's'}" if months else "")
    yield fact("Last review", reviewed)
    yield fact("Next review", review_due(date.fromisoformat(reviewed), months) if reviewed and months else "")
    approved = [one for one in snapshot["plan_versions"] if one["approved_at"]]
    last = f"{approved[-1]['approved_by']}, {approved[-1]['approved_at'][:10]}" if approved else ""
    yield fact("Last approved by", last)
    yield heading(2, "8.1 Changes to the system")
    rows = [
        (one["happened_on"], one["text"], ChangeKind(one["kind"]).label, _settled(one)) for one in snapshot["changes"]
    ]
    if rows:
        header = ("On", "What changed", "What it asks for", "Settled")
        yield table(header, rows, (3, 7, 4, 5), "Changes to the system")
    else:
        yield paragraph("No change is recorded.")


def _settled(one: Mapping[str, Any]) -> str:
    if one["settled_on"]:
        return f"{one['settled_on']}: {one['settled']}"
    return "not yet" if ChangeKind(one["kind"]).asks else ""


def annexes(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The inventory, the responsibility matrices, the plans of action, the abbreviations."""
    yield heading(1, "Annex A: Asset inventory")
    yield from inventory(snapshot)
    yield heading(1, "Annex B: Responsibility matrices of providers")
    yield from _matrices(snapshot)
    yield heading(1, "Annex C: Plan of action and milestones")
    yield from _items(snapshot)
    yield heading(1, "Annex D: Abbreviations")
    yield table(("Abbreviation", "Meaning"), _WORDS, (1, 4), "Abbreviations")


def inventory(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The assets with what is recorded of each."""
    drawn = {one["name"] for one in snapshot["groups"] if one["on_diagram"]}
    rows = [
        (
            _lines(one["name"], one["group_name"]),
            AssetCategory(one["category"]).label if one["category"] else "none yet",
            _lines(*(one.get(name, "") for name in ("kind", "model", "serial"))),
            _lines(*(one[name] for name in ("owner", "location", "network"))),
            ", ".join(use.value for use in uncoded(one["cui_use"])),
            "yes" if one["on_diagram"] or one["group_name"] in drawn else "no",
        )
        for one in snapshot["assets"]
    ]
    if not rows:
        yield paragraph("No asset is recorded yet.")
        return
    header = ("Asset, its group", "Category", "Kind, model, serial", "Owner, place, network", "CUI use", "On diagram")
    yield table(header, rows, (5, 4, 5, 5, 3, 3), "Asset inventory")


def _lines(*parts: str) -> str:
    """What is said of a thing, a line each."""
    return "\n".join(part for part in parts if part)


def _matrices(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    found = [one for one in snapshot["providers"] if one["matrix"]]
    if not found:
        yield paragraph("No matrix is recorded.")
    for one in found:
        yield heading(2, one["name"])
        rows = [
            (f"{line['requirement']}[{line['letter']}]", _DUTIES.get(line["duty"], line["duty"]), line["text"])
            for line in one["matrix"]
        ]
        yield table(("Objective", "Done by", "How"), rows, (3, 2, 7), f"Responsibilities of {one['name']}")


def _items(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    """The items of both plans of action, closed ones too: the record stays whole."""
    if not snapshot["items"]:
        yield paragraph("No item is on either plan.")
    for one in snapshot["items"]:
        yield heading(2, f"Item {one['id']}: {one['requirement']}")
        yield fact("Plan", ItemKind(one["kind"]).label)
        yield fact("Status", ItemStatus(one["status"]).label)
        yield fact("Weakness", one["weakness"])
        yield fact("Responsible", one["owner"])
        yield fact("Resources", one["resources"])
        yield fact("Planned completion", one["planned_completion"])
        if one["closed_at"]:
            yield fact("Closed", f"{one['closed_at'][:10]} by {one['closed_by']}: {one['closing_note']}")
        if one["milestones"]:
            yield minor("Milestones")
        for step in one["milestones"]:
            done = f", done {step['done_on']}" if step["done_on"] else ""
            yield bullet(f"{step['text']} (due {step['due_on'] or 'not said'}{done})")
