"""One page for the affirming official before affirming: what the record says, and what has changed since. Pure.

Who affirms states that the requirements are met and will be (32 CFR 170.22(a)(1)); so the page names what speaks
against it, and leaves the judgement to the person.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.changes import ChangeKind
from cmmc_tracker.domain.lifecycle import Standing
from cmmc_tracker.domain.readiness import CHECKS, Level

PLACES = 6  # objectives that are named for each check that is open
Findings = Mapping[tuple[str, str], str]  # the status of each objective, by requirement and letter


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page is made of; `drift` None: there is no package of record to compare with."""

    standing: Standing
    score: int | None
    max: int | None
    supports: str
    supports_reason: str
    unproven: int  # objectives that are MET without an approved artifact
    readiness: str  # what the readiness checks say, in a sentence
    drift: int | None  # objectives that stand otherwise than in the package of record
    changes: tuple[tuple[str, date | None], ...]  # since the status: kind, and when it was settled

    @property
    def lines(self) -> tuple[str, ...]:
        """The page, line by line."""
        found = "no score" if self.score is None else f"{self.score} of {self.max}"
        unsettled = sum(ChangeKind(kind).asks and settled is None for kind, settled in self.changes)
        otherwise = _several(self.drift or 0, "objective stands", "objectives stand")
        drift = f"{otherwise} otherwise than in the package of record."
        unproven = _several(self.unproven, "objective is", "objectives are")
        changed = _several(len(self.changes), "change of the environment was", "changes of the environment were")
        asks = _several(unsettled, "of them asks", "of them ask") if unsettled else "none of them asks"
        asking = f"; {asks} for more" if self.changes else ""
        return (
            f"Recorded: {self.standing.name}. {self.standing.reason}",
            f"Found now: {found}; that supports {self.supports}. {self.supports_reason}",
            *([drift] if self.drift is not None else []),
            f"{unproven} MET without an approved artifact.",
            self.readiness,
            f"{changed} registered since{asking}.",
        )


def _several(number: int, one: str, more: str) -> str:
    return f"{number or 'No'} {more if number > 1 else one}"


def open_checks(found: Iterable[tuple[int | str, str]]) -> list[str]:
    """The readiness checks that are open with the places that they name, what stops a status first.

    `found` are findings: the number of the check (what is no check is left out), and the objective or requirement,
    empty for the whole system. What is MET without evidence, or with drafts only, is among them: checks 1 and 2 (32 CFR
    170.24(b)(1)).
    """
    places: dict[int | str, list[str]] = {}
    for number, place in found:
        places.setdefault(number, []).append(place)
    listed = sorted((one for one in CHECKS if one.number in places), key=lambda one: list(Level).index(one.level))
    return [f"{one.title}: {_named(places[one.number])}" for one in listed]


def _named(places: list[str]) -> str:
    named = [one for one in dict.fromkeys(places) if one]
    shown = ", ".join(named[:PLACES])
    if not shown:
        return str(len(places))
    return f"{shown}, and {len(named) - PLACES} more" if len(named) > PLACES else shown


def drift(then: Findings, now: Findings) -> list[str]:
    """The objectives that stand otherwise now than they did then, in sentences, in the order of now."""
    return [
        f"{requirement}[{letter}]: {Status(before).label} then, {Status(status).label} now"
        for (requirement, letter), status in now.items()
        if (before := then.get((requirement, letter), status)) != status
    ]


def findings(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The statuses of a snapshot's findings."""
    return {(one["requirement"], one["letter"]): one["status"] for one in rows}
