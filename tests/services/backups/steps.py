"""Steps that tests of backups share: making, proving, restoring, harming, and a picture of all that is kept."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from cmmc_tracker.domain.backups import PASSING, Keep, Manifest
from cmmc_tracker.services import demo, systems
from cmmc_tracker.services.backups import checking, making, reading, restoring
from cmmc_tracker.services.backups.checking import Proof
from cmmc_tracker.services.backups.making import Made
from cmmc_tracker.services.backups.restoring import Restored
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import search
from cmmc_tracker.storage.backups import Shelf
from cmmc_tracker.storage.places import FolderPlace
from cmmc_tracker.storage.stores import place_of
from cmmc_tracker.storage.tables import artifacts, leases, metadata
from tests.conftest import OPERATOR
from tests.services.evidence import made, somebody

Empty = Callable[[str], Tracker]


def back_up(tracker: Tracker, dest: Path, keep: Keep | None = None) -> Made:
    """A backup, as the command makes it."""
    return making.run(tracker, OPERATOR, FolderPlace(dest), told={"FLASK_ENV": "production"}, keep=keep)


def prove(place: Path) -> Proof:
    """What a check of the newest says."""
    return checking.run(reading.opened(*place_of(place)))


def restore(tracker: Tracker, place: Path) -> Restored:
    """Take the newest in."""
    return restoring.run(tracker, OPERATOR, reading.opened(*place_of(place)), Path("/"))


def picture_of(tracker: Tracker) -> dict[str, list[Any]]:
    """Every row of every table that a backup has, without what `verify` notes."""
    with tracker.read() as work:
        return {
            table.name: [
                tuple(row)
                for row in work.rows(
                    select(*(c for c in table.columns if c.name not in {"checked_at", "check_state"})).order_by(
                        *table.primary_key.columns
                    )
                )
            ]
            for table in metadata.sorted_tables
            if table.name not in PASSING
        }


def found_by(tracker: Tracker, words: str) -> set[int]:
    """The artifacts that a search finds."""
    with tracker.read() as work:
        return {
            row.id
            for place in search.Place
            for row in work.rows(search.narrowed(work.db, select(artifacts.c.id), artifacts.c.id, words, place)[0])
        }


def used(tracker: Tracker) -> None:
    """An installation with a row of nearly every kind: the demo, people, an artifact in another alphabet."""
    with tracker.read() as work:
        operator = replace(OPERATOR, systems=systems.all_of(work))
    demo.fill(tracker, operator)
    bo = somebody(tracker, "bo")
    made(tracker, bo, ("naïve – 証拠\u2028.txt", b"words"), title="Été “quoted”\\ \x7f 🙂")
    with tracker.write(OPERATOR) as work:
        now = work.now
        work.db.execute(insert(leases).values(name="job", holder="a dead process", until=now))


def a_blob(root: Path) -> Path:
    """One of the contents in a store or a backup."""
    return next(path for path in sorted(root.rglob("*")) if len(path.name) == 64)


def cut(path: Path) -> None:
    """Take the last bytes away."""
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    """Alter one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def jumble(path: Path) -> None:
    """Make what is packed senseless: its first block is of a kind that deflate does not have (RFC 1951, 3.2.3)."""
    content = bytearray(path.read_bytes())
    content[10:11] = b"\x07"
    path.write_bytes(content)


def forged(dest: Path, name: str, file: str, change: Callable[[bytes], bytes], **facts: Any) -> None:
    """Alter a file of a backup, and its manifest with it, as somebody who knows the form would."""
    shelf, path = Shelf(FolderPlace(dest)), dest / name / file
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    manifest = json.loads((dest / name / "manifest.json").read_bytes())
    manifest.pop("seal")
    for one in manifest["files"]:
        if one["name"] == file:
            one["size"], one["sha256"] = shelf.hashed(name, file)
    found = {**manifest, **facts}
    found["files"] = tuple(making.FileOf(**one) for one in found["files"])
    (dest / name / "manifest.json").write_text(Manifest(**{**found, "lacking": ()}).text())
