"""Hashing all bytes again, over and over within thirty days, and saying where they are not what was received."""

import time

from cmmc_tracker.errors import Busy
from cmmc_tracker.services import integrity
from cmmc_tracker.services.jobs.house import House

SECONDS = 10.0  # of one turn a minute: a sixth of a core at most


def wanted(house: House) -> bool:
    """Whether the last check of a content is long ago."""
    return bool(integrity.due(house.tracker, most=1))


def turn(house: House) -> bool:
    """Check what was not checked for the longest time, for some seconds. There is always a next turn, in a minute."""
    begun = time.monotonic()
    while time.monotonic() - begun < SECONDS:
        due = integrity.due(house.tracker, most=20)
        if not due:
            return False
        for sha256, size in due:
            try:
                integrity.check(house.tracker, sha256, size)
            except (Busy, OSError):  # the store is away: `/readyz` says so, and the next turn comes
                return False
            if time.monotonic() - begun > SECONDS:
                return False
    return False
