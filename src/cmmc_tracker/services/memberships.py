"""Who works in which system, and with which rights: administrators say so, whoever they are in it themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.services import members
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import memberships, systems, users

GRANTED = (Right.CONTRIBUTE, Right.JUDGE, Right.APPROVE)


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody in a system; `until` is the last day, None: without an end."""

    user_id: int
    name: str
    rights: frozenset[Right]
    until: date | None
    disabled: bool


@dataclass(frozen=True, slots=True)
class Staffed:
    """A system with its people."""

    id: int
    slug: str
    name: str
    level: int
    people: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a membership is to be."""

    person: str
    rights: frozenset[Right]
    until: date | None

    @classmethod
    def parse(cls, person: str, rights: list[str], until: str, today: date) -> "Wanted":
        """Read the form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        day = None
        if not person.strip():
            wrong["person"] = "Say who."
        if any(one not in set(GRANTED) for one in rights):
            wrong["rights"] = f"The rights are {', '.join(GRANTED)}."
        try:
            day = parse_day(until)
        except ValueError as error:
            wrong["until"] = str(error)
        if day is not None and day < today:
            wrong["until"] = "This day is over. To end a membership now, take the person out."
        if wrong:
            raise Invalid(wrong)
        return cls(person.strip(), frozenset(map(Right, rights)), day)


def all_systems(work: Work) -> list[Staffed]:
    """Every system with its people: two statements. Administrators only."""
    allow(work.actor, Action.USER_MANAGE)
    query = (
        select(memberships, users.c.name, users.c.disabled_at)
        .join(users, users.c.id == memberships.c.user_id)
        .where(users.c.deleted_at.is_(None))
        .order_by(users.c.name_key)
    )
    people: dict[int, list[Membership]] = {}
    for row in work.rows(query):
        people.setdefault(row.system_id, []).append(_membership(row))
    rows = work.rows(select(systems).order_by(systems.c.id))
    return [Staffed(r.id, r.slug, r.name, r.level, tuple(people.get(r.id, ()))) for r in rows]


def _membership(row: Any) -> Membership:
    held = {right for right in GRANTED if getattr(row, f"may_{right}")}
    until = row.until.date() - timedelta(days=1) if row.until else None
    return Membership(row.user_id, row.name, frozenset(held), until, row.disabled_at is not None)


def put(work: Work, system_id: int, wanted: Wanted) -> bool:
    """Let somebody work in a system with these rights, and no others; tells whether anything changed.

    Raises `Invalid` at `person` for who cannot sign in, `NotFound` for no such system.
    """
    allow(work.actor, Action.USER_MANAGE)
    slug, who = _slug(work, system_id), members.active(work, wanted.person)
    if who is None:
        name = wanted.person[:80]
        raise Invalid(
            {"person": f"There is nobody called {name!r} who can sign in and be a member, as an assessor cannot."}
        )
    work.alone(f"members:{system_id}")
    here = (memberships.c.system_id == system_id, memberships.c.user_id == who.id)
    row = work.row(select(memberships).where(*here))
    values: dict[str, Any] = {f"may_{right}": right in wanted.rights for right in GRANTED}
    # The day counts whole: the membership ends with it.
    end = datetime.combine(wanted.until + timedelta(days=1), time(), UTC) if wanted.until else None
    values["until"] = end
    before = {name: getattr(row, name) for name in values} if row else None
    if before == values:
        return False
    if row is None:
        work.change(insert(memberships).values(system_id=system_id, user_id=who.id, **values))
    else:
        work.change(update(memberships).where(*here).values(**values))
    told = {"person": who.name, "before": _told(before), "after": _told(values)}
    work.record(Event.MEMBERSHIP_CHANGED, f"system:{slug}", told)
    return True


def _told(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {**values, "until": values["until"].isoformat() if values["until"] else None}


def end(work: Work, system_id: int, user_id: int) -> None:
    """Take somebody out of a system; what they did there stays. Raises `NotFound` for who is not in it."""
    allow(work.actor, Action.USER_MANAGE)
    slug = _slug(work, system_id)
    here = (memberships.c.system_id == system_id, memberships.c.user_id == user_id)
    if work.change(delete(memberships).where(*here)).rowcount == 0:
        raise NotFound("This person is not in the system any more.")
    names = members.names(work, {user_id})
    work.record(Event.MEMBERSHIP_ENDED, f"system:{slug}", {"person": names.get(user_id, "")})


def _slug(work: Work, system_id: int) -> str:
    row = work.row(select(systems.c.slug).where(systems.c.id == system_id))
    if row is None:
        raise NotFound("There is no such system.")
    return str(row.slug)
