"""Sending the audit log on to a collector, where one is named. The lease keeps it in order: one process sends."""

import time

from cmmc_tracker.services import audit_stream
from cmmc_tracker.services.jobs.house import House

SECONDS = 20.0  # of one turn, after which others may take over


def wanted(house: House) -> bool:
    """Whether an entry waits for the collector."""
    if house.stream is None:
        return False
    with house.tracker.read() as work:
        return audit_stream.is_due(audit_stream.standing(work, house.stream), work.now)


def turn(house: House) -> bool:
    """Send what waits, for some seconds; tells whether more waits."""
    begun = time.monotonic()
    if house.stream is None:
        return False
    while audit_stream.send(house.tracker, house.stream):
        if time.monotonic() - begun > SECONDS:
            return True
    return False
