"""What must be true after every kill: first read off the database as it lies there, then as people see it."""

import contextlib
import hashlib
import json
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, column, delete, func, select, text, update

from cmmc_tracker.config import read
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.opening import open_tracker
from cmmc_tracker.reports.handoff import verify
from cmmc_tracker.services import integrity, trash
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifacts,
    audit,
    blobs,
    imports,
    leases,
    links,
    package_files,
    packages,
    pins,
    tombstones,
)
from tests.crash.acts import Client, hash_of
from tests.crash.ledger import Ledger


@dataclass
class Cut:
    """In how many rounds the kill fell into the middle of something."""

    purges: int = 0
    checks: int = 0
    archives: int = 0
    registers: int = 0
    freezes: int = 0


class Remains:
    """The installation when nobody serves it."""

    def __init__(self, environment: Mapping[str, str], ledger: Ledger) -> None:
        self._settings = read(environment)
        self._tracker: Tracker = open_tracker(self._settings)
        self._ledger = ledger
        self._aged: set[int] = set()
        self._partly: dict[int, int] = {}  # import -> how many of its files are there
        self._open: set[int] = set()  # registers that are not done
        self._unheard: set[int] = set()  # packages that were written, and nobody was told of
        self.cut = Cut()

    def let_a_month_pass(self) -> None:
        """The trash may be purged now, all bytes are to be checked again, and no lease of the dead counts."""
        with self._tracker.write() as work:
            due = artifacts.c.deleted_at.is_not(None) & artifacts.c.purged_at.is_(None)
            long_ago = work.now - timedelta(days=trash.KEPT_DAYS + 1)
            work.db.execute(update(artifacts).where(due).values(deleted_at=long_ago))
            work.db.execute(update(blobs).values(checked_at=None))
            work.db.execute(delete(leases))
            self._aged = {row.id for row in work.rows(select(artifacts.c.id).where(due))}

    def settle(self) -> None:
        """Wait for the dead; a server that was restarted knows none of our connections either."""
        self._tracker.engine.dispose()
        with settle(self._tracker.engine):
            pass

    def purging(self) -> bool:
        """Whether a purge has begun to let go of what it may; true where there is nothing."""
        with self._tracker.read() as work:
            gone = select(func.count()).where(artifacts.c.id.in_(self._aged), artifacts.c.purged_at.is_not(None))
            return not self._aged or work.db.execute(gone).scalar_one() > 0

    def check(self, gone: Collection[int]) -> None:
        """No half of anything; `gone` are the artifacts that a purge said it had let go of."""
        with self._tracker.read() as work:
            self._trash(work, gone)
            self._archives(work)
            self._registers(work)
            self._packages(work)
            checked = work.db.execute(select(func.count(blobs.c.checked_at), func.count())).one()
            self.cut.checks += 0 < checked[0] < checked[1]

    def check_store(self) -> None:
        """After `verify`: every row has its bytes and all bytes have a row; everything was looked at and is intact."""
        with self._tracker.read() as work:
            wanted = {row.sha256 for table in (artifact_files, imports) for row in work.rows(select(table.c.sha256))}
            rows = work.rows(select(blobs.c.sha256, blobs.c.size, blobs.c.check_state, blobs.c.checked_at))
        assert {row.sha256 for row in rows} == wanted, "the rows of the bytes are not those that are needed"
        assert all(row.checked_at and row.check_state == integrity.INTACT for row in rows), (
            "verify left bytes unchecked"
        )
        kept = {path.name: path for path in self._settings.upload_path.rglob("*") if path.is_file()}
        kept.pop(".gate", None)
        assert kept.keys() == wanted, "the bytes in the store are not those that have a row"
        assert kept.keys() <= self._ledger.attempted, "the store holds what nobody sent"
        assert all(_is_whole(kept[row.sha256], row) for row in rows), "bytes in the store are not those of their name"

    def _trash(self, work: Work, gone: Collection[int]) -> None:
        """Each artifact is there, in the trash, or purged with all that belongs to that."""
        rows = {row.id: row for row in work.rows(select(artifacts))}
        files, stones = _by_artifact(work, artifact_files), _by_artifact(work, tombstones)
        told = _told(work, Event.ARTIFACT_PURGED)
        linked = {row.artifact_id for row in work.rows(select(links.c.artifact_id))}
        key = "id" if work.db.dialect.name == "postgresql" else "rowid"
        findable = set(work.db.execute(select(column(key)).select_from(text("artifact_search"))).scalars())
        for number, sent in self._ledger.uploads.items():
            assert number in rows, f"artifact {number} was acknowledged and is not there"
            whole = {(f"{sent.sha256}.txt", sent.sha256)}
            if rows[number].purged_at is None:
                assert number not in gone, f"artifact {number} was said to be purged and is there"
                assert files.get(number) == whole, f"artifact {number} is not purged and lacks its file"
                assert number not in stones, f"artifact {number} is there and has a tombstone"
                assert number not in told, f"the log says of artifact {number} that it is purged, and it is there"
                continue
            assert number in self._ledger.deleting, f"artifact {number} was purged, and nobody deleted it"
            assert stones.get(number) == whole, f"artifact {number} was purged without its tombstone"
            assert number not in files | dict.fromkeys(linked | findable), f"artifact {number} is only half purged"
            assert [one["sha256"] for one in told.get(number, [])] == [[sent.sha256]], (
                f"no entry of the purge: {number}"
            )
        purged = {number for number in self._aged if rows[number].purged_at}
        assert purged == self._aged & told.keys(), "the log and the rows differ in what was purged"
        self.cut.purges += 0 < len(purged) < len(self._aged)

    def _archives(self, work: Work) -> None:
        """Of each archive every file became one artifact or none, as the log says; all of them where it is done."""
        made = Counter(row.sha256 for row in work.rows(select(artifact_files.c.sha256)))
        done, taken = _told(work, Event.IMPORT_DONE), _told(work, Event.IMPORT_TAKEN)
        partly: dict[int, int] = {}
        for number, archive in self._ledger.archives.items():
            there = {one: made[one] for one in archive.members if made[one]}
            assert set(there.values()) <= {1}, f"import {number} made a file twice"
            assert len(there) == len(taken.get(number, [])), f"import {number} made other artifacts than the log says"
            assert number in done or not archive.done, f"import {number} was said to be done and is not"
            whole = len(there) == len(archive.members)
            assert whole or not archive.kept, f"import {number} was said to be kept whole and is not"
            assert whole or number not in done, f"import {number} claims to be done"
            if 0 < len(there) < len(archive.members):
                partly[number] = len(there)
        self.cut.archives += bool(partly.items() - self._partly.items())
        self._partly = partly

    def _packages(self, work: Work) -> None:
        """Each package is there with its files and its pins, and the log says so; of one cut short is nothing."""
        rows = {row.id: row for row in work.rows(select(packages))}
        last = select(package_files.c.package_id, package_files.c.sha256).where(package_files.c.path == "manifest.json")
        sealed = {row.package_id: row.sha256 for row in work.rows(last)}
        pinned = Counter(row.holder for row in work.rows(select(pins.c.holder)))
        assert rows.keys() == _told(work, Event.PACKAGE_FROZEN).keys(), "the log and the rows differ in what was frozen"
        assert sealed == {number: row.manifest_sha256 for number, row in rows.items()}, "a package lacks its files"
        wanted = {f"package:{number}": row.artifacts for number, row in rows.items() if row.artifacts}
        assert pinned == wanted, "pins without a package, or a package without its pins"
        kept = {number: sha256 for number, sha256 in sealed.items() if number in self._ledger.frozen}
        assert kept == self._ledger.frozen, "a package that was acknowledged is not there"
        self.cut.freezes += len(rows.keys() - self._ledger.frozen.keys() - self._unheard)
        self._unheard |= rows.keys() - self._ledger.frozen.keys()

    def _registers(self, work: Work) -> None:
        """All artifacts say what one register said: the newest acknowledged one, or one that was under way since."""
        ids = list(self._ledger.registered)
        query = select(artifacts.c.description).where(artifacts.c.id.in_(ids))
        said = {row.description for row in work.rows(query)}
        assert len(said) == 1, f"a register was applied by half: {sorted(said)}"
        done = _told(work, Event.IMPORT_DONE)
        may: set[str] = {""}
        for number, register in self._ledger.registers.items():
            assert number in done or not register.done, f"register {number} was said to be applied and is not"
            may = {register.said} if number in done else may
        assert said == may, "a register that is done is not applied, or one that is not done is"
        left = {number for number, register in self._ledger.registers.items() if not register.done}
        self.cut.registers += len(left - self._open)
        self._open = left


