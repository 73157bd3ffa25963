"""All systems of a person side by side, in a fixed number of statements however many there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, cast, func, select

from cmmc_tracker.domain import catalog, clocks, lifecycle, scoring
from cmmc_tracker.domain.assessment import SSP, Status
from cmmc_tracker.domain.lifecycle import PoamClock, Stage, Standing
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.plans import ItemStatus
from cmmc_tracker.domain.scoring import Score
from cmmc_tracker.services import closeouts
from cmmc_tracker.services.remembering import Kind
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    findings,
    implementations,
    plan_items,
    systems,
)

SCORED = 2  # the level whose assessment has a score


@dataclass(frozen=True, slots=True)
class Deadline:
    """The next day that something is due, and what."""

    day: date
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """One system as it stands."""

    system: Access
    score: Score | None  # None where the level has none
    standing: Standing  # what was recorded, and what time made of it
    clock: PoamClock | None  # the 180 days of a Conditional status
    items: int  # open ones, of both plans
    next: Deadline | None


def of_mine(work: Work) -> list[Row]:
    """The actor's systems in the order they were made: seven statements."""
    mine = tuple(work.actor.systems.values()) if work.actor else ()
    for one in mine:
        allow(work.actor, Action.SYSTEM_VIEW, one)
    return list(work.remembered(Kind.PORTFOLIO, mine, lambda: _rows(work, mine)))


def _rows(work: Work, mine: Sequence[Access]) -> tuple[Row, ...]:
    ids = [one.system_id for one in mine]
    scores, standings = _scores(work, mine), closeouts.standings(work, ids)
    items, reviews = _items(work, ids), _reviews(work, ids)
    none = lifecycle.standing(None, [], work.today)
    found = []
    for one in mine:
        stands = standings.get(one.system_id)
        standing, clock = (stands.standing, stands.clock) if stands else (none, None)
        many, planned = items.get(one.system_id, (0, None))
        days = (
            (clock.closeout.last_day if clock and not clock.closeout.is_over else None, "POA&M closeout"),
            (standing.affirmation_due if standing.stage is not Stage.CONDITIONAL else None, "affirmation"),
            (standing.valid_until, "end of the status"),
            (planned, "plan of action"),
            (reviews.get(one.system_id), "review of the security plan"),
        )
        due = [Deadline(day, what) for day, what in days if day is not None]
        soonest = min(due, key=lambda each: each.day) if due else None
        found.append(Row(one, scores.get(one.system_id), standing, clock, many, soonest))
    return tuple(found)


def _scores(work: Work, mine: Sequence[Access]) -> Mapping[int, Score]:
    """The scores, from what is open: a requirement of which nothing is told is MET in all its objectives.

    What is told of a system comes as one text, from which its score is computed once, whoever asks.
    """
    ids = [one.system_id for one in mine if one.level == SCORED]
    counted, plan, switched = _open(ids), _plan(ids), _switched(ids)
    told, plans, partial = ({row.system_id: row.told for row in work.rows(one)} for one in (counted, plan, switched))
    return {one: _score(told.get(one, ""), plans.get(one, ""), partial.get(one, "")) for one in ids}


def _open(ids: list[int]) -> Select[Any]:
    """By system `requirement not-met not-assessed,…`: how many objectives are NOT MET, and not assessed."""
    counts = [
        func.sum(case((findings.c.status == status, 1), else_=0)) for status in (Status.NOT_MET, Status.NOT_ASSESSED)
    ]
    words = [cast(one, String) for one in (findings.c.requirement, *counts)]
    each = (
        select(findings.c.system_id, (words[0] + " " + words[1] + " " + words[2]).label("word"))
        .where(findings.c.system_id.in_(ids), findings.c.status.in_((Status.NOT_MET, Status.NOT_ASSESSED)))
        .where(findings.c.requirement != SSP)
        .group_by(findings.c.system_id, findings.c.requirement)
        .subquery()
    )
    return _joined(each.c.system_id, each.c.word)


def _plan(ids: list[int]) -> Select[Any]:
    """By system `letter status,…`: what was found of the system security plan."""
    word = findings.c.letter + " " + findings.c.status
    return _joined(findings.c.system_id, word).where(findings.c.system_id.in_(ids), findings.c.requirement == SSP)


def _switched(ids: list[int]) -> Select[Any]:
    """By system `requirement,…`: those whose partial value counts."""
    here = (implementations.c.system_id.in_(ids), implementations.c.partial)
    return _joined(implementations.c.system_id, implementations.c.requirement).where(*here)


def _joined(system_id: ColumnElement[int], word: ColumnElement[str]) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [system_id, func.aggregate_strings(word, ",").label("told")]
    return select(*columns).group_by(system_id)


@lru_cache(maxsize=1_024)
def _score(told: str, plan: str, partial: str) -> Score:
    known = catalog.load(SCORED)
    open_ones = {one: (int(not_met), int(rest)) for one, not_met, rest in map(str.split, _words(told))}
    letters = {letter: Status(status) for letter, status in map(str.split, _words(plan))}
    given = {}
    for requirement in known.requirements:
        if requirement.id == SSP:
            given[SSP] = tuple(letters[o.letter] for o in requirement.objectives)
            continue
        not_met, not_assessed = open_ones.get(requirement.id, (0, 0))
        met = len(requirement.objectives) - not_met - not_assessed
        given[requirement.id] = (
            *((Status.NOT_MET,) * not_met),
            *((Status.NOT_ASSESSED,) * not_assessed),
            *((Status.MET,) * met),
        )
    return scoring.score(known, given, partial=frozenset(_words(partial)))


def _words(joined: str) -> list[str]:
    return joined.split(",") if joined else []


def _items(work: Work, ids: list[int]) -> Mapping[int, Any]:
    query = (
        select(plan_items.c.system_id, func.count().label("n"), func.min(plan_items.c.planned_completion).label("day"))
        .where(plan_items.c.system_id.in_(ids), plan_items.c.status != ItemStatus.CLOSED)
        .group_by(plan_items.c.system_id)
    )
    return {row.system_id: (row.n, row.day) for row in work.rows(query)}


def _reviews(work: Work, ids: list[int]) -> Mapping[int, date]:
    query = select(systems.c.id, systems.c.plan_reviewed_on, systems.c.plan_review_months).where(
        systems.c.id.in_(ids), systems.c.plan_reviewed_on.is_not(None)
    )
    return {row.id: clocks.review_due(row.plan_reviewed_on, row.plan_review_months) for row in work.rows(query)}
