"""How an item gets on: started, ready, closed by a second person, reopened (32 CFR 170.21(b))."""

from typing import Any

from sqlalchemy import and_, or_, select, tuple_

from cmmc_tracker.domain import plans
from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.domain.plans import Act, Closing, ItemStatus
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Forbidden, Invalid
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.plans.keeping import bump, row_of
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, findings, links, memberships, users

_EVENTS = {
    Act.START: Event.POAM_ITEM_STARTED,
    Act.READY: Event.POAM_ITEM_READIED,
    Act.CLOSE: Event.POAM_ITEM_CLOSED,
    Act.REOPEN: Event.POAM_ITEM_REOPENED,
}


def act(work: Work, system: Access, item_id: int, wanted: Act, version: int | None, *, note: str = "") -> None:
    """Move an item on. `note` says on closing what closes it.

    Closing needs all objectives MET with approved evidence, and somebody who did not do the work; reopening is for
    whoever may close. Raises `Conflict` with the clause where that is not so, `Stale`, `Forbidden` or `Invalid`.
    """
    is_judged = wanted in {Act.CLOSE, Act.REOPEN}
    row = row_of(work, system, item_id, version, Action.POAM_CLOSE if is_judged else Action.POAM_EDIT)
    after = plans.moved(ItemStatus(row.status), wanted)
    values: dict[str, Any] = {"status": after}
    shown: dict[str, bool] = {}
    if wanted is Act.CLOSE:
        values |= _closed(work, system, row, note)
        shown = {"same_person": values.pop("same_person")}
    elif wanted is Act.READY:
        values["ready_by"] = work.actor.id if work.actor else None
    elif wanted is Act.REOPEN:
        values |= {"closed_at": None, "closed_by": None, "closing_note": "", "ready_by": None}
    bump(work, row, **values)
    detail = {"system": system.slug, "before": {"status": row.status}, "after": {"status": after}, **shown}
    if values.get("closing_note"):
        detail["note"] = values["closing_note"]
    work.record(_EVENTS[wanted], f"poam_item:{item_id}", detail)


def _closed(work: Work, system: Access, row: Any, note: str) -> dict[str, Any]:
    closers = _closers(work, system.system_id)
    named = {one.user_id for one in closers if one.may_approve}
    own = work.actor.id if work.actor else None
    if named and own not in named:
        raise Forbidden("Only who has the right to approve in this system closes an item.")
    allow(work.actor, Action.POAM_CLOSE, system)
    said = clean_text(note)
    if len(said) > plans.LONGEST:
        raise Invalid({"note": f"This has at most {plans.LONGEST:,} characters; this one has {len(said):,}."})
    able = named or {one.user_id for one in closers if one.may_judge}
    mine = own is not None and own == row.ready_by
    if work.actor and row.owner:
        mine = mine or name_key(work.actor.name) == name_key(row.owner)
    alone = not able - {own} or settings.current(work).approve_own
    plans.check_closing(Closing(_statuses(work, row), _unproven(work, row), mine, alone))
    return {"closed_at": work.now, "closed_by": own, "closing_note": said, "same_person": mine}


def may_close(work: Work, system: Access) -> bool:
    """Whether the person could close an item here: has the right to approve or, where nobody has it, to judge."""
    own = work.actor.id if work.actor else None
    named = {one.user_id for one in _closers(work, system.system_id) if one.may_approve}
    return own in named if named else Right.JUDGE in system.rights


def _closers(work: Work, system_id: int) -> list[Any]:
    """The people of a system who can sign in today, with their rights to approve and to judge."""
    query = (
        select(memberships.c.user_id, memberships.c.may_approve, memberships.c.may_judge)
        .join(users, users.c.id == memberships.c.user_id)
        .where(
            memberships.c.system_id == system_id,
            or_(memberships.c.until.is_(None), memberships.c.until > work.now),
            users.c.disabled_at.is_(None),
            users.c.deleted_at.is_(None),
        )
    )
    return work.rows(query)


def _of(row: Any) -> Any:
    return and_(findings.c.system_id == row.system_id, findings.c.requirement == row.requirement)


def _statuses(work: Work, row: Any) -> list[Status]:
    return [Status(one.status) for one in work.rows(select(findings.c.status).where(_of(row)))]


def _unproven(work: Work, row: Any) -> list[str]:
    """The letters of objectives that are MET without an approved artifact."""
    proven = (
        select(links.c.requirement, links.c.letter)
        .join(artifacts, artifacts.c.id == links.c.artifact_id)
        .where(links.c.system_id == row.system_id, IN_USE, artifacts.c.status == ArtifactStatus.APPROVED)
    )
    query = select(findings.c.letter).where(
        _of(row), findings.c.status == Status.MET, tuple_(findings.c.requirement, findings.c.letter).not_in(proven)
    )
    return [one.letter for one in work.rows(query.order_by(findings.c.letter))]
