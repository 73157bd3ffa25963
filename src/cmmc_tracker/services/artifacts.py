"""Artifacts: making, describing, new versions. Bytes come by `intake`, reading is `artifact_views`, linking `links`.

Bytes are in the store, fsynced under their hash, before a transaction opens; row and audit entry are committed
together. A crash in between leaves at worst a blob without a row, never a row without bytes. Of evidence that may not
leave where it is there are no bytes at all: a version has either files in the store, or files that are held elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, func, insert, or_, select, update

from cmmc_tracker.domain import filing, freshness
from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.artifacts import ArtifactStatus, distinct_names, first_status, manifest, parse_facts
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.freshness import Cadence, Dates
from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow, system_by_id
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.services import cui, members, settings
from cmmc_tracker.services.findable import remember
from cmmc_tracker.services.requests import rounds
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifact_versions,
    artifacts,
    blobs,
    held_files,
    links,
    tombstones,
)

# What every query for evidence asks: neither in the trash nor in quarantine.
IN_USE = and_(artifacts.c.deleted_at.is_(None), artifacts.c.quarantined_at.is_(None))
_FACTS = ("title", "kind", "description", "covers_from", "covers_until", "collected_on", "cadence")
_PEOPLE = ("owner", "reviewer")
_SEARCHED = {"title", "description", "owner_id", "reviewer_id"}
MOST_FILES = 100  # in one version
LONGEST_NOTE = 2_000
SPILLED = "spilled: "  # how the reason of a tombstone begins whose bytes may not come back
LIFTED = "spilled, may come again: "  # and of one whose bytes may


@dataclass(frozen=True, slots=True)
class Received:
    """A file that the store keeps: its name for display, its media type, its bytes' hash and size.

    `warnings` are what its examination found, in sentences; `sent` is the hash of what was sent where a person asked
    for something to be taken out of it; `markings` tells whether its name or its beginning carries a marking of CUI.
    """

    filename: str
    media_type: str
    sha256: str
    size: int
    warnings: tuple[str, ...] = ()
    sent: str = ""
    markings: bool = False

    def told(self) -> dict[str, Any]:
        """What the audit log says of it."""
        more: dict[str, Any] = {"warnings": list(self.warnings)} if self.warnings else {}
        if self.sent:
            more["sent_sha256"] = self.sent
        return {"file": self.filename, "sha256": self.sha256, **more}


Files = Sequence[Received] | Sequence[Held]  # of one version


def check(given: Mapping[str, Any], today: date) -> None:
    """Raise `Invalid` for facts that cannot be kept; asked before the bytes are, so that nothing is left over."""
    parse_facts({"title": "", **given}, today)


def check_people(work: Work, system: Access, given: Mapping[str, Any]) -> None:
    """Raise `Invalid` for an owner or a reviewer who cannot be one here; asked before the bytes are, too."""
    named = {name: given[name] for name in _PEOPLE if given.get(name)}
    _people(work, system.system_id, parse_facts(named, work.today))


def create(work: Work, system: Access, files: Files, given: Mapping[str, Any]) -> int:
    """Make an artifact of one version with these files in a system; returns its number.

    `path`, where it is given, is where it lay in a folder: kept for what folders say.
    """
    allow(work.actor, Action.ARTIFACT_CREATE, system)
    return make(work, system, files, given)


def make(work: Work, system: Access, files: Files, given: Mapping[str, Any]) -> int:
    """The same without asking for the right: for what comes by an upload link, whose holder has none."""
    parsed = {"kind": "other", "description": "", **parse_facts({"title": "", **given}, work.today)}
    facts = {name: value for name, value in parsed.items() if name not in _PEOPLE}
    people = _people(work, system.system_id, parsed)
    origin, marked = filing.origin_of(str(given.get("path", ""))), cui.marked_files(work, system.system_id, files)
    values = {**facts, **people, "origin": origin, **_held_back(work, marked), "created_at": work.now}
    made = work.change(
        insert(artifacts).values(
            **values,
            due_on=_due(values, work.today),
            system_id=system.system_id,
            status=first_status(review=settings.current(work).review_required),
            current_version=1,
            created_by=actor_id(work),
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    artifact_id = int(made[0])
    _add_files(work, artifact_id, 1, files, "")
    remember(work, artifact_id)
    named = {name: parsed[name] for name in _PEOPLE if parsed.get(name)}
    if origin:
        named["path"] = origin
    work.record(
        Event.ARTIFACT_CREATED, f"artifact:{artifact_id}", {**facts, **named, "system": system.slug, **_told(files)}
    )
    _tell_held_back(work, artifact_id, marked)
    return artifact_id


def _held_back(work: Work, marked: list[str]) -> dict[str, Any]:
    """The columns that put an artifact into quarantine in the statement that makes or changes it."""
    return {"quarantined_at": work.now, "quarantine_why": cui.WHY} if marked else {}


def _tell_held_back(work: Work, artifact_id: int, marked: list[str]) -> None:
    if marked:
        detail = {"why": cui.WHY, "sha256": marked}
        work.record(Event.ARTIFACT_QUARANTINED, f"artifact:{artifact_id}", detail)


def add_version(
    work: Work,
    artifact_id: int,
    files: Files,
    note: str = "",
    *,
    version: int | None = None,
    given: Mapping[str, Any] | None = None,
) -> int:
    """Add files as the artifact's new version, with new dates where `given` has some; the older versions stay.

    A version may be of files in the store where the one before was held elsewhere, and the other way round. An approval
    lapses with it, for it held for the bytes of before. Returns the new version's number.
    """
    row, _ = editable(work, artifact_id, Action.ARTIFACT_EDIT)
    note, number = _note(note), _next_number(work, artifact_id)
    marked = cui.marked_files(work, row.system_id, files)
    if marked and cui.was_accepted(work, artifact_id, marked):
        marked = []
    before = {name: getattr(row, name) for name in _FACTS}
    facts = parse_facts({n: v for n, v in (given or {}).items() if n in _FACTS}, work.today, before)
    changes = {
        **facts,
        **_held_back(work, marked),
        "due_on": _due({**before, **facts}, work.today),
        "status": first_status(review=settings.current(work).review_required),
        "approved_sha256": None,
        "approved_by": None,
        "approved_at": None,
        "current_version": number,
    }
    work.change_one(bumped(artifact_id, version if version is not None else row.version, **changes))
    _add_files(work, artifact_id, number, files, note)
    remember(work, artifact_id)
    changed = {name: value for name, value in facts.items() if before[name] != value}
    detail = {"number": number, **_told(files), "note": note, "status": changes["status"], **changed}
    work.record(Event.ARTIFACT_VERSIONED, f"artifact:{artifact_id}", detail)
    if changes["status"] == ArtifactStatus.APPROVED and not marked:
        rounds.met(work, artifact_id)
    _tell_held_back(work, artifact_id, marked)
    return number


def _next_number(work: Work, artifact_id: int) -> int:
    """The number of the next version; a version that was taken out keeps its own."""
    query = select(func.max(artifact_versions.c.number)).where(artifact_versions.c.artifact_id == artifact_id)
    return int(work.db.execute(query).scalar_one()) + 1


def check_version(
    work: Work, artifact_id: int, note: str, version: int | None, given: Mapping[str, Any] | None = None
) -> None:
    """Raise what `add_version` would; asked before the bytes are kept, so that nothing is left over."""
    row, _ = editable(work, artifact_id, Action.ARTIFACT_EDIT)
    if version not in {None, row.version}:
        raise Stale("Somebody else changed this artifact meanwhile. Nothing was kept; look at it, then send again.")
    _note(note)
    parse_facts(given or {}, work.today, {name: getattr(row, name) for name in _FACTS})


def _note(text: str) -> str:
    note = clean_text(text)
    if len(note) > LONGEST_NOTE:
        raise Invalid({"note": f"A note has at most {LONGEST_NOTE:,} characters."})
    return note


def edit(work: Work, artifact_id: int, given: Mapping[str, Any], version: int | None = None) -> None:
    """Change what is said of an artifact: only the keys that are given; nothing when nothing differs."""
    row, _ = editable(work, artifact_id, Action.ARTIFACT_EDIT)
    before = {name: getattr(row, name) for name in _FACTS}
    parsed = parse_facts(given, work.today, before)
    people = _people(work, row.system_id, _newly_named(work, row, parsed))
    changes = {name: value for name, value in parsed.items() if name in before and before[name] != value}
    changes |= {name: value for name, value in people.items() if getattr(row, name) != value}
    if not changes and version in {None, row.version}:
        return
    received_on = _received_on(work, row)
    due_on = _due({**before, **changes}, received_on)
    work.change_one(bumped(artifact_id, version if version is not None else row.version, **changes, due_on=due_on))
    if changes.keys() & _SEARCHED:
        remember(work, artifact_id)
    detail = {"before": {name: getattr(row, name) for name in changes}, "after": changes}
    work.record(Event.ARTIFACT_EDITED, f"artifact:{artifact_id}", _with_names(work, detail))


def _people(work: Work, system_id: int, parsed: Mapping[str, Any]) -> dict[str, int | None]:
    return {f"{name}_id": members.named(work, system_id, parsed[name], name) for name in _PEOPLE if name in parsed}


def _newly_named(work: Work, row: Any, parsed: Mapping[str, Any]) -> dict[str, str]:
    """Who is named for something else than before: who is named already stays, also when disabled meanwhile."""
    given = {name: parsed[name] for name in _PEOPLE if name in parsed}
    known = members.names(work, {row.owner_id, row.reviewer_id} if given else set())
    return {n: one for n, one in given.items() if name_key(one) != name_key(known.get(getattr(row, f"{n}_id"), ""))}


def _with_names(work: Work, detail: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """People by their names: the log is read by people, long after."""
    ids = {part[f"{n}_id"] for part in detail.values() for n in _PEOPLE if f"{n}_id" in part}
    known = members.names(work, ids) if ids else {}
    return {
        when: {
            name.removesuffix("_id"): known.get(value, "") if name.endswith("_id") else value
            for name, value in part.items()
        }
        for when, part in detail.items()
    }


def _due(facts: Mapping[str, Any], received_on: date) -> date | None:
    dates = Dates(facts.get("covers_from"), facts.get("covers_until"), facts.get("collected_on"), received_on)
    return freshness.due(Cadence(facts.get("cadence") or Cadence.ONCE), dates)


def _received_on(work: Work, row: Any) -> date:
    query = select(artifact_versions.c.received_at).where(
        artifact_versions.c.artifact_id == row.id, artifact_versions.c.number == row.current_version
    )
    found: date = work.db.execute(query).scalar_one().date()
    return found


def visible(work: Work, artifact_id: int) -> Any:
    """The artifact's row when the actor may know of it: uploaded for, or linked in, a system of theirs."""
    row = work.row(select(artifacts).where(artifacts.c.id == artifact_id, shown_to(work.actor)))
    if row is None:
        raise NotFound("There is no such artifact, or it belongs to a system that you are not a member of.")
    return row


