"""What was made from the database is kept in the process until anything is recorded, and never longer than a minute.

Whatever changes what people rely on appends to the audit log in the same transaction (`work`), so two reading
transactions that see the same newest entry see the same records: its number and its hash stand for all of them. Counts
that no person made (`Work.bookkeep`) are not in the log; what is made of those may be a minute old.
"""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar, cast

LONGEST = 60.0  # seconds: what somebody changed past the program, in the database itself, is seen after that
_T = TypeVar("_T")


class Kind(StrEnum):
    """What is kept. Nothing of it may be changed by who gets it."""

    CONTRADICTIONS = "contradictions"
    FINDINGS = "findings"
    HISTORY = "history"
    OVERVIEW = "overview"  # of a person
    PICTURE = "picture"
    PORTFOLIO = "portfolio"  # of a person
    SNAPSHOT = "snapshot"


# How many of each: a snapshot of 2,000 assets is some megabytes, the overview of a person a line.
MOST: Mapping[Kind, int] = {
    Kind.CONTRADICTIONS: 8,
    Kind.FINDINGS: 8,
    Kind.HISTORY: 8,
    Kind.OVERVIEW: 200,
    Kind.PICTURE: 20,
    Kind.PORTFOLIO: 20,
    Kind.SNAPSHOT: 4,
}


class Stand(NamedTuple):
    """How far the records were when something was made: the newest entry of the audit log, and the day."""

    entry: int
    hash: str
    day: date


class Memory:
    """What this process made of the newest stand that it saw."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stand: Stand | None = None
        self._since = 0.0
        self._kept: dict[tuple[Kind, Any], Any] = {}

    def once(self, stand: Stand, kind: Kind, of: Any, make: Callable[[], _T]) -> _T:
        """What `make` gives, made once for a stand. `of`: which one of the kind, with all that it depends on.

        Two threads that ask at once may both make it: neither waits for the other.
        """
        with self._lock:
            self._forget(stand)
            if self._stand == stand and (kind, of) in self._kept:
                return cast("_T", self._kept[kind, of])
        made = make()
        with self._lock:
            if self._stand == stand and sum(one is kind for one, _ in self._kept) < MOST[kind]:
                self._kept[kind, of] = made
        return made

    def _forget(self, stand: Stand) -> None:
        """All of another stand, but not of a newer one: who reads in a long transaction sees an old one."""
        over = self._clock() - self._since > LONGEST
        known = self._stand
        if over or known is None or (stand != known and stand.entry >= known.entry):
            self._kept.clear()
            self._stand, self._since = stand, self._clock()
