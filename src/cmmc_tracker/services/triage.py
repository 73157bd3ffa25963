"""Triage: going through the pile of evidence that is linked to nothing yet, one artifact after the other.

The pile is what the person may edit, is in use, not retired, and has no link in a system of theirs. Where they stopped
is kept with their account, so that they come back there, from whatever browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select, update

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.services import artifact_views
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.artifacts import IN_USE, actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, links, users


@dataclass(frozen=True, slots=True)
class Pile:
    """Which artifacts to go through, and in which order; `systems` are the numbers of those that it is of."""

    systems: tuple[int, ...]
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How many artifacts wait in the pile, how many of them come after this one, how many are linked already."""

    waiting: int
    after: int
    linked: int


def pile_of(work: Work, slug: str = "", *, oldest_first: bool = False) -> Pile:
    """The pile of the actor: of all systems that they contribute to, or of the one that is named."""
    actor = work.actor
    ids = actor.system_ids(Right.CONTRIBUTE) if actor else []
    if actor and slug in actor.systems:
        ids = [one for one in ids if one == actor.systems[slug].system_id]
    return Pile(tuple(ids), oldest_first)


def shown(work: Work, pile: Pile, at: int | None) -> Artifact | None:
    """The artifact to look at: the one at `at` (of the pile, or just linked), else the next one of the pile after it.

    Without `at` it goes on where the actor stopped. None at the end of the pile.
    """
    if at is None:
        place = _place(work)
        found = _first(work, _in(work, pile, place, itself=True)) if place else None
        return found or _first(work, _in(work, pile))
    named = select(artifacts).where(artifacts.c.id == at, *_mine(pile))
    return _first(work, named) or _first(work, _in(work, pile, at))


def step(work: Work, pile: Pile, at: int, *, back: bool = False) -> int | None:
    """The artifact after, or before, one of the pile; None where there is none."""
    row = work.row(_in(work, pile, at, back=back).with_only_columns(artifacts.c.id))
    return row.id if row else None


def remember(work: Work, at: int | None) -> None:
    """Keep where the actor stopped; None: at the end, so that they begin anew."""
    work.bookkeep(update(users).where(users.c.id == actor_id(work)).values(triage_at=at))


def counts(work: Work, pile: Pile, at: int | None) -> Counts:
    """How much is left. `at` is the artifact that is looked at."""
    lies = ~_linked(work).exists()
    beyond = (artifacts.c.id > (at or 0)) if pile.oldest_first else (artifacts.c.id < (at or 0))
    query = select(
        func.coalesce(func.sum(case((lies, 1), else_=0)), 0).label("waiting"),
        func.coalesce(func.sum(case((lies & beyond, 1), else_=0)), 0).label("after"),
        func.count().label("all"),
    ).where(*_mine(pile))
    row = work.db.execute(query).one()
    return Counts(int(row.waiting), int(row.after), int(row.all) - int(row.waiting))


def _place(work: Work) -> int | None:
    row = work.row(select(users.c.triage_at).where(users.c.id == actor_id(work)))
    return row.triage_at if row else None


def _first(work: Work, query: Select[Any]) -> Artifact | None:
    return next(iter(artifact_views.filled(work, work.rows(query.limit(1)))), None)


def _in(work: Work, pile: Pile, at: int | None = None, *, back: bool = False, itself: bool = False) -> Select[Any]:
    """The pile in its order, from `at` on or backwards from it."""
    query = select(artifacts).where(*_mine(pile), ~_linked(work).exists())
    upwards = pile.oldest_first is not back
    if at is not None:
        beyond = artifacts.c.id > at if upwards else artifacts.c.id < at
        query = query.where((beyond | (artifacts.c.id == at)) if itself else beyond)
    return query.order_by(artifacts.c.id if upwards else artifacts.c.id.desc())


def _mine(pile: Pile) -> Sequence[Any]:
    """At home in a system that the actor contributes to, so that nothing else need be asked of who may see it."""
    return IN_USE, artifacts.c.system_id.in_(pile.systems), artifacts.c.status != ArtifactStatus.SUPERSEDED


def _linked(work: Work) -> Select[Any]:
    mine = work.actor.system_ids() if work.actor else []
    return select(links.c.artifact_id).where(links.c.artifact_id == artifacts.c.id, links.c.system_id.in_(mine))
