"""Artifacts: making, describing, linking to objectives, deleting. Bytes come by `intake`, reading is `artifact_views`.

Bytes are in the store, fsynced under their hash, before a transaction opens; row and audit entry are committed
together. A crash in between leaves at worst a blob without a row, never a row without bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select, update

from cmmc_tracker.domain.artifacts import ArtifactStatus, parse_facts
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Action, Actor, Right, allow
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import search
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, blobs, links

_FACTS = ("title", "kind", "description", "covers_from", "covers_until", "collected_on")


@dataclass(frozen=True, slots=True)
class Received:
    """A file that the store keeps: its name for display, its media type, its bytes' hash and size.

    `warnings` are what its examination found, in sentences; `sent` is the hash of what was sent where a person asked
    for something to be taken out of it.
    """

    filename: str
    media_type: str
    sha256: str
    size: int
    warnings: tuple[str, ...] = ()
    sent: str = ""

    def told(self) -> dict[str, Any]:
        """What the audit log says of it."""
        more: dict[str, Any] = {"warnings": list(self.warnings)} if self.warnings else {}
        if self.sent:
            more["sent_sha256"] = self.sent
        return {"file": self.filename, "sha256": self.sha256, **more}


@dataclass(frozen=True, slots=True)
class Target:
    """An objective of a system that evidence is linked to."""

    system: Access
    objective: ObjectiveId
    locator: str = ""
    shows: str = ""


def check(given: Mapping[str, Any], today: date) -> None:
    """Raise `Invalid` for facts that cannot be kept; asked before the bytes are, so that nothing is left over."""
    parse_facts({"title": "", **given}, today)


def create(
    work: Work, system: Access, received: Received, given: Mapping[str, Any], targets: Sequence[Target] = ()
) -> int:
    """Make an artifact of one file in a system, linked to the targets; returns its number."""
    allow(work.actor, Action.ARTIFACT_CREATE, system)
    facts = {"kind": "other", "description": "", **parse_facts({"title": "", **given}, work.now.date())}
    made = work.change(
        insert(artifacts).values(
            **facts,
            system_id=system.system_id,
            status=ArtifactStatus.APPROVED,
            current_version=1,
            created_at=work.now,
            created_by=_actor_id(work),
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    artifact_id = int(made[0])
    _add_file(work, artifact_id, 1, received, "")
    _remember(work, artifact_id)
    detail = {**facts, "system": system.slug, **received.told()}
    work.record(Event.ARTIFACT_CREATED, f"artifact:{artifact_id}", detail)
    for target in targets:
        _link(work, artifact_id, target)
    return artifact_id


def add_version(work: Work, artifact_id: int, received: Received, note: str = "", version: int | None = None) -> int:
    """Add a file as the artifact's new version; the older ones stay. Returns the new version's number."""
    row, _ = _editable(work, artifact_id, Action.ARTIFACT_EDIT)
    note = _note(note)
    number = int(row.current_version) + 1
    work.change_one(_bumped(artifact_id, version if version is not None else row.version, current_version=number))
    _add_file(work, artifact_id, number, received, note)
    _remember(work, artifact_id)
    detail = {"number": number, **received.told(), "note": note}
    work.record(Event.ARTIFACT_VERSIONED, f"artifact:{artifact_id}", detail)
    return number


def check_version(work: Work, artifact_id: int, note: str, version: int | None) -> None:
    """Raise what `add_version` would; asked before the bytes are kept, so that nothing is left over."""
    row, _ = _editable(work, artifact_id, Action.ARTIFACT_EDIT)
    if version not in {None, row.version}:
        raise Stale("Somebody else changed this artifact meanwhile. Nothing was kept; look at it, then send again.")
    _note(note)


def _note(text: str) -> str:
    note = clean_text(text)
    if len(note) > 2_000:
        raise Invalid({"note": "A note has at most 2,000 characters."})
    return note


def edit(work: Work, artifact_id: int, given: Mapping[str, Any], version: int | None = None) -> None:
    """Change what is said of an artifact: only the keys that are given; nothing when nothing differs."""
    row, _ = _editable(work, artifact_id, Action.ARTIFACT_EDIT)
    before = {name: getattr(row, name) for name in _FACTS}
    facts = parse_facts(given, work.now.date(), before)
    changes = {name: value for name, value in facts.items() if before[name] != value}
    if not changes and version in {None, row.version}:
        return
    work.change_one(_bumped(artifact_id, version if version is not None else row.version, **changes))
    _remember(work, artifact_id)
    detail = {"before": {name: before[name] for name in changes}, "after": changes}
    work.record(Event.ARTIFACT_EDITED, f"artifact:{artifact_id}", detail)


def remove(work: Work, artifact_id: int, version: int | None = None) -> None:
    """Put an artifact into the trash: it is found nowhere, its bytes and its history stay."""
    row, _ = _editable(work, artifact_id, Action.ARTIFACT_DELETE)
    work.change_one(_bumped(artifact_id, version if version is not None else row.version, deleted_at=work.now))
    work.record(Event.ARTIFACT_DELETED, f"artifact:{artifact_id}", {"title": row.title})


def link(work: Work, artifact_id: int, target: Target) -> None:
    """Say that an artifact is evidence for an objective, where in it, and what it shows; again is no error."""
    row = visible(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_LINK, target.system)
    _may_share(work, row, target.system)
    _link(work, artifact_id, target)


def _may_share(work: Work, row: Any, system: Access) -> None:
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
    """Take a link away; no error when there is none."""
    visible(work, artifact_id)
    allow(work.actor, Action.ARTIFACT_LINK, system)
    where = _at(artifact_id, system, objective)
    if work.row(select(links.c.artifact_id).where(where)):
        work.change(delete(links).where(where))
        work.record(Event.ARTIFACT_UNLINKED, f"artifact:{artifact_id}", _place(system, objective))


def visible(work: Work, artifact_id: int) -> Any:
    """The artifact's row when the actor may know of it: uploaded for, or linked in, a system of theirs."""
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id, shown_to(work.actor)))
    if row is None:
        raise NotFound("There is no such artifact, or it belongs to a system that you are not a member of.")
    return row


