"""Handing over: all open duties of one person go to another at once; what cannot go is told, and stays.

One's own duties are one's own to hand over; an administrator does it for somebody who has left. A duty goes only where
the receiver works: nobody is let into a system by being given something to do in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, func, select, update

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services import accounts, members, settings
from cmmc_tracker.services.artifacts import bumped
from cmmc_tracker.services.findable import remember
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_versions, artifacts, remarks, requests, systems

KINDS = {"owned": "evidence to keep fresh", "reviewed": "reviews", "asked": "requests", "questions": "questions"}
_LIVING = and_(artifacts.c.deleted_at.is_(None), artifacts.c.status != ArtifactStatus.SUPERSEDED)
# By kind: the column that names the person, and what makes the duty an open one.
_DUTIES: Mapping[str, tuple[Column[Any], ColumnElement[bool]]] = {
    "owned": (artifacts.c.owner_id, _LIVING),
    "reviewed": (artifacts.c.reviewer_id, _LIVING),
    "asked": (requests.c.asked_of, requests.c.closed_at.is_(None)),
    "questions": (remarks.c.asked_of, remarks.c.settled_at.is_(None)),
}


@dataclass(slots=True)
class HandedOver:
    """What went, in numbers by kind, and what stayed, in sentences."""

    receiver: str
    went: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    stayed: list[str] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What happened, in a sentence."""
        parts = [f"{KINDS[kind]}: {count}" for kind, count in self.went.items()]
        done = f"Handed over to {self.receiver}: {', '.join(parts)}." if parts else "Nothing was handed over."
        return " ".join([done, *self.stayed])


@dataclass(slots=True)
class _Duty:
    """One row that names the person, and how it is changed."""

    kind: str
    system_id: int
    row: Any


def hand_over_own(work: Work, to: str) -> HandedOver:
    """Hand all of the actor's open duties over."""
    allow(work.actor, Action.OWN_ACCOUNT)
    return _hand_over(work, work.actor.id or 0 if work.actor else 0, to)


def hand_over_of(work: Work, user_id: int, to: str) -> HandedOver:
    """Hand somebody's open duties over, as an administrator; raises `NotFound` for no account."""
    allow(work.actor, Action.USER_MANAGE)
    accounts.one(work, user_id)
    return _hand_over(work, user_id, to)


def open_duties(work: Work, user_ids: Sequence[int]) -> Mapping[int, int]:
    """How many open duties each of these people has."""
    found: dict[int, int] = defaultdict(int)
    for column, is_open in _DUTIES.values():
        query = select(column, func.count().label("n")).where(column.in_(user_ids), is_open).group_by(column)
        for row in work.rows(query):
            found[row[0]] += row.n
    return found


def _hand_over(work: Work, giver: int, to: str) -> HandedOver:
    work.alone(f"duties:{giver}")
    receiver = _receiver(work, giver, to)
    places = _places(work, receiver.id)
    done = HandedOver(receiver.name)
    left: dict[int, int] = defaultdict(int)
    moved: dict[str, list[int]] = defaultdict(list)
    for duty in _duties(work, giver):
        if not _may_have(duty, places):
            left[duty.system_id] += 1
        elif duty.kind == "reviewed" and _sent_it(work, duty.row, receiver.id):
            done.stayed.append(f"Artifact {duty.row.id} stays: {receiver.name} sent what is to be reviewed.")
        else:
            _give(work, duty, receiver)
            done.went[duty.kind] += 1
            moved[duty.kind].append(duty.row.id)
    done.stayed += _left(work, left, receiver.name)
    if moved:
        names = members.names(work, {giver})
        detail = {"from": names.get(giver, ""), "to": receiver.name, **moved, "stayed": sum(left.values())}
        work.record(Event.DUTIES_HANDED_OVER, f"user:{giver}", detail)
    return done


def _receiver(work: Work, giver: int, to: str) -> members.Member:
    name = clean_line(to)
    found = members.active(work, name) if name else None
    if found is None:
        raise Invalid({"to": "Choose somebody who can sign in. Nothing was handed over."})
    if found.id == giver:
        raise Invalid({"to": "Choose somebody else: these duties are theirs already."})
    return found


def _places(work: Work, user_id: int) -> Mapping[int, bool]:
    """The systems that somebody works in, and whether they may bring evidence there."""
    return {row.system_id: bool(row.may_contribute) for row in members.memberships_of(work, user_id)}


def _may_have(duty: _Duty, places: Mapping[int, bool]) -> bool:
    """Reviews and questions are for any member; keeping and bringing evidence is for who contributes."""
    if duty.system_id not in places:
        return False
    return places[duty.system_id] or duty.kind in {"reviewed", "questions"}


def _duties(work: Work, user_id: int) -> list[_Duty]:
    found = []
    for kind, (column, is_open) in _DUTIES.items():
        query = select(column.table).where(column == user_id, is_open).order_by(column.table.c.id)
        found += [_Duty(kind, row.system_id, row) for row in work.rows(query)]
    return found


def _sent_it(work: Work, row: Any, user_id: int) -> bool:
    """Whether they sent the version that stands for review: nobody approves what they sent, unless the settings say."""
    if row.status != ArtifactStatus.IN_REVIEW or settings.current(work).approve_own:
        return False
    current = and_(artifact_versions.c.artifact_id == row.id, artifact_versions.c.number == row.current_version)
    return bool(work.db.execute(select(artifact_versions.c.received_by).where(current)).scalar_one() == user_id)


def _give(work: Work, duty: _Duty, receiver: members.Member) -> None:
    row = duty.row
    if duty.kind in {"owned", "reviewed"}:
        column = "owner_id" if duty.kind == "owned" else "reviewer_id"
        now = work.db.execute(select(artifacts.c.version).where(artifacts.c.id == row.id)).scalar_one()
        work.change_one(bumped(row.id, now, **{column: receiver.id}))
        remember(work, row.id)
        name = column.removesuffix("_id")
        before = members.names(work, {getattr(row, column)}).get(getattr(row, column), "")
        detail = {"before": {name: before}, "after": {name: receiver.name}}
        work.record(Event.ARTIFACT_EDITED, f"artifact:{row.id}", detail)
    elif duty.kind == "asked":
        rounds.bump(work, row.id, row.version, asked_of=receiver.id)
        told = {"after": {"person": receiver.name}, "system": _slug(work, row.system_id)}
        work.record(Event.EVIDENCE_REQUEST_EDITED, f"evidence_request:{row.id}", told)
    else:
        work.change(update(remarks).where(remarks.c.id == row.id).values(asked_of=receiver.id))


def _slug(work: Work, system_id: int) -> str:
    return str(work.db.execute(select(systems.c.slug).where(systems.c.id == system_id)).scalar_one())


def _left(work: Work, left: Mapping[int, int], receiver: str) -> list[str]:
    """What stays where the receiver does not work; systems that the actor may not know of are not named."""
    said = []
    for system_id, count in left.items():
        home = work.actor.by_id(system_id) if work.actor else None
        things = "1 duty stays" if count == 1 else f"{count} duties stay"
        where = f"in {home.name}" if home else "in another system"
        said.append(f"{things} {where}: {receiver} does not work there, or may only look.")
    return said
