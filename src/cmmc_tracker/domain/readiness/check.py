"""What a check is, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from cmmc_tracker.domain.snapshot import Snapshot


class Level(StrEnum):
    """How much a finding weighs."""

    STOPS = "stops"  # the status is not to be had with it
    RISK = "risk"  # an assessor would raise it
    HINT = "hint"  # practice, not rule


class Finding(NamedTuple):  # there may be thousands, and a tuple is made in a third of the time
    """One thing to mend: what, in a sentence, and where. `requirement` is empty where it is of the whole system."""

    check: int
    sentence: str
    requirement: str = ""
    letter: str = ""
    person: str = ""  # whose it is to mend, where that is known
    subject: str = ""  # what else it is about, such as asset:4


@dataclass(frozen=True, slots=True)
class Check:
    """A question that is put to a snapshot."""

    number: int
    title: str
    level: Level
    why: str  # with the clause
    look: Callable[[Snapshot], Iterator[Finding]] = field(compare=False)
