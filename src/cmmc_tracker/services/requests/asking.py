"""Asking for evidence: making a request, changing it, closing it, waiving a missed round."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.requests import Asked, RoundState, parse_asked, parse_why
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services import members
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import requests

_CLOSED = "This request is closed. Nothing was changed; ask anew if the evidence is wanted again."
_QUICKER = "Somebody else changed or answered this request meanwhile. Nothing of yours was saved; look at it first."


def ask(work: Work, system: Access, objective: ObjectiveId, given: Mapping[str, Any]) -> int:
    """Ask for evidence for an objective; returns the request's number. The same asked twice in a day is one request."""
    allow(work.actor, Action.REQUEST_MANAGE, system)
    asked = parse_asked(given, work.today)
    values = _values(work, system.system_id, asked)
    work.alone(f"ask:{system.system_id}")
    again = _same(work, system, objective, values)
    if again is not None:
        return again
    made = work.change(
        insert(requests).values(
            system_id=system.system_id,
            requirement=objective.requirement,
            letter=objective.letter,
            created_at=work.now,
            created_by=work.actor.id if work.actor else None,
            **values,
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    detail = {"system": system.slug, "objective": str(objective), **_told(asked)}
    work.record(Event.EVIDENCE_REQUEST_MADE, f"evidence_request:{made[0]}", detail)
    return int(made[0])


def _same(work: Work, system: Access, objective: ObjectiveId, values: Mapping[str, Any]) -> int | None:
    """An open request that asks for just this and was made today: a form that was sent twice."""
    query = select(requests).where(
        requests.c.system_id == system.system_id,
        requests.c.requirement == objective.requirement,
        requests.c.letter == objective.letter,
        requests.c.closed_at.is_(None),
        *(requests.c[name] == value for name, value in values.items()),
    )
    rows = work.rows(query)
    return next((row.id for row in rows if work.day(row.created_at) == work.today), None)


def edit(work: Work, request_id: int, given: Mapping[str, Any], version: int | None) -> None:
    """Change what is wanted, of whom, how often and from when; nothing when nothing differs.

    Raises `Conflict` where the days would change of a request that somebody answered: its rounds would be others.
    """
    row, home = opened(work, request_id, version)
    asked = parse_asked(given, work.today, row.first_due)
    stays = row.asked_of is not None and asked.person == members.names(work, {row.asked_of}).get(row.asked_of)
    values = _values(work, home.system_id, asked, row.asked_of if stays else None)
    changes = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changes:
        return
    if {"cadence", "first_due"} & set(changes) and rounds.rows_of(work, [request_id])[request_id]:
        raise Conflict(
            "A round of this request was answered or waived, so its days stay as they are. Nothing was changed; close "
            "it and ask anew for other days."
        )
    rounds.bump(work, request_id, row.version, **changes)
    known = members.names(work, {row.asked_of})
    before = {name: getattr(row, name) for name in changes if name != "asked_of"}
    if "asked_of" in changes:
        before["person"] = known.get(row.asked_of, "")
    detail = {"before": before, "after": _told(asked), "system": home.slug}
    work.record(Event.EVIDENCE_REQUEST_EDITED, f"evidence_request:{request_id}", detail)


def close(work: Work, request_id: int, reason: str, version: int | None) -> None:
    """Ask no more, and say why. Its links open no more; what was sent stays. Closed already: no error."""
    row, home = managed(work, request_id)
    if row.closed_at is not None:
        return
    _check_version(row, version)
    why = parse_why(reason, "reason")
    rounds.bump(work, request_id, row.version, **_closing(work, why))
    detail = {"reason": why, "system": home.slug}
    work.record(Event.EVIDENCE_REQUEST_CLOSED, f"evidence_request:{request_id}", detail)


def waive(work: Work, request_id: int, number: int, why: str, version: int | None) -> None:
    """Say of a missed round why it will not come any more; a request for once is closed with it."""
    row, home = opened(work, request_id, version)
    found = next((one for one in rounds.of(work, row) if one.number == number), None)
    if found is None:
        raise NotFound("This request has no such round.")
    if found.state is RoundState.WAIVED:
        return
    if found.state is not RoundState.MISSED:
        raise Conflict(f"Only a missed round is waived; this one is {found.state.label}. Nothing was changed.")
    reason = parse_why(why, "why")
    by = work.actor.id if work.actor else None
    rounds.put(work, request_id, number, waived_at=work.now, waived_by=by, waived_why=reason)
    ends = row.cadence == Cadence.ONCE
    rounds.bump(work, request_id, row.version, **(_closing(work, "waived") if ends else {}))
    detail = {"round": number, "due": found.due_on, "why": reason, "system": home.slug, "closed": ends}
    work.record(Event.EVIDENCE_REQUEST_WAIVED, f"evidence_request:{request_id}", detail)


def _closing(work: Work, reason: str) -> dict[str, Any]:
    return {"closed_at": work.now, "closed_by": work.actor.id if work.actor else None, "close_reason": reason}


def managed(work: Work, request_id: int) -> tuple[Any, Access]:
    """The row and the system of a request that is the actor's to act on, and nobody else's meanwhile.

    Raises `NotFound` for strangers to the system, `Forbidden` for who may only view.
    """
    work.alone(f"request:{request_id}")
    row = work.row(select(requests).where(requests.c.id == request_id))
    home = work.actor.by_id(row.system_id) if work.actor and row else None
    if row is None or home is None:
        raise NotFound("There is no such request, or it belongs to a system that you are not a member of.")
    allow(work.actor, Action.REQUEST_MANAGE, home)
    return row, home


def opened(work: Work, request_id: int, version: int | None) -> tuple[Any, Access]:
    """The same of a request that is open and stands as the person saw it; raises `Stale` or `Conflict` otherwise."""
    row, home = managed(work, request_id)
    _check_version(row, version)
    if row.closed_at is not None:
        raise Conflict(_CLOSED)
    return row, home


def _check_version(row: Any, version: int | None) -> None:
    if version not in {None, row.version}:
        raise Stale(_QUICKER)


def _values(work: Work, system_id: int, asked: Asked, stays: int | None = None) -> dict[str, Any]:
    """The columns; `stays` is the member who is asked already, who may have lost the right meanwhile."""
    person = stays or members.named(work, system_id, asked.person, "person", contributing=True)
    return {
        "wanted": asked.wanted,
        "asked_of": person,
        "outside": asked.outside,
        "cadence": asked.cadence,
        "first_due": asked.first_due,
    }


def _told(asked: Asked) -> dict[str, Any]:
    return {
        "wanted": asked.wanted,
        **({"person": asked.person} if asked.person else {"outside": asked.outside}),
        "cadence": asked.cadence,
        "first_due": asked.first_due,
    }
