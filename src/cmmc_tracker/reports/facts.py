"""What every document of a system says of itself: whose it is, as of when, and what is still open. Pure."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.reports.cells import Cell, Sheet

HOLDS = {"cui": "CUI", "spd": "security protection data", "none": "nothing of ours"}
BASES = {
    "authorized": "FedRAMP authorized",
    "equivalent": "FedRAMP Moderate equivalent",
    "not_needed": "none needed",
}


def provisional(snapshot: Mapping[str, Any]) -> str:
    """That something is not assessed yet, in the words that every document uses; empty where everything is."""
    open_ = snapshot["score"]["unassessed_objectives"]
    whole = sum(len(one.objectives) for one in load(snapshot["system"]["level"]).requirements)
    return f"PROVISIONAL: {open_} of {whole} objectives not assessed" if open_ else ""


def score(snapshot: Mapping[str, Any]) -> str:
    """The score in words: `74 of 110`, or why there is none."""
    found = snapshot["score"]
    return f"{found['score']} of {found['max']}" if found["score"] is not None else f"none: {found['reason']}"


def about(snapshot: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """Names and values of the system and the moment, for a sheet or the head of a page."""
    system, found = snapshot["system"], snapshot["score"]
    return [
        ("Organization", snapshot["organization"]),
        ("System", system["name"]),
        ("CMMC level", system["level"]),
        ("CAGE codes", ", ".join(system["cage_codes"].split())),
        ("Assessment scope", scope(snapshot)),
        ("As of (UTC)", snapshot["frozen_at"]),
        ("Made with", f"CMMC Artifact Tracker {version('cmmc-tracker')}"),
        ("State", provisional(snapshot) or "All objectives are assessed."),
        ("Score", score(snapshot)),
        ("Supports", f"{found['supports']}: {found['supports_reason']}"),
    ]


def scope(snapshot: Mapping[str, Any]) -> str:
    """The assessment scope as it is called in SPRS: its kind, and its name where it has one of its own."""
    system = snapshot["system"]
    kind, name = system.get("scope_kind", ""), system.get("scope_name", "") or system["name"]
    return f"{kind.capitalize()}: {name}" if kind else name


def named(snapshot: Mapping[str, Any]) -> dict[int, str]:
    """The titles of the artifacts that providers name, by number; records of before have only those that are linked."""
    return {one["id"]: one["title"] for one in (*snapshot["artifacts"], *snapshot.get("named", ()))}


def summary(snapshot: Mapping[str, Any], more: Sequence[tuple[str, Cell]] = ()) -> Sheet:
    """The sheet that says of what a workbook is."""
    return Sheet("Summary", ("Field", "Value"), [*about(snapshot), *more])
