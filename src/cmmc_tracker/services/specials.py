"""On what an objective counts as MET where it is not plainly so, and the second person who confirms a finding.

32 CFR 170.24(b)(1): enduring exceptions and temporary deficiencies are assessed as MET. Both are records beside the
finding; judging again never touches them.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import check_inherited
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import Duty
from cmmc_tracker.domain.special import Basis, Special, check_deficiency, needs_second, parse
from cmmc_tracker.errors import Conflict, NotFound, Stale
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import audit, findings, matrix_lines, memberships, providers, specials, users

_MET_IN_LOG = '%"status":"met"%'  # canonical JSON: within a text its quotes would be escaped
_TOLD = ("basis", "description", "mitigation", "reference", "reviewed_on")


def record(work: Work, system: Access, objective: ObjectiveId, given: Mapping[str, Any], seen: int | None) -> None:
    """Say on what an objective is MET; basis `plain` takes the record away. `seen` is 0 for who saw none.

    Raises `Invalid` naming each field that the basis needs, `Conflict` for a temporary deficiency of what was never
    MET (170.24(b)(1)(ii)) and for inheriting what the matrix gives to ourselves (170.19(c)(2)), `Stale` when somebody
    else changed the record since. A confirmation of the finding goes.
    """
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    where, found = _at(specials, system, objective), _finding(work, system, objective)
    wanted = parse(given, work.today)
    work.alone(f"special:{system.slug}/{objective}")
    row = work.row(select(specials).where(where))
    before = {name: getattr(row, name) for name in _TOLD} if row else None
    after = None if wanted.basis is Basis.PLAIN else {name: getattr(wanted, name) for name in _TOLD}
    current = row.version if row else 0
    if before == after and seen in {None, current}:
        return
    if seen not in {None, current}:
        raise Stale(f"Somebody else changed this meanwhile: it now says {_said(row)}. Nothing of yours was saved.")
    if wanted.basis is Basis.TEMPORARY_DEFICIENCY:
        check_deficiency(has_been_met=_has_been_met(work, system, objective))
    if wanted.basis is Basis.INHERITED:
        work.alone(f"matrix:{system.system_id}")  # nobody gives it back meanwhile
        check_inherited(_duties(work, system, objective))
    work.change(delete(specials).where(where))
    if after is not None:
        work.change(insert(specials).values(**_key(system, objective), **_kept(work, wanted), version=current + 1))
    _unconfirm(work, system, objective, found)
    event = Event.SPECIAL_REMOVED if after is None else Event.SPECIAL_RECORDED
    work.record(event, f"objective:{system.slug}/{objective}", {"before": before, "after": after})


def _duties(work: Work, system: Access, objective: ObjectiveId) -> set[Duty]:
    """Whose duty the matrices of the system's providers say that it is."""
    query = select(matrix_lines.c.duty).join(providers, providers.c.id == matrix_lines.c.provider_id)
    here = and_(
        providers.c.system_id == system.system_id,
        matrix_lines.c.requirement == objective.requirement,
        matrix_lines.c.letter == objective.letter,
    )
    return {Duty(row.duty) for row in work.rows(query.where(here))}


def _said(row: Any) -> str:
    return f"{Basis(row.basis).label}, “{row.description[:200]}”" if row else "that it is plainly implemented"


def _kept(work: Work, wanted: Special) -> dict[str, Any]:
    told = {name: getattr(wanted, name) for name in _TOLD}
    return {**told, "recorded_at": work.now, "recorded_by": actor_id(work)}


def _unconfirm(work: Work, system: Access, objective: ObjectiveId, found: Any) -> None:
    """What was confirmed rested on something else; the finding's version goes on, so that no old form confirms it."""
    bumped = {"confirmed_at": None, "confirmed_by": None, "version": findings.c.version + 1}
    where = and_(_at(findings, system, objective), findings.c.version == found.version)
    work.change_one(update(findings).where(where).values(**bumped))


def _has_been_met(work: Work, system: Access, objective: ObjectiveId) -> bool:
    """Whether somebody judged it MET at any time: the log forgets nothing."""
    query = select(audit.c.id).where(
        audit.c.entity == f"objective:{system.slug}/{objective}",
        audit.c.action == Event.OBJECTIVE_JUDGED,
        audit.c.detail.like(_MET_IN_LOG),
    )
    return work.row(query.limit(1)) is not None


def confirm(work: Work, system: Access, objective: ObjectiveId, seen: int | None) -> None:
    """Confirm a finding as the second person; `seen` is the finding's version.

    Raises `Conflict` where nothing is to be confirmed, or for who made the finding while somebody else could confirm
    it. An office of one, or one whose administrator lets people approve their own, may: then it shows.
    """
    allow(work.actor, Action.OBJECTIVE_JUDGE, system)
    row = _finding(work, system, objective)
    if seen not in {None, row.version}:
        raise Stale("Somebody else judged this objective meanwhile. Nothing was confirmed; look at it again.")
    special = work.row(select(specials.c.basis, specials.c.recorded_by).where(_at(specials, system, objective)))
    if row.confirmed_at is not None:
        return
    if not needs_second(Status(row.status), Basis(special.basis) if special else None):
        raise Conflict("Only not applicable, and MET by a temporary deficiency, are confirmed by a second person.")
    makers = {row.judged_by} | ({special.recorded_by} if special else set())
    me = actor_id(work)
    if me in makers and not settings.current(work).approve_own and _another(work, system, makers):
        raise Conflict("You made this finding yourself, so another person who may judge here confirms it.")
    where = and_(_at(findings, system, objective), findings.c.version == row.version)
    values = {"confirmed_at": work.now, "confirmed_by": me, "version": findings.c.version + 1}
    work.change_one(update(findings).where(where).values(**values))
    detail = {"status": row.status, "basis": special.basis if special else None, "same_person": me in makers}
    work.record(Event.OBJECTIVE_CONFIRMED, f"objective:{system.slug}/{objective}", detail)


def _another(work: Work, system: Access, makers: set[int | None]) -> bool:
    """Whether anybody else may judge in the system today."""
    query = (
        select(users.c.id)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(
            memberships.c.system_id == system.system_id,
            memberships.c.may_judge,
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
            users.c.id.not_in([one for one in makers if one is not None]),
        )
    )
    return work.row(query.limit(1)) is not None


def _finding(work: Work, system: Access, objective: ObjectiveId) -> Any:
    row = work.row(select(findings).where(_at(findings, system, objective)))
    if row is None:
        raise NotFound(f"There is no objective {objective} in this system.")
    return row


def _key(system: Access, objective: ObjectiveId) -> dict[str, Any]:
    return {"system_id": system.system_id, "requirement": objective.requirement, "letter": objective.letter}


def _at(table: Any, system: Access, objective: ObjectiveId) -> Any:
    return and_(*(table.c[name] == value for name, value in _key(system, objective).items()))