def is_visible(work: Work, artifact_id: int) -> bool:
    """Whether the actor may know of the artifact now."""
    return work.row(select(artifacts.c.id).where(artifacts.c.id == artifact_id, shown_to(work.actor))) is not None


def shown_to(actor: Actor | None) -> Any:
    """The condition of every query for artifacts: in use, and of a system of the actor's."""
    ids = actor.system_ids() if actor else []
    linked = select(links.c.artifact_id).where(links.c.artifact_id == artifacts.c.id, links.c.system_id.in_(ids))
    return and_(IN_USE, or_(artifacts.c.system_id.in_(ids), linked.exists()))


def actor_id(work: Work) -> int | None:
    """The account that acts; None at the command line."""
    return work.actor.id if work.actor else None


def editable(work: Work, artifact_id: int, action: Action) -> tuple[Any, Access]:
    """The artifact's row and home system when the actor may do that to it; raises `NotFound` or `Forbidden`."""
    row = visible(work, artifact_id)
    home = system_by_id(work.actor, row.system_id)
    allow(work.actor, action, home)
    return row, home


def bumped(artifact_id: int, version: int, **values: Any) -> Any:
    """An UPDATE of an artifact that is not in the trash, from the version that was read to the next."""
    return (
        update(artifacts)
        .where(artifacts.c.id == artifact_id, artifacts.c.version == version, artifacts.c.deleted_at.is_(None))
        .values(version=artifacts.c.version + 1, **values)
    )