@contextlib.contextmanager
def settle(engine: Engine) -> Iterator[Connection]:
    """A connection, when PostgreSQL has seen that the dead are dead: what it takes of them until then still counts."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    until = time.monotonic() + 20
    with engine.connect() as connection:
        while engine.dialect.name == "postgresql" and connection.execute(others).scalar_one():
            assert time.monotonic() < until, "PostgreSQL keeps connections of processes that were killed"
            connection.rollback()
            time.sleep(0.01)
        yield connection


def compare(client: Client, ledger: Ledger) -> None:
    """Everything acknowledged is there and right."""
    for number, sent in ledger.uploads.items():
        status, content = client.call("GET", f"/api/v1/artifacts/{number}/versions/1/content")
        if number in ledger.deleted or (status == 404 and number in ledger.deleting):
            assert status == 404, f"artifact {number} was put into the trash and answers {status}"
            ledger.deleted.add(number)
            continue
        assert status == 200, f"artifact {number} was acknowledged and answers {status}"
        assert hash_of(content) == sent.sha256, f"artifact {number} came back altered"
    if ledger.frozen:
        _compare_package(client, *max(ledger.frozen.items()))
    for (requirement, letter), (version, note) in ledger.judged.items():
        _, answer = client.call("GET", f"/api/v1/systems/main/requirements/{requirement}")
        found = next(o for o in json.loads(answer)["objectives"] if o["letter"] == letter)
        assert found["version"] >= version, f"a judgement of {requirement}[{letter}] was lost"
        assert found["version"] > version or found["note"] == note, f"a judgement of {requirement}[{letter}] is wrong"


def _compare_package(client: Client, number: int, manifest: str) -> None:
    """A package comes as a zip that its own program finds intact."""
    status, content = client.call("GET", f"/api/v1/systems/main/packages/{number}/download")
    assert status == 200, f"package {number} was acknowledged and answers {status}"
    with tempfile.TemporaryDirectory(prefix="crash ") as folder:
        place = Path(folder, "package.zip")
        place.write_bytes(content)
        assert verify.look(str(place), "", "", manifest).problems == [], f"package {number} is not intact"


def _by_artifact(work: Work, table: Any) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    for row in work.rows(select(table.c.artifact_id, table.c.filename, table.c.sha256)):
        found.setdefault(row.artifact_id, set()).add((row.filename, row.sha256))
    return found


def _told(work: Work, event: Event) -> dict[int, list[dict[str, Any]]]:
    """What the audit log says of one kind, by the number of what it is about."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in work.rows(select(audit.c.entity, audit.c.detail).where(audit.c.action == event)):
        found.setdefault(int(row.entity.rsplit(":", 1)[1]), []).append(json.loads(row.detail))
    return found


def _is_whole(path: Path, row: Row[Any]) -> bool:
    with path.open("rb") as file:
        return bool(path.stat().st_size == row.size and hashlib.file_digest(file, "sha256").hexdigest() == row.sha256)
