"""What is missing, cut, altered or too new in a backup is found, and nothing of it is restored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cmmc_tracker.errors import Busy, Conflict, NotFound
from cmmc_tracker.services import audit
from cmmc_tracker.services.backups import reading
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.stores import place_of
from tests.services.backups.steps import Empty, a_blob, back_up, cut, flip, forged, jumble, picture_of, prove, restore
from tests.services.evidence import made, somebody


@pytest.mark.parametrize("harm", [cut, flip, jumble, Path.unlink], ids=["cut", "altered", "jumbled", "missing"])
@pytest.mark.parametrize("what", ["users.jsonl.gz", "audit.jsonl.gz", "settings.json", "manifest.json", "blob"])
def test_a_harmed_backup_is_found_and_its_tables_are_not_restored(
    tracker: Tracker, empty: Empty, dest: Path, harm: Callable[[Path], None], what: str
) -> None:
    made(tracker, somebody(tracker, "bo"))
    done = back_up(tracker, dest)
    harm(a_blob(dest / "blobs") if what == "blob" else dest / done.name / what)
    if what == "manifest.json":
        with pytest.raises(Conflict, match=done.name):
            prove(dest / done.name)
    else:
        assert len(prove(dest / done.name).problems) == 1
    new = empty("sqlite")
    if what == "blob":
        assert len(restore(new, dest).problems) == 1
        return
    with pytest.raises((Conflict, NotFound)):
        restore(new, dest)
    assert list(new.blobs.names()) == []
    with new.read() as work:
        assert audit.length(work) == 1


def test_a_log_that_was_altered_with_its_manifest_breaks_the_chain(tracker: Tracker, empty: Empty, dest: Path) -> None:
    somebody(tracker, "bo")
    done = back_up(tracker, dest)
    forged(dest, done.name, "audit.jsonl.gz", lambda rows: rows.replace(b"user:created", b"user:removed"))
    assert any("breaks the chain" in one for one in prove(dest).problems)


def test_rows_that_are_too_few_are_found_and_nothing_is_restored(tracker: Tracker, empty: Empty, dest: Path) -> None:
    somebody(tracker, "bo")
    done = back_up(tracker, dest)
    forged(dest, done.name, "users.jsonl.gz", lambda rows: rows.splitlines(keepends=True)[0])
    assert any("rows" in one for one in prove(dest).problems)
    new = empty("sqlite")
    before = picture_of(new)
    with pytest.raises((Conflict, Busy)):
        restore(new, dest)
    assert picture_of(new) == before


@pytest.mark.parametrize(
    "harm", [b"[7777,7777,true,true,true,null]\n", b'[{"a":1},2,true,true,true,null]\n', b"[1]\n", b"{\n"]
)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_that_do_not_fit_are_refused_and_nothing_is_restored(
    tracker: Tracker, empty: Empty, dest: Path, harm: bytes, kind: str
) -> None:
    done = back_up(tracker, dest)
    forged(dest, done.name, "memberships.jsonl.gz", lambda rows: rows + harm)
    manifest = (dest / done.name / "manifest.json").read_text()
    assert "memberships" in manifest
    new = empty(kind)
    before = picture_of(new)
    with pytest.raises(Conflict, match="memberships"):
        restore(new, dest)
    assert picture_of(new) == before


@pytest.mark.parametrize("facts", [{"revision": "0999"}, {"format": 2}])
def test_a_backup_of_a_newer_version_is_refused(
    tracker: Tracker, empty: Empty, dest: Path, facts: dict[str, Any]
) -> None:
    done = back_up(tracker, dest)
    forged(dest, done.name, "users.jsonl.gz", lambda rows: rows, **facts)
    new = empty("sqlite")
    with pytest.raises(Conflict, match="newer version"):
        restore(new, dest)


def test_one_that_was_cut_short_is_never_taken_for_whole(tracker: Tracker, dest: Path) -> None:
    with pytest.raises(NotFound, match="neither"):
        reading.opened(*place_of(dest))
    first = back_up(tracker, dest)
    second = back_up(tracker, dest)
    (dest / second.name / "manifest.json").unlink()
    assert reading.opened(*place_of(dest)).name == first.name
    with pytest.raises(Conflict, match="cut short"):
        reading.opened(*place_of(dest / second.name))
    (dest / first.name / "manifest.json").unlink()
    with pytest.raises(NotFound, match="no whole backup"):
        reading.opened(*place_of(dest))


def test_a_backup_without_its_contents_beside_it_says_so(tracker: Tracker, dest: Path, tmp_path: Path) -> None:
    done = back_up(tracker, dest)
    (dest / done.name).rename(tmp_path / done.name)
    with pytest.raises(NotFound, match="missing beside"):
        reading.opened(*place_of(tmp_path / done.name))