def shown_to(actor: Actor | None) -> Any:
    """The condition of every query for artifacts: not in the trash, and of a system of the actor's."""
    ids = actor.system_ids() if actor else []
    linked = select(links.c.artifact_id).where(links.c.artifact_id == artifacts.c.id, links.c.system_id.in_(ids))
    return and_(artifacts.c.deleted_at.is_(None), or_(artifacts.c.system_id.in_(ids), linked.exists()))


def home_of(actor: Actor, slugs: Iterable[str]) -> Access | None:
    """The system meant when none is named: the one that is named elsewhere, or the only one there is."""
    named = set(slugs)
    if len(named) == 1:
        return actor.systems.get(named.pop())
    return next(iter(actor.systems.values())) if len(actor.systems) == 1 else None


def _actor_id(work: Work) -> int | None:
    return work.actor.id if work.actor else None


def _editable(work: Work, artifact_id: int, action: Action) -> tuple[Any, Access]:
    row = visible(work, artifact_id)
    home = work.actor.by_id(row.system_id) if work.actor else None
    if home is None:
        raise NotFound("This artifact belongs to another system; only members of that system can change it.")
    allow(work.actor, action, home)
    return row, home


def _bumped(artifact_id: int, version: int, **values: Any) -> Any:
    return (
        update(artifacts)
        .where(artifacts.c.id == artifact_id, artifacts.c.version == version, artifacts.c.deleted_at.is_(None))
        .values(version=artifacts.c.version + 1, **values)
    )


def _add_file(work: Work, artifact_id: int, number: int, received: Received, note: str) -> None:
    work.alone(f"blob:{received.sha256}")
    if not work.row(select(blobs.c.sha256).where(blobs.c.sha256 == received.sha256)):
        values = {"sha256": received.sha256, "size": received.size, "stored_at": work.now}
        work.change(insert(blobs).values(**values))
    work.change(
        insert(artifact_versions).values(
            artifact_id=artifact_id, number=number, note=note, received_at=work.now, received_by=_actor_id(work)
        )
    )
    work.change(
        insert(artifact_files).values(
            artifact_id=artifact_id,
            number=number,
            position=1,
            filename=received.filename,
            media_type=received.media_type,
            sha256=received.sha256,
            warnings=list(received.warnings),
        )
    )


def _remember(work: Work, artifact_id: int) -> None:
    row = work.row(select(artifacts.c.title, artifacts.c.description).where(artifacts.c.id == artifact_id))
    names = work.rows(select(artifact_files.c.filename).where(artifact_files.c.artifact_id == artifact_id).distinct())
    if row is not None:
        search.remember(work.db, artifact_id, row.title, " ".join([*(n.filename for n in names), row.description]))


def _link(work: Work, artifact_id: int, target: Target) -> None:
    allow(work.actor, Action.ARTIFACT_LINK, target.system)
    work.alone(f"artifact:{artifact_id}")
    where = _at(artifact_id, target.system, target.objective)
    row = work.row(select(links.c.locator, links.c.shows).where(where))
    values = {"locator": target.locator, "shows": target.shows}
    if row is None:
        work.change(
            insert(links).values(
                artifact_id=artifact_id,
                system_id=target.system.system_id,
                requirement=target.objective.requirement,
                letter=target.objective.letter,
                linked_at=work.now,
                linked_by=_actor_id(work),
                **values,
            )
        )
    elif (row.locator, row.shows) != (target.locator, target.shows):
        work.change(update(links).where(where).values(**values))
    else:
        return
    work.record(Event.ARTIFACT_LINKED, f"artifact:{artifact_id}", {**_place(target.system, target.objective), **values})


def _at(artifact_id: int, system: Access, objective: ObjectiveId) -> Any:
    return and_(
        links.c.artifact_id == artifact_id,
        links.c.system_id == system.system_id,
        links.c.requirement == objective.requirement,
        links.c.letter == objective.letter,
    )


def _place(system: Access, objective: ObjectiveId) -> dict[str, str]:
    return {"system": system.slug, "objective": str(objective)}
