"""Handing over: all open duties of one person go to another at once; what cannot go is told, and stays.

One's own duties are one's own to hand over; an administrator does it for somebody who has left. A duty goes only where
the receiver works: nobody is let into a system by being given something to do in it. Assignments go along; that of the
affirming official only by who may name one there, with the title of the next (32 CFR 170.4).
"""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, func, select, update

from cmmc_tracker.domain import assignments as assigning
from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.services import accounts, members, settings
from cmmc_tracker.services.artifacts import actor_id, bumped
from cmmc_tracker.services.assignments import may_assign
from cmmc_tracker.services.findable import remember
from cmmc_tracker.services.plans import owning
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifact_versions, artifacts, assignments, remarks, requests, systems

KINDS = {
    "owned": "evidence to keep fresh",
    "reviewed": "reviews",
    "asked": "requests",
    "questions": "questions",
    "items": "items of the plans",
    assigning.Duty.OWNER: "requirements owned",
    assigning.Duty.REVIEWER: "requirements reviewed",
    assigning.Duty.AFFIRMING_OFFICIAL: "affirming official",
}
_FOR_CONTRIBUTORS = {"owned", "asked", "items"}  # who keeps evidence and plans contributes; all else is for any member
_CHANGED = (
    "Somebody changed these duties meanwhile. Nothing was handed over; look at what goes now, then confirm again."
)
_LIVING = and_(artifacts.c.deleted_at.is_(None), artifacts.c.status != ArtifactStatus.SUPERSEDED)
# By kind: the column that names the person, and what makes the duty an open one.
_DUTIES: Mapping[str, tuple[Column[Any], ColumnElement[bool]]] = {
    "owned": (artifacts.c.owner_id, _LIVING),
    "reviewed": (artifacts.c.reviewer_id, _LIVING),
    "asked": (requests.c.asked_of, requests.c.closed_at.is_(None)),
    "questions": (remarks.c.asked_of, remarks.c.settled_at.is_(None)),
    **{one.value: (assignments.c.user_id, assignments.c.duty == one.value) for one in assigning.Duty},
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


@dataclass(frozen=True, slots=True)
class _Duty:
    """One row that names the person, and how it is changed."""

    kind: str
    system_id: int
    row: Any

    @property
    def key(self) -> int | str:
        """What tells it from others of its kind: a number, or a requirement's id."""
        return self.row.requirement if self.is_assignment else int(self.row.id)

    @property
    def is_assignment(self) -> bool:
        """Whether it is one of a requirement or of the whole system."""
        return self.kind in set(assigning.Duty)

    @property
    def name(self) -> str:
        """What it is about, as a person reads it; empty for a system as a whole."""
        if self.is_assignment:
            return str(self.row.requirement)
        if self.kind == "items":
            return f"{self.row.requirement}: {self.row.weakness[:80]}"
        if self.kind == "asked":
            return f"{self.row.requirement}[{self.row.letter}]"
        return str(self.row.text[:120] if self.kind == "questions" else self.row.title)


@dataclass(slots=True)
class Planned:
    """What would go and what would stay; `version` stands for all of it, and travels in the form that confirms."""

    giver: str
    receiver: str
    goes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by kind; names where they are known
    elsewhere: int = 0  # of those that go, how many are of systems that the actor is no member of
    stayed: list[str] = field(default_factory=list)
    asks_title: bool = False  # whether the duty of affirming official could go
    version: int = 0


def hand_over_own(work: Work, to: str, *, title: str = "", seen: int | None = None) -> HandedOver:
    """Hand all of the actor's open duties over; raises `Stale` where they are not those of the version `seen`."""
    allow(work.actor, Action.OWN_ACCOUNT)
    return _hand_over(work, actor_id(work) or 0, to, title, seen)


def hand_over_of(work: Work, user_id: int, to: str, *, title: str = "", seen: int | None = None) -> HandedOver:
    """Hand somebody's open duties over, as an administrator; raises `NotFound` for no account, `Stale` as above."""
    allow(work.actor, Action.USER_MANAGE)
    accounts.one(work, user_id)
    return _hand_over(work, user_id, to, title, seen)


def preview_own(work: Work, to: str) -> Planned:
    """What would go of the actor's own duties; changes nothing."""
    allow(work.actor, Action.OWN_ACCOUNT)
    return _preview(work, actor_id(work) or 0, to)


def preview_of(work: Work, user_id: int, to: str) -> Planned:
    """What would go of somebody's duties, for an administrator; raises `NotFound` for no account."""
    allow(work.actor, Action.USER_MANAGE)
    accounts.one(work, user_id)
    return _preview(work, user_id, to)


def open_duties(work: Work, user_ids: Sequence[int]) -> Mapping[int, int]:
    """How many open duties each of these people has."""
    found: dict[int, int] = defaultdict(int)
    for column, is_open in _DUTIES.values():
        query = select(column, func.count().label("n")).where(column.in_(user_ids), is_open).group_by(column)
        for row in work.rows(query):
            found[row[0]] += row.n
    for user_id, count in owning.counted(work, user_ids).items():
        found[user_id] += count
    return found


def _preview(work: Work, giver: int, to: str) -> Planned:
    receiver = _receiver(work, giver, to)
    going, stayed = _sorted(work, giver, receiver, "a title")
    names = members.names(work, {giver})
    found = Planned(names.get(giver, ""), receiver.name, stayed=stayed, version=_version(going, receiver))
    for duty in going:
        home = work.actor.by_id(duty.system_id) if work.actor else None
        found.elsewhere += home is None
        found.goes[duty.kind] += [duty.name or home.name] if home else []
        found.asks_title = found.asks_title or duty.kind == assigning.Duty.AFFIRMING_OFFICIAL
    return found


def _version(going: Sequence[_Duty], receiver: members.Member) -> int:
    told = "\n".join(f"{one.kind} {one.system_id} {one.key}" for one in going)
    return zlib.crc32(f"{receiver.id}\n{told}".encode()) % 1_000_000_000


def _hand_over(work: Work, giver: int, to: str, title: str, seen: int | None) -> HandedOver:
    work.alone(f"duties:{giver}")
    receiver, line = _receiver(work, giver, to), clean_line(title)
    if len(line) > assigning.LONGEST:
        raise Invalid({"title": f"This has at most {assigning.LONGEST} characters; this one has {len(line)}."})
    if seen is not None and seen != _version(_sorted(work, giver, receiver, "a title")[0], receiver):
        raise Stale(_CHANGED)
    going, stayed = _sorted(work, giver, receiver, line)
    done = HandedOver(receiver.name, stayed=stayed)
    moved: dict[str, list[int | str]] = defaultdict(list)
    for duty in going:
        if not duty.is_assignment:
            _give(work, duty, giver, receiver)
        done.went[duty.kind] += 1
        moved[duty.kind].append(duty.key)
    _give_assignments(work, giver, [one for one in going if one.is_assignment], receiver, line)
    if moved:
        names = members.names(work, {giver})
        detail = {
            "from": names.get(giver, ""),
            "to": receiver.name,
            **moved,
            "stayed": open_duties(work, [giver])[giver],
        }
        work.record(Event.DUTIES_HANDED_OVER, f"user:{giver}", detail)
    return done


def _sorted(work: Work, giver: int, receiver: members.Member, title: str) -> tuple[list[_Duty], list[str]]:
    """The duties that go, and why the others stay. `title` is that of the next affirming official, or empty."""
    places, going, stayed = _places(work, receiver.id), [], []
    left: dict[int, int] = defaultdict(int)
    for duty in _duties(work, giver):
        if not _may_have(duty, places):
            left[duty.system_id] += 1
        elif duty.kind == "reviewed" and _sent_it(work, duty.row, receiver.id):
            stayed.append(f"Artifact {duty.row.id} stays: {receiver.name} sent what is to be reviewed.")
        elif duty.kind == assigning.Duty.AFFIRMING_OFFICIAL and (why := _official_stays(work, duty, receiver, title)):
            stayed.append(why)
        else:
            going.append(duty)
    return going, stayed + _left(work, left, receiver.name)


def _official_stays(work: Work, duty: _Duty, receiver: members.Member, title: str) -> str:
    """Why the duty of affirming official stays, or nothing: it is no task, but an authority (32 CFR 170.4)."""
    home = work.actor.by_id(duty.system_id) if work.actor else None
    if home is None or not may_assign(work, home):
        where = home.name if home else "another system"
        return f"The affirming official of {where} stays: who may approve there names the next one."
    if not receiver.is_ours:
        return f"The affirming official of {home.name} stays: {receiver.name} is not of our own organization."
    if not title:
        return f"The affirming official of {home.name} stays: give the title of {receiver.name} to hand that over."
    return ""


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
    """Keeping and bringing evidence, and mending by plan, is for who contributes; all else is for any member."""
    if duty.system_id not in places:
        return False
    return places[duty.system_id] or duty.kind not in _FOR_CONTRIBUTORS


def _duties(work: Work, user_id: int) -> list[_Duty]:
    found = []
    for kind, (column, is_open) in _DUTIES.items():
        query = select(column.table).where(column == user_id, is_open).order_by(*column.table.primary_key)
        found += [_Duty(kind, row.system_id, row) for row in work.rows(query)]
    return found + [_Duty("items", row.system_id, row) for row in owning.of_person(work, user_id)]


def _sent_it(work: Work, row: Any, user_id: int) -> bool:
    """Whether they sent the version that stands for review: nobody approves what they sent, unless the settings say."""
    if row.status != ArtifactStatus.IN_REVIEW or settings.current(work).approve_own:
        return False
    current = and_(artifact_versions.c.artifact_id == row.id, artifact_versions.c.number == row.current_version)
    return bool(work.db.execute(select(artifact_versions.c.received_by).where(current)).scalar_one() == user_id)


def _give(work: Work, duty: _Duty, giver: int, receiver: members.Member) -> None:
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
    elif duty.kind == "items":
        owning.give(work, row, members.names(work, {giver})[giver], receiver.name)
    elif duty.kind == "asked":
        rounds.bump(work, row.id, row.version, asked_of=receiver.id)
        told = {"after": {"person": receiver.name}, "system": _slug(work, row.system_id)}
        work.record(Event.EVIDENCE_REQUEST_EDITED, f"evidence_request:{row.id}", told)
    else:
        work.change(update(remarks).where(remarks.c.id == row.id).values(asked_of=receiver.id))


def _give_assignments(work: Work, giver: int, duties: Sequence[_Duty], receiver: members.Member, title: str) -> None:
    """One change and one entry for each system and duty; raises `Stale` where somebody else was quicker."""
    by_place: dict[tuple[int, str], list[str]] = defaultdict(list)
    for one in duties:
        by_place[one.system_id, one.kind].append(one.row.requirement)
    name = members.names(work, {giver}).get(giver, "")
    for (system_id, duty), requirements in sorted(by_place.items()):
        said = title if duty == assigning.Duty.AFFIRMING_OFFICIAL else ""
        here = (assignments.c.system_id == system_id, assignments.c.duty == duty, assignments.c.user_id == giver)
        made = {"assigned_at": work.now, "assigned_by": actor_id(work), "title": said, "contact": ""}
        given = update(assignments).where(*here, assignments.c.requirement.in_(requirements))
        if work.change(given.values(user_id=receiver.id, **made)).rowcount != len(requirements):
            raise Stale(_CHANGED)
        detail = {
            "duty": duty,
            "requirements": [one for one in requirements if one],
            "before": dict.fromkeys(requirements, name),
            "after": {"person": receiver.name, "title": said, "contact": ""},
        }
        work.record(Event.ASSIGNMENT_MADE, f"system:{_slug(work, system_id)}", detail)


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
