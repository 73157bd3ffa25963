"""Links between artifacts and objectives: one, many at once, and away again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, insert, literal, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound
from cmmc_tracker.services.artifacts import Files, actor_id, create, shown_to, visible
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, audit, findings, links

MOST_AT_ONCE = 20_000  # links of one bulk act: 1,000 artifacts to twenty objectives


@dataclass(frozen=True, slots=True)
class Target:
    """An objective of a system that evidence is linked to."""

    system: Access
    objective: ObjectiveId
    locator: str = ""
    shows: str = ""


def create_linked(
    work: Work, system: Access, files: Files, given: Mapping[str, Any], targets: Sequence[Target] = ()
) -> int:
    """Make an artifact of these files in a system, linked to the targets; returns its number."""
    made = create(work, system, files, given)
    for target in targets:
        put(work, made, target)
    return made


def link(work: Work, artifact_id: int, target: Target) -> bool:
    """Say that an artifact is evidence for an objective, where in it, and what it shows; again is no error.

    Returns whether the link is new.
    """
    row = visible(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_LINK, target.system)
    may_share(work, row, target.system)
    return put(work, artifact_id, target)


def link_if_new(work: Work, artifact_id: int, target: Target) -> None:
    """The same where there is no such link yet: what an older one says of the place stays."""
    if not work.row(select(links.c.locator).where(_at(artifact_id, target.system, target.objective))):
        link(work, artifact_id, target)


def put(work: Work, artifact_id: int, target: Target) -> bool:
    """Link an artifact that the caller has shown to be the actor's to share; returns whether the link is new."""
    allow(work.actor, Action.ARTIFACT_LINK, target.system)
    work.alone(f"artifact:{artifact_id}")
    where = _at(artifact_id, target.system, target.objective)
    row = work.row(select(links.c.locator, links.c.shows).where(where))
    values = {"locator": target.locator, "shows": target.shows}
    if row is None:
        _insert(work, artifact_id, target)
    elif (row.locator, row.shows) != (target.locator, target.shows):
        work.change(update(links).where(where).values(**values))
    else:
        return False
    work.record(Event.ARTIFACT_LINKED, f"artifact:{artifact_id}", {**_place(target.system, target.objective), **values})
    return row is None


def _insert(work: Work, artifact_id: int, target: Target) -> None:
    """Make a link to an objective that the system has: its level may have changed while the file was on its way.

    Raises `Conflict` for one that it has not.
    """
    values, of = _values(work, artifact_id, target), target.objective
    asked = (findings.c.requirement == of.requirement, findings.c.letter == of.letter)
    columns = [literal(value, links.c[name].type) for name, value in values.items()]
    row = select(*columns).where(findings.c.system_id == target.system.system_id, *asked)
    made = insert(links).from_select(list(values), row).execution_options(preserve_rowcount=True)
    if work.change(made).rowcount == 0:
        raise Conflict(
            f"{of} is no objective of {target.system.name} any more: its level was changed. Look at it anew."
        )


def link_many(work: Work, artifact_ids: Sequence[int], targets: Sequence[Target]) -> int:
    """Link all of these artifacts to all of the targets (of one system) in one go; returns how many links are new.

    What is linked already stays as it is. Raises what `link` raises, and then nothing is linked.
    """
    ids = sorted(set(artifact_ids))
    if not ids or not targets:
        return 0
    system = targets[0].system
    allow(work.actor, Action.ARTIFACT_LINK, system)
    if len(ids) * len(targets) > MOST_AT_ONCE:
        raise Invalid({"objective": f"At most {MOST_AT_ONCE:,} links can be made at once; choose fewer."})
    _shareable(work, ids, system)
    for one in ids if len(ids) < 50 else []:
        work.alone(f"artifact:{one}")
    there = _linked(work, ids, system)
    fresh = [
        (one, target)
        for one in ids
        for target in targets
        if (one, target.objective.requirement, target.objective.letter) not in there
    ]
    if fresh:
        work.change(_insert_once(work), [_values(work, one, target) for one, target in fresh])
    for one, target in fresh:
        place = {**_place(system, target.objective), "locator": target.locator, "shows": target.shows}
        work.record(Event.ARTIFACT_LINKED, f"artifact:{one}", place)
    return len(fresh)


