"""The demo's people and what they recorded: owners, exceptions, a deficiency that is mended by a plan, inheritance."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assignments import Duty, Wanted
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.services import assignments, specials
from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import memberships, users

_EXCEPTION = {
    "basis": "enduring_exception",
    "description": "Mill 3's controller runs the maker's own system, which takes neither our baseline nor an agent.",
    "mitigation": "It stands on the shop floor network; HPP-FW1 lets programs in and nothing out; the hall is locked.",
    "reference": "Section 3, environment: specialized assets",
}
_DEFICIENCY = {
    "basis": "temporary_deficiency",
    "description": "The September update of the drawing program breaks the post-processor of two workstations.",
    "mitigation": "Both run without mail and browser until the vendor's fix is there, and are scanned every day.",
    "reference": "Operational plan of action, the item of 3.14.1",
}
_INHERITED = {
    "basis": "inherited",
    "description": "Tern Monitoring reviews alarms around the clock and calls us.",
    "reference": "Tern Monitoring, matrix line 3.3.5[b]",
}
_ITEM = {
    "requirement": "3.14.1",
    "operational": True,
    "weakness": "Two workstations wait for a fix of the drawing program before they take its update.",
    "owner": "Priya Raman, network",
    "resources": "Nothing to buy",
}
_PROGRESS = ((70, "The vendor has the case, number 80-411."), (12, "A first fix is being tried on one machine."))
# In the order of accounts: each owns these families.
_FAMILIES = (("AC", "IA", "SC"), ("AU", "CM", "SI", "MA"), ("AT", "PS", "PE", "MP"), ("IR", "RA", "CA"))


@contextmanager
def dated(work: Work, days: int) -> Iterator[None]:
    """Let what is done within have happened so many days ago: a demo needs a past."""
    now, work.now = work.now, work.now - timedelta(days=days)
    try:
        yield
    finally:
        work.now = now


def fill(work: Work, main: Access) -> None:
    """Record it, after judgements: a deficiency may only be of what the log saw MET."""
    today = work.today
    reviewed = (today - timedelta(days=_PROGRESS[-1][0])).isoformat()
    for short, given in (
        ("3.4.2[b]", _EXCEPTION),
        ("3.14.1[f]", {**_DEFICIENCY, "reviewed_on": reviewed}),
        ("3.3.5[b]", _INHERITED),
    ):
        specials.record(work, main, parse_objective_id(short), given, 0)
    with dated(work, 80):
        item = keeping.add(work, main, {**_ITEM, "planned_completion": (today + timedelta(days=45)).isoformat()})
    for days, progress in _PROGRESS:
        with dated(work, days):
            keeping.review(work, main, item, {"progress": progress}, None)
    names = members(work, main)
    known = catalog.load(main.level)
    for place, families in enumerate(_FAMILIES if names else ()):
        owned = tuple(one.id for one in known.requirements if one.family in families)
        wanted = Wanted(Duty.OWNER, owned, names[place % len(names)].name, "", "")
        assignments.assign(work, main, wanted, None)


def members(work: Work, main: Access) -> list[Any]:
    """The accounts that work in the system, in the order in which they were made."""
    query = select(users.c.id, users.c.name).join(memberships, memberships.c.user_id == users.c.id)
    able = query.where(memberships.c.system_id == main.system_id, users.c.disabled_at.is_(None))
    return work.rows(able.order_by(users.c.id))
