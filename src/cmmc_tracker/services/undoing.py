"""Taking back what a person just did to many things at once: links that were made, artifacts put into the trash.

An act is known by its instant: everything that one Work does bears the same, to the microsecond, and the audit log says
what that was. So the message that offers to undo carries an instant only, however much was done, and nobody can undo
what is not their own. What somebody changed since stays as it is now.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select

from cmmc_tracker.domain.audit import Event, stamp
from cmmc_tracker.domain.permissions import Access, Action, allow, system_of
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import trash
from cmmc_tracker.services.artifacts import actor_id, shown_to
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, audit, links

_NOTHING = "There is nothing of yours to undo here any more. Nothing was changed."
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_OUT_OF_TURN = timedelta(minutes=1)  # a Work that began earlier may have been written to the log later
_KEY = ("artifact_id", "system_id", "requirement", "letter")


@dataclass(frozen=True, slots=True)
class Undone:
    """How many things were taken back, and how many were left because they are not as they were made."""

    back: int
    left: int


@dataclass(frozen=True, slots=True)
class _Made:
    """A link as the log says that it was made."""

    artifact_id: int
    system: Access
    requirement: str
    letter: str
    locator: str
    shows: str

    @property
    def key(self) -> tuple[int, int, str, str]:
        """What tells it from other links."""
        return self.artifact_id, self.system.system_id, self.requirement, self.letter


def links_of(work: Work, at: str) -> Undone:
    """Take away the links that the actor made at that instant, those that nobody changed since.

    Raises `NotFound` where the actor made none then.
    """
    made = [_made(work, entity, json.loads(detail)) for entity, detail in _told(work, at, Event.ARTIFACT_LINKED)]
    if not made:
        raise NotFound(_NOTHING)
    for system in {one.system.system_id: one.system for one in made}.values():
        allow(work.actor, Action.ARTIFACT_LINK, system)
    there: set[tuple[Any, ...]] = {tuple(row) for row in work.rows(_standing(work, made, at))}
    gone = [one for one in made if (*one.key, one.locator, one.shows) in there]
    if gone:
        one_of_them = [links.c[name] == bindparam(f"of_{name}") for name in _KEY]
        keys = [{f"of_{name}": value for name, value in zip(_KEY, one.key, strict=True)} for one in gone]
        work.change(delete(links).where(*one_of_them), keys)
    for one in gone:
        place = {"system": one.system.slug, "objective": f"{one.requirement}[{one.letter}]"}
        said = {**place, "locator": one.locator, "shows": one.shows, "undone": True}
        work.record(Event.ARTIFACT_UNLINKED, f"artifact:{one.artifact_id}", said)
    return Undone(len(gone), len(made) - len(gone))


def _standing(work: Work, made: Sequence[_Made], at: str) -> Any:
    """Those of the links that are still the ones made then, of artifacts in use; locked until this Work ends."""
    one = links.alias("one")  # `shown_to` asks of links, too: of others than these
    query = select(*(one.c[name] for name in _KEY), one.c.locator, one.c.shows)
    return (
        query.join(artifacts, artifacts.c.id == one.c.artifact_id)
        .where(
            one.c.artifact_id.in_({link.artifact_id for link in made}),
            one.c.linked_at == _instant(at),
            shown_to(work.actor),
        )
        .with_for_update(of=one)
    )


def trash_of(work: Work, at: str) -> Undone:
    """Restore the artifacts that the actor put into the trash at that instant, those that are still there.

    Raises `NotFound` where there were none.
    """
    told = _told(work, at, Event.ARTIFACT_DELETED)
    if not told:
        raise NotFound(_NOTHING)
    ids = [_number(entity) for entity, _ in told]
    query = select(artifacts.c.id).where(artifacts.c.id.in_(ids), artifacts.c.deleted_at == _instant(at))
    there = [row.id for row in work.rows(query.where(artifacts.c.purged_at.is_(None)))]
    for one in sorted(there):
        trash.restore(work, one)
    return Undone(len(there), len(ids) - len(there))


def _told(work: Work, at: str, event: Event) -> list[tuple[str, str]]:
    """What the log says that the actor did at an instant: (entity, detail). The log is read from its end only."""
    if not _STAMP.fullmatch(at) or work.actor is None:
        raise NotFound(_NOTHING)
    mine = audit.c.actor == work.actor.name[:80]
    earlier = select(audit.c.id).where(mine, audit.c.at < stamp(_instant(at) - _OUT_OF_TURN))
    since = func.coalesce(earlier.order_by(audit.c.id.desc()).limit(1).correlate(None).scalar_subquery(), 0)
    query = select(audit.c.entity, audit.c.detail).where(
        mine, audit.c.id > since, audit.c.at == at, audit.c.action == event, audit.c.actor_id == actor_id(work)
    )
    return [(row.entity, row.detail) for row in work.rows(query.order_by(audit.c.id))]


def _instant(at: str) -> datetime:
    try:
        return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotFound(_NOTHING) from None


def _made(work: Work, entity: str, detail: dict[str, Any]) -> _Made:
    assert work.actor is not None  # noqa: S101 a narrowing for the type checker: `_told` has looked
    system = system_of(work.actor, str(detail["system"]))
    requirement, _, letter = str(detail["objective"]).rstrip("]").partition("[")
    return _Made(_number(entity), system, requirement, letter, detail["locator"], detail["shows"])


def _number(entity: str) -> int:
    return int(entity.partition(":")[2])
