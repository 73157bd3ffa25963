"""Systems (one for each assessment scope) and who belongs to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, insert, or_, select, update

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.cui import may_be_stored
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.settings import kept
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import settings
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit, findings, implementations, memberships, systems

MAIN = "main"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def prepare(tracker: Tracker) -> None:
    """Make the one system that a new install has; does nothing when there is one already."""
    with tracker.read() as work:
        if work.row(select(systems.c.id).limit(1)):
            return
    with tracker.write() as work:
        if not work.row(select(systems.c.id).limit(1)):
            _insert(work, MAIN, "Main enclave", 2)
            work.record(Event.SYSTEM_CREATED, f"system:{MAIN}", {"level": 2}, actor="the installation")


def create(work: Work, name: str, level: int) -> Access:
    """Make a system of that level with nothing assessed; its maker is its member with all rights but approve."""
    allow(work.actor, Action.SYSTEM_CREATE)
    title = _title(name)
    catalog.load(level)
    work.alone("systems")
    slug = _free_slug(work, title)
    system_id = _insert(work, slug, title, level)
    if work.actor and work.actor.id is not None:
        enrol(work, system_id, work.actor.id)
    work.record(Event.SYSTEM_CREATED, f"system:{slug}", {"name": title, "level": level})
    rights = frozenset({Right.VIEW, Right.CONTRIBUTE, Right.JUDGE})
    cui = may_be_stored(settings.current(work), never=False)
    return Access(system_id, slug, title, level, demo=False, rights=rights, cui=cui)


def _title(name: str) -> str:
    title = clean_line(name)
    if not title or len(title) > 200:
        raise Invalid({"name": "Please give the system a name of at most 200 characters."})
    return title


def _free_slug(work: Work, title: str) -> str:
    base = _NOT_SLUG.sub("-", title.casefold()).strip("-")[:40] or "system"
    taken = {row.slug for row in work.rows(select(systems.c.slug).where(systems.c.slug.startswith(base)))}
    removed = (audit.c.action == Event.SYSTEM_REMOVED, audit.c.entity.startswith(f"system:{base}"))
    taken |= {row.entity.removeprefix("system:") for row in work.rows(select(audit.c.entity).where(*removed))}
    slug = next((s for s in (base, *(f"{base}-{n}" for n in range(2, 1000))) if s not in taken), None)
    if slug is None:
        raise Conflict("There are too many systems of this name; choose another.")
    return slug


def _insert(work: Work, slug: str, name: str, level: int) -> int:
    made = work.change(insert(systems).values(slug=slug, name=name, level=level, created_at=work.now))
    key = made.inserted_primary_key
    assert key is not None  # noqa: S101 a narrowing for the type checker: an INSERT of one row has a key
    system_id = int(key[0])
    furnish(work, system_id, level)
    return system_id


def furnish(work: Work, system_id: int, level: int) -> None:
    """Give a system the requirements and objectives of its level, with nothing said of any."""
    requirements = catalog.load(level).requirements
    work.change(insert(implementations), [{"system_id": system_id, "requirement": r.id} for r in requirements])
    work.change(
        insert(findings),
        [{"system_id": system_id, "requirement": r.id, "letter": o.letter} for r in requirements for o in r.objectives],
    )


@dataclass(frozen=True, slots=True)
class Ruled:
    """A system as administrators rule it: its name, its level, and whether CUI may never be stored in it."""

    id: int
    slug: str
    name: str
    level: int
    cui_never: bool
    version: int


def ruled(work: Work) -> list[Ruled]:
    """All systems of the installation, for administrators, whatever they are members of."""
    allow(work.actor, Action.SETTINGS_EDIT)
    query = select(systems).order_by(systems.c.id)
    return [Ruled(r.id, r.slug, r.name, r.level, r.cui_never, r.version) for r in work.rows(query)]


def rule(work: Work, slug: str, seen: int | None, *, name: str | None = None, cui_never: bool | None = None) -> None:
    """Rename a system, or say whether CUI may never be stored in it. Administrators only.

    Raises `Stale` when somebody else did since version `seen`.
    """
    allow(work.actor, Action.SETTINGS_EDIT)
    row = work.row(select(systems).where(systems.c.slug == slug))
    if row is None:
        raise NotFound("There is no such system.")
    given = {"name": None if name is None else _title(name), "cui_never": cui_never}
    wanted = {one: value for one, value in given.items() if value not in {None, getattr(row, one)}}
    if not wanted and seen in {None, row.version}:
        return
    expected = row.version if seen is None else seen
    named = update(systems).where(systems.c.slug == slug, systems.c.version == expected)
    work.change_one(named.values(version=systems.c.version + 1, **wanted))
    before = {one: getattr(row, one) for one in wanted}
    work.record(Event.SYSTEM_CHANGED, f"system:{slug}", {"before": before, "after": wanted})


def main_id(work: Work) -> int:
    """The number of the system that a new install has."""
    return int(work.db.execute(select(systems.c.id).where(systems.c.slug == MAIN)).scalar_one())


def enrol(work: Work, system_id: int, user_id: int) -> None:
    """Make somebody a member with all rights but approve."""
    work.change(
        insert(memberships).values(
            system_id=system_id, user_id=user_id, may_contribute=True, may_judge=True, may_approve=False
        )
    )


@cache  # every request asks it, and putting it together takes longer than running it
def _of_user() -> Select[Any]:
    lasting = or_(memberships.c.until.is_(None), memberships.c.until > bindparam("now"))
    return (
        select(systems, memberships, settings.inline().label("preferences"))
        .join(memberships, memberships.c.system_id == systems.c.id)
        .where(memberships.c.user_id == bindparam("user"), lasting)
        .order_by(systems.c.id)
    )


def of_user(work: Work, user_id: int, now: datetime) -> Mapping[str, Access]:
    """The systems that somebody is a member of today, by slug, in the order they were made."""
    return {row.slug: _access(row, _rights(row)) for row in work.rows(_of_user(), user=user_id, now=now)}


def all_of(work: Work) -> Mapping[str, Access]:
    """Every system with all rights but approve: what the operator at the command line works with."""
    rights = frozenset({Right.VIEW, Right.CONTRIBUTE, Right.JUDGE})
    query = select(systems, settings.inline().label("preferences")).order_by(systems.c.id)
    return {row.slug: _access(row, rights) for row in work.rows(query)}


def _access(row: Any, rights: frozenset[Right]) -> Access:
    cui = may_be_stored(kept(row.preferences), never=row.cui_never)
    return Access(row.id, row.slug, row.name, row.level, row.demo, rights, cui)


def _rights(row: Any) -> frozenset[Right]:
    held = {Right.VIEW}
    if row.may_contribute:
        held.add(Right.CONTRIBUTE)
    if row.may_judge:
        held.add(Right.JUDGE)
    if row.may_approve:
        held.add(Right.APPROVE)
    return frozenset(held)
