"""Who works in a system: to name an owner, a reviewer, or somebody a question or a request goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.permissions import Action, Organization, Right, allow
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import memberships, users

_ABLE = and_(users.c.disabled_at.is_(None), users.c.deleted_at.is_(None), users.c.organization != Organization.ASSESSOR)


@dataclass(frozen=True, slots=True)
class Member:
    """A person as a choice in a list."""

    id: int
    name: str
    is_ours: bool = True  # of our own organization; an affirming official is (32 CFR 170.4)


def of_system(work: Work, system_id: int) -> list[Member]:
    """The people of a system who can sign in today, by name."""
    return [Member(row.id, row.name) for row in work.rows(_of(work, system_id).order_by(users.c.name_key))]


def contributors(work: Work, system_id: int) -> list[Member]:
    """Those of them who may bring evidence, by name."""
    query = _of(work, system_id).where(memberships.c.may_contribute.is_(True)).order_by(users.c.name_key)
    return [Member(row.id, row.name) for row in work.rows(query)]


def named(
    work: Work, system_id: int, name: str, field: str, *, contributing: bool = False, ours: bool = False
) -> int | None:
    """The number of that member, None for no name; raises `Invalid` at the field for who can be given no duty here.

    `contributing`: the duty is one of somebody who may bring evidence; `ours`: of somebody of our own organization.
    """
    if not name:
        return None
    row = work.row(_of(work, system_id).where(users.c.name_key == name_key(name)))
    if row is None:
        raise Invalid({field: f"{name[:80]!r} is nobody who can be given this: no member of the system, or disabled."})
    if contributing and not row.may_contribute:
        raise Invalid({field: f"{row.name} may only look at this system; an administrator can let them contribute."})
    if ours and row.organization != Organization.OURS:
        raise Invalid({field: f"{row.name} is not of our own organization, which the affirming official is."})
    return int(row.id)


def active(work: Work, name: str) -> Member | None:
    """Whoever can sign in by that name and work in a system, which an assessor cannot; None for nobody."""
    query = select(users.c.id, users.c.name, users.c.organization).where(users.c.name_key == name_key(name), _ABLE)
    row = work.row(query)
    return Member(int(row.id), row.name, row.organization == Organization.OURS) if row else None


def able(work: Work) -> list[str]:
    """The names of all who can sign in and work in a system, for administrators to choose from."""
    allow(work.actor, Action.USER_MANAGE)
    return [row.name for row in work.rows(select(users.c.name).where(_ABLE).order_by(users.c.name_key))]


def memberships_of(work: Work, user_id: int) -> list[Any]:
    """Where somebody works today: rows of `system_id` and `may_contribute`."""
    today = or_(memberships.c.until.is_(None), memberships.c.until > work.now)
    query = select(memberships.c.system_id, memberships.c.may_contribute)
    return work.rows(query.where(memberships.c.user_id == user_id, today))


def with_right(work: Work, system_id: int, right: Right) -> set[int]:
    """The accounts of a system that can sign in today and have that right there."""
    column = {Right.CONTRIBUTE: memberships.c.may_contribute, Right.JUDGE: memberships.c.may_judge}.get(
        right, memberships.c.may_approve
    )
    return {int(row.id) for row in work.rows(_of(work, system_id).where(column))}


def names(work: Work, ids: set[int | None]) -> Mapping[int | None, str]:
    """The names of these accounts, of former ones too."""
    me = work.actor
    known: dict[int | None, str] = {me.id: me.name} if me and me.id is not None and me.id in ids else {}
    wanted = [one for one in ids if one is not None and one not in known]
    if not wanted:
        return known
    found = work.rows(select(users.c.id, users.c.name).where(users.c.id.in_(wanted)))
    return known | {row.id: row.name for row in found}


def _of(work: Work, system_id: int) -> Select[Any]:
    return (
        select(users.c.id, users.c.name, users.c.organization, memberships.c.may_contribute)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(
            memberships.c.system_id == system_id,
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
        )
    )