def _insert_once(work: Work) -> Any:
    """An INSERT that leaves a link alone which somebody else made at the same instant."""
    if work.db.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as upsert  # noqa: PLC0415 only where it is the database

        return upsert(links).on_conflict_do_nothing()
    return insert(links)


def _linked(work: Work, ids: Sequence[int], system: Access) -> set[tuple[int, str, str]]:
    query = select(links.c.artifact_id, links.c.requirement, links.c.letter)
    query = query.where(links.c.system_id == system.system_id, links.c.artifact_id.in_(ids))
    return {(row.artifact_id, row.requirement, row.letter) for row in work.rows(query)}


def _shareable(work: Work, ids: Sequence[int], system: Access) -> None:
    """Raise unless every one of them may be linked in the system by the actor."""
    rows = work.rows(select(artifacts).where(artifacts.c.id.in_(ids), shown_to(work.actor)))
    missing = set(ids) - {row.id for row in rows}
    if missing:
        raise Invalid({"artifact": f"There is no artifact {min(missing)}, or you may not see it. Nothing was linked."})
    for row in rows:
        may_share(work, row, system)


def may_share(work: Work, row: Any, system: Access) -> None:
    """Linking lets the members of a system read: into another one it takes the right to contribute at home.

    Where it is linked in that system already, its members read it anyway.
    """
    if row.system_id == system.system_id:
        return
    home = work.actor.by_id(row.system_id) if work.actor else None
    if home is not None and Right.CONTRIBUTE in home.rights:
        return
    there = select(links.c.artifact_id).where(links.c.artifact_id == row.id, links.c.system_id == system.system_id)
    if not work.row(there):
        raise Forbidden("This artifact belongs to another system; only who contributes there may share it.")


def unlink(work: Work, artifact_id: int, system: Access, objective: ObjectiveId) -> None:
    """Take a link away; no error when there is none. The log keeps what it said, so that it can be put back."""
    visible(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_LINK, system)
    where = _at(artifact_id, system, objective)
    row = work.row(select(links.c.locator, links.c.shows).where(where))
    if row is None:
        return
    work.change(delete(links).where(where))
    said = {"locator": row.locator, "shows": row.shows}
    work.record(Event.ARTIFACT_UNLINKED, f"artifact:{artifact_id}", {**_place(system, objective), **said})


def put_back(work: Work, artifact_id: int, system: Access, objective: ObjectiveId) -> None:
    """Undo the last unlinking from an objective, with what the link said; raises `NotFound` where there was none.

    What it said before bytes of the artifact were spilled stays away: it may say what these did.
    """
    visible(work, artifact_id)
    place = _place(system, objective)
    events = (Event.ARTIFACT_UNLINKED, Event.ARTIFACT_SPILLED)
    told = select(audit.c.action, audit.c.detail).where(
        audit.c.entity == f"artifact:{artifact_id}", audit.c.action.in_(events)
    )
    spilled = False
    for row in work.rows(told.order_by(audit.c.id.desc()).limit(500)):
        spilled = spilled or row.action == Event.ARTIFACT_SPILLED
        detail = json.loads(row.detail)
        if all(detail.get(name) == value for name, value in place.items()):
            said = ("", "") if spilled else (detail.get("locator", ""), detail.get("shows", ""))
            link(work, artifact_id, Target(system, objective, *said))
            return
    raise NotFound("There was no such link.")


def _values(work: Work, artifact_id: int, target: Target) -> dict[str, Any]:
    return {
        "artifact_id": artifact_id,
        "system_id": target.system.system_id,
        "requirement": target.objective.requirement,
        "letter": target.objective.letter,
        "locator": target.locator,
        "shows": target.shows,
        "linked_at": work.now,
        "linked_by": actor_id(work),
    }


def _at(artifact_id: int, system: Access, objective: ObjectiveId) -> Any:
    return and_(
        links.c.artifact_id == artifact_id,
        links.c.system_id == system.system_id,
        links.c.requirement == objective.requirement,
        links.c.letter == objective.letter,
    )


def _place(system: Access, objective: ObjectiveId) -> dict[str, str]:
    return {"system": system.slug, "objective": str(objective)}
