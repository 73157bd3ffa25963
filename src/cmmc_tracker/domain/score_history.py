"""The score over time, replayed from what was judged when. Pure.

The audit log keeps each judgement with its day, so the line needs no table of its own, and cannot say anything else
than the log. A point is the score at the end of a day (UTC) on which something changed.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Catalog, parse_objective_id
from cmmc_tracker.domain.scoring import score
from cmmc_tracker.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Change:
    """An objective's new status, or a requirement's partial switch; `what` is the objective or the requirement."""

    on: date
    what: str
    status: Status | None = None
    partial: bool | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """How it stood at the end of a day. `value` is None without a score; `total` is what it would have been."""

    on: date
    value: int | None
    total: int | None
    met: int  # requirements that were MET or not applicable
    provisional: bool
    status: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened on a day, to be shown on the line."""

    on: date
    text: str


def replay(catalog: Catalog, changes: Iterable[Change]) -> Iterator[Point]:
    """The points, oldest first, from changes in the order in which they were made.

    What the catalog does not know is passed over: the log may be older than it.
    """
    found = {r.id: [Status.NOT_ASSESSED] * len(r.objectives) for r in catalog.requirements}
    partial: set[str] = set()
    for day, made in groupby(changes, key=lambda one: one.on):
        for change in made:
            if change.status is not None:
                _judge(catalog, found, change)
            elif change.partial is not None:
                (partial.add if change.partial else partial.discard)(change.what)
        yield _point(catalog, day, found, partial)


def _judge(catalog: Catalog, found: dict[str, list[Status]], change: Change) -> None:
    try:
        objective = parse_objective_id(change.what, catalog.level)
        letters = [o.letter for o in catalog.requirement(objective.requirement).objectives]
    except (Invalid, NotFound):
        return
    assert change.status is not None  # noqa: S101 a narrowing for the type checker: the caller looked
    found[objective.requirement][letters.index(objective.letter)] = change.status


def _point(catalog: Catalog, day: date, found: dict[str, list[Status]], partial: AbstractSet[str]) -> Point:
    stood = score(catalog, found, partial)
    total = stood.score if stood.score is not None else stood.hint
    met = stood.counts.met + stood.counts.not_applicable
    return Point(day, stood.score, total, met, stood.provisional, stood.status)
