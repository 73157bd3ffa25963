"""The jobs of the house, done beside the server by one process at a time: what is to be done is read off the database.

No queue: a freeze that was asked for waits for its end, a content without a text for its reader, one whose bytes were
last hashed a month ago for its check, a person with a mail address for a reminder. So nothing is lost with a process
that dies, and every job may run twice without harm. A lease in the database keeps a second process, on this machine or
another, from the same job.
"""

import logging
import os
import platform
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, or_, select, update

from cmmc_tracker.services import imports
from cmmc_tracker.services.handoff import freezing
from cmmc_tracker.services.jobs import checks, reminders, streaming, texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import leases

LEASE = timedelta(minutes=5)  # longer than any turn of a job takes
REST_SECONDS = 2.0
FAILED_SECONDS = 30.0
log = logging.getLogger("cmmc_tracker")


@dataclass(frozen=True, slots=True)
class Job:
    """One job: how often it is looked at, one turn of it, which tells whether there is more to do at once.

    `wanted` is asked first and only reads: an idle house writes nothing.
    """

    name: str
    every: timedelta
    turn: Callable[[House], bool]
    wanted: Callable[[House], bool] = lambda _house: True


def _forget_imports(house: House) -> bool:
    imports.forget_old(house.tracker)
    return False


JOBS = (
    Job("audit-stream", timedelta(0), streaming.turn, streaming.wanted),
    Job(
        "freezes",
        timedelta(0),
        lambda house: freezing.turn(house.tracker),
        lambda house: freezing.wanted(house.tracker),
    ),
    Job("texts", timedelta(0), texts.turn, texts.wanted),
    Job("checks", timedelta(minutes=1), checks.turn, checks.wanted),
    Job("imports", timedelta(minutes=10), _forget_imports),
    Job("reminders", timedelta(minutes=10), reminders.turn),
)


def own_name() -> str:
    """What this process calls itself in a lease."""
    return f"{platform.node()[:40]} {os.getpid()} {secrets.token_hex(4)}"


def go_on(house: House, stopped: Callable[[], bool] = lambda: False) -> None:
    """Do what there is to do, for as long as the process lives; a failure is logged, and tried again later."""
    holder = own_name()
    while not stopped():
        rest = REST_SECONDS
        try:
            rest = 0.0 if turn(house, holder) else REST_SECONDS
        except Exception:
            log.exception("A job failed; it is tried again in %d seconds", FAILED_SECONDS)
            rest = FAILED_SECONDS
        time.sleep(rest)


def turn(house: House, holder: str) -> bool:
    """One turn of every job that is due and that nobody else does; tells whether there is more to do at once."""
    more = False
    for job in JOBS:
        if _is_time(house.tracker, job) and job.wanted(house) and take(house.tracker, job, holder):
            again = _one_turn(house, job)
            give_back(house.tracker, job, holder, done=not again)
            more = more or again
    return more


def _one_turn(house: House, job: Job) -> bool:
    """A turn of a job; its failure is logged and keeps no other job from its turn."""
    try:
        return job.turn(house)
    except Exception:
        log.exception("The job %s failed; it is tried again later", job.name)
        return False


def _is_time(tracker: Tracker, job: Job) -> bool:
    with tracker.read() as work:
        row = work.row(select(leases.c.done_at).where(leases.c.name == job.name))
        done = row.done_at if row is not None else None
        # What was done in the future was done by a clock that was set right since.
        return done is None or done <= work.now - job.every or done > work.now


def take(tracker: Tracker, job: Job, holder: str) -> bool:
    """Take the job for a while, if nobody has it."""
    with tracker.write() as work:
        work.alone(f"lease:{job.name}")
        until = work.now + LEASE
        if work.row(select(leases.c.name).where(leases.c.name == job.name)) is None:
            work.bookkeep(insert(leases).values(name=job.name, holder=holder, until=until))
            return True
        # A lease that ends later than any could was taken by a clock that ran ahead: nobody waits for that day. Clocks
        # of two nodes may differ by a lease: what another node holds by its own clock is still held.
        ahead = leases.c.until > until + LEASE
        free = or_(leases.c.until <= work.now, ahead, leases.c.holder == holder)
        mine = update(leases).where(leases.c.name == job.name, free).values(holder=holder, until=until)
        return bool(work.bookkeep(mine).rowcount)


def give_back(tracker: Tracker, job: Job, holder: str, *, done: bool) -> None:
    """Let others take the job; `done`: nothing was left to do."""
    with tracker.write() as work:
        values = {"until": work.now, **({"done_at": work.now} if done else {})}
        work.bookkeep(update(leases).where(leases.c.name == job.name, leases.c.holder == holder).values(**values))