def _told(files: Files) -> dict[str, Any]:
    """What the log says of a version's files: of the first as ever, of all where there are several."""
    if len(files) == 1:
        return files[0].told()
    return {**files[0].told(), "files": [one.told() for one in files]}


def _add_files(work: Work, artifact_id: int, number: int, files: Files, note: str) -> None:
    if not 1 <= len(files) <= MOST_FILES:
        raise Invalid({"file": f"A version has 1 to {MOST_FILES} files; these are {len(files)}."})
    stored = [one for one in files if isinstance(one, Received)]
    held = [one for one in files if isinstance(one, Held)]
    names = distinct_names(one.filename for one in stored)
    lines = [(one.sha256, one.size, name) for one, name in zip(stored, names, strict=True)]
    for one in sorted({file.sha256: file for file in stored}.values(), key=lambda file: file.sha256):
        keep_blob(work, one)
    work.change(
        insert(artifact_versions).values(
            artifact_id=artifact_id,
            number=number,
            note=note,
            received_at=work.now,
            received_by=actor_id(work),
            manifest_sha256=manifest([*lines, *((one.sha256, one.size, one.manifest_name) for one in held)]),
        )
    )
    at = {"artifact_id": artifact_id, "number": number}
    if held:
        work.change(insert(held_files), [{**at, "position": n, **asdict(one)} for n, one in enumerate(held, 1)])
        return
    rows = [
        {
            **at,
            "position": position,
            "filename": name,
            "media_type": file.media_type,
            "sha256": file.sha256,
            "warnings": list(file.warnings),
        }
        for position, (file, name) in enumerate(zip(stored, names, strict=True), 1)
    ]
    work.change(insert(artifact_files), rows)


