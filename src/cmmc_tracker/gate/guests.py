"""Large bodies on their way in: whose they are, how large one may be, and how many one person may have under way.

A body waits in the spool until it is whole. Without a count one person's connections could fill its disk.
"""

import threading
from collections import Counter
from dataclasses import dataclass

from cmmc_tracker.gate.uploads import AT_ONCE, too_many


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody whose large body is taken in: the person or link, the most bytes that the address takes, and how many
    bodies they may have under way."""

    owner: str
    most: int
    at_once: int = AT_ONCE


class Places:
    """How many large bodies each person has under way in this process. The thread that reads takes, any may leave."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, guest: Guest) -> None:
        """Take one of the person's places; raises `TooMany` when all are taken."""
        with self._lock:
            if self._taken[guest.owner] >= guest.at_once:
                raise too_many(guest.at_once)
            self._taken[guest.owner] += 1

    def leave(self, owner: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]
