"""The readiness report: what our own checks find open, by how much it weighs; never a percentage, and no forecast."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cmmc_tracker.domain.readiness import CHECKS, Level
from cmmc_tracker.reports.blocks import Block, heading, paragraph, table
from cmmc_tracker.reports.pdf import paper, typeset

_LEVELS = {
    Level.STOPS: ("What stops a status", "With one of these open no status is to be had."),
    Level.RISK: ("What an assessor would raise", "Each rests on the rule named with it."),
    Level.HINT: ("Hints", "Practice, not rule. Hints can be switched off for a system."),
}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The report of a snapshot."""
    return typeset(paper(snapshot, "Readiness report", _blocks(snapshot)), snapshot["frozen_at"])


def _blocks(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    yield paragraph(snapshot.get("readiness", ""))
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for one in snapshot["not_ready"]:
        found[one["check"]].append(one)
    for level, (title, about) in _LEVELS.items():
        yield heading(1, title)
        open_ = [check for check in CHECKS if check.level is level and check.number in found]
        yield paragraph(about if open_ else "None of these checks is open.")
        for check in open_:
            yield heading(2, f"{check.number} {check.title}")
            yield paragraph(check.why, italic=True)
            rows = [(", ".join(places), *said) for said, places in _alike(found[check.number])]
            yield table(("Where", "What", "Whose"), rows, (9, 7, 3))


def _alike(found: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """The places of which the same is said, and who is to mend it, in the order of the first of each."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in found:
        places[one["sentence"], one.get("person", "")].append(_place(one))
    yield from places.items()


def _place(one: Mapping[str, Any]) -> str:
    return f"{one['requirement']}[{one['letter']}]" if one["letter"] else one["requirement"] or "the system"