def keep_blob(work: Work, received: Received) -> None:
    """Know of the bytes of a file that came; who takes several asks in the order of their hashes."""
    work.alone(f"blob:{received.sha256}")
    known = select(blobs.c.sha256).where(blobs.c.sha256 == received.sha256)
    is_known, is_spilled = work.db.execute(select(known.exists(), _spilled(received.sha256).exists())).one()
    if not is_known:
        if is_spilled:
            raise Conflict(_SPILLED)
        work.change(insert(blobs).values(sha256=received.sha256, size=received.size, stored_at=work.now))
        return
    # It may have come as another type before, or been away while it was to be read: it gets another reading.
    unread = blobs.c.text_state.in_(("none", "failed"))
    work.bookkeep(update(blobs).where(blobs.c.sha256 == received.sha256, unread).values(text_state="waiting"))


_SPILLED = (
    "These bytes were taken out of this installation for good and may not come back. Nothing was kept of this "
    "file; ask an administrator."
)


def refuse_spilled(work: Work, sha256: str) -> None:
    """Raise `Conflict` for bytes that were spilled here; it says nothing of where they were."""
    if work.row(_spilled(sha256).limit(1)):
        raise Conflict(_SPILLED)


def _spilled(sha256: str) -> Select[Any]:
    stone = select(tombstones.c.artifact_id).where(tombstones.c.sha256 == sha256)
    return stone.where(tombstones.c.reason.startswith(SPILLED, autoescape=True))
