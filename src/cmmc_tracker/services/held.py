"""Evidence that stays where it is: registered by its hash, said to have moved, hashed again where it lies.

Nothing of its content comes here. What `recheck` finds is remembered beside the hash, and a change for the worse or the
better goes into the log, at the artifact that depends on it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, func, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.held import Held, is_elsewhere
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow
from cmmc_tracker.errors import Conflict
from cmmc_tracker.services.artifacts import IN_USE, add_version
from cmmc_tracker.services.integrity import INTACT
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.enclave import Enclave, Outside
from cmmc_tracker.storage.tables import artifacts, held_files

REFUSED, ELSEWHERE = "refused", "elsewhere"


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What became of one file: intact, altered, missing or unreadable; or not looked at: refused, or held elsewhere."""

    artifact: int
    title: str
    location: str
    state: str
    said: str = ""


@dataclass(slots=True)
class Recheck:
    """What a check of everything below one folder found."""

    files: list[Rechecked] = field(default_factory=list)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many files stand how."""
        return Counter(one.state for one in self.files)

    @property
    def problems(self) -> list[Rechecked]:
        """What is not as it was registered, or may not be looked at."""
        return [one for one in self.files if one.state not in {INTACT, ELSEWHERE}]


def register(
    work: Work, home: Access, one: Held, facts: Mapping[str, Any], targets: Sequence[Target] = ()
) -> tuple[int, bool]:
    """Make an artifact of a file that stays where it is; returns its number, and whether it is new.

    The same hash at the same location is the same evidence: nothing is made of it twice. Raises `Conflict` where other
    bytes are registered at that location: they are a new version of what is there, and a person says so.
    """
    allow(work.actor, Action.ARTIFACT_CREATE, home)
    work.alone(f"held:{home.system_id}")
    there = work.rows(
        _current(held_files.c.sha256)
        .where(artifacts.c.system_id == home.system_id, held_files.c.location == one.location)
        .order_by(artifacts.c.id)
    )
    same = next((row for row in there if row.sha256 == one.sha256), None)
    if same is not None:
        return int(same.id), False
    if there:
        raise Conflict(
            f"Artifact {there[0].id} is held at this location with other bytes. If the file was changed on purpose, "
            "add it there as a new version, with this SHA-256."
        )
    return create_linked(work, home, [one], facts, targets), True


def move(work: Work, artifact_id: int, location: str) -> None:
    """Say that a file is held at another location now: a new version of the same bytes; none is changed in place."""
    rows = work.rows(
        _current(*(held_files.c[name] for name in ("sha256", "size", "filename", "media_type", "location")))
        .where(artifacts.c.id == artifact_id)
        .order_by(held_files.c.position)
    )
    if len(rows) != 1:
        raise Conflict(f"Artifact {artifact_id} is not one file that is held elsewhere. Nothing was changed.")
    now = Held(rows[0].location, rows[0].sha256, rows[0].size, rows[0].filename, rows[0].media_type)
    files: list[Held] = [replace(now, location=location)]
    add_version(work, artifact_id, files, f"Moved; it was held at {now.location}.")


def count(tracker: Tracker) -> int:
    """How many files are held elsewhere, of the versions that count."""
    with tracker.read() as work:
        return int(work.db.execute(select(func.count()).select_from(_current().subquery())).scalar_one())


def recheck(
    tracker: Tracker, actor: Actor, enclave: Enclave, moved: Callable[[int], None] = lambda _bytes: None
) -> Recheck:
    """Hash every file below the folder again, of the versions that count, and remember how each stands.

    Addresses, shares and drives are no paths here and are passed over. A location that leads out of the folder is
    refused and nothing of it is read; what was known of it stays.
    """
    found = Recheck()
    with tracker.read() as work:
        rows = work.rows(_current(*held_files.c, artifacts.c.title).order_by(artifacts.c.id, held_files.c.position))
    for row in rows:
        state, said = _look(enclave, row, moved)
        if state not in {REFUSED, ELSEWHERE}:
            with tracker.write(actor) as work:
                _note(work, row, state)
        found.files.append(Rechecked(row.artifact_id, row.title, row.location, state, said))
    return found


def _current(*columns: Any) -> Any:
    """Columns of the files of current versions that are held elsewhere, of all artifacts in use."""
    of_current = and_(
        held_files.c.artifact_id == artifacts.c.id, held_files.c.number == artifacts.c.current_version, IN_USE
    )
    return select(artifacts.c.id, *columns).join(held_files, of_current)


def _look(enclave: Enclave, row: Any, moved: Callable[[int], None]) -> tuple[str, str]:
    if is_elsewhere(row.location):
        return ELSEWHERE, "it is held at an address, a share or a drive, not at a path of this machine"
    try:
        now = enclave.hashed(row.location, moved)
    except Outside as error:
        return REFUSED, error.message
    except (FileNotFoundError, NotADirectoryError):
        return "missing", "there is no such file"
    except OSError as error:
        return "unreadable", error.strerror or str(error)
    if now.sha256 != row.sha256:
        return "altered", f"its {now.size:,} bytes now hash to {now.sha256}"
    return INTACT, ""


def _note(work: Work, row: Any, state: str) -> None:
    """Remember how a file stands, unless its version has gone meanwhile."""
    at = and_(
        held_files.c.artifact_id == row.artifact_id,
        held_files.c.number == row.number,
        held_files.c.position == row.position,
    )
    now = work.row(select(held_files.c.check_state).where(at))
    if now is None:
        return
    work.bookkeep(update(held_files).where(at).values(checked_at=work.now, check_state=state))
    before = now.check_state or INTACT
    if state != before:
        event = Event.INTEGRITY_RESTORED if state == INTACT else Event.INTEGRITY_BROKEN
        said = {"before": before, "now": state, "number": row.number, "sha256": row.sha256, "held_at": row.location}
        work.record(event, f"artifact:{row.artifact_id}", said)
