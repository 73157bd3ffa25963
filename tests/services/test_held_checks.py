"""Evidence that stays where it is, hashed again there: what is found, remembered, told, and never read."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import (
    held,
    integrity,
    trash,
)
from cmmc_tracker.services.held import Recheck
from cmmc_tracker.services.overview import overview
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.enclave import Enclave
from cmmc_tracker.storage.tables import artifacts
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import seen, somebody
from tests.services.held import BARE, PUMP, logged, registered, versioned_held


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


@pytest.fixture
def enclave(tmp_path: Path) -> Enclave:
    """A folder with the pump's drawing in it, as it was registered."""
    (tmp_path / "enclave" / "cad").mkdir(parents=True)
    (tmp_path / "enclave" / PUMP.location).write_bytes(b"pump")
    return Enclave(tmp_path / "enclave")


def _recheck(tracker: Tracker, enclave: Enclave) -> Recheck:
    return held.recheck(tracker, OPERATOR, enclave)


def _states(found: Recheck) -> list[tuple[int, str]]:
    return [(one.artifact, one.state) for one in found.files]


def test_a_check_in_its_place_is_remembered_and_only_changes_stand_in_the_log(
    tracker: Tracker, bo: Actor, enclave: Enclave, tmp_path: Path
) -> None:
    number, place = registered(tracker, bo), tmp_path / "enclave" / PUMP.location
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]
    file = seen(tracker, bo, number).current.files[0]
    assert (file.check_state, file.checked_at is not None, file.is_damaged) == ("intact", True, False)
    assert logged(tracker, "integrity:broken") == []
    place.write_bytes(b"other")
    found = _recheck(tracker, enclave)
    assert (_states(found), found.problems[0].title) == ([(number, "altered")], "Pump")
    assert hashlib.sha256(b"other").hexdigest() in found.problems[0].said
    assert seen(tracker, bo, number).current.files[0].is_damaged
    place.unlink()
    assert _states(_recheck(tracker, enclave)) == [(number, "missing")]
    assert _states(_recheck(tracker, enclave)) == [(number, "missing")]
    place.write_bytes(b"pump")
    assert _recheck(tracker, enclave).problems == []
    assert [(one["before"], one["now"]) for one in logged(tracker, "integrity:broken")] == [
        *(("intact", "altered"), ("altered", "missing")),
    ]
    assert [(one["before"], one["held_at"]) for one in logged(tracker, "integrity:restored")] == [
        ("missing", PUMP.location)
    ]


def test_what_is_damaged_there_is_told_to_administrators_until_it_is_replaced(
    tracker: Tracker, bo: Actor, enclave: Enclave, tmp_path: Path
) -> None:
    number = registered(tracker, bo)
    (tmp_path / "enclave" / PUMP.location).write_bytes(b"other")
    _recheck(tracker, enclave)
    with tracker.read(OPERATOR) as work:
        store = overview(work, bo.systems["main"]).store
        assert (store.damaged, store.held_damaged) == (0, 1)
        assert [(one.artifact_id, one.told, one.location) for one in integrity.damaged(work)] == [
            (number, "Altered", PUMP.location)
        ]
    versioned_held(tracker, bo, number, Held(PUMP.location, hashlib.sha256(b"other").hexdigest()))
    with tracker.read(OPERATOR) as work:
        assert (overview(work, bo.systems["main"]).store.held_damaged, integrity.damaged(work)) == (0, [])
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]


@pytest.mark.parametrize("location", ["../secret.txt", "../../../../etc/passwd", "/etc/passwd", "door/secret.txt"])
def test_a_location_that_leads_out_is_refused_never_read_and_changes_nothing(
    tracker: Tracker, bo: Actor, enclave: Enclave, tmp_path: Path, location: str
) -> None:
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "enclave" / "door").symlink_to(tmp_path)
    # The right hash of what lies there: if it were read, it would be found intact.
    sha256 = hashlib.sha256(b"secret").hexdigest()
    if location.startswith("/") or "passwd" in location:
        sha256 = hashlib.sha256(Path("/etc/passwd").read_bytes()).hexdigest()
    number = registered(tracker, bo, Held(location, sha256))
    found = _recheck(tracker, enclave)
    assert _states(found) == [(number, "refused")]
    assert len(found.problems) == 1
    file = seen(tracker, bo, number).current.files[0]
    assert (file.check_state, file.checked_at) == ("", None)


def test_what_is_no_path_of_this_machine_is_passed_over(tracker: Tracker, bo: Actor, enclave: Enclave) -> None:
    ids = [registered(tracker, bo, Held(where, "c" * 64)) for where in (BARE.location, "\\\\share\\x", "D:\\x")]
    found = _recheck(tracker, enclave)
    assert (_states(found), found.problems) == ([(one, "elsewhere") for one in ids], [])
    assert found.counts == {"elsewhere": 3}


def test_older_versions_and_the_trash_are_not_looked_for(tracker: Tracker, bo: Actor, enclave: Enclave) -> None:
    number, gone = (
        registered(tracker, bo, Held("old.pdf", "a" * 64)),
        registered(tracker, bo, Held("gone.pdf", "a" * 64)),
    )
    versioned_held(tracker, bo, number, PUMP)
    with tracker.write(bo) as work:
        trash.remove(work, gone)
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]


def test_a_disk_that_cannot_be_read_is_told_and_the_next_file_is_looked_at(
    tracker: Tracker, bo: Actor, enclave: Enclave, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = registered(tracker, bo, Held("bad.pdf", "a" * 64)), registered(tracker, bo)
    real = Enclave.hashed

    def fails(self: Enclave, location: str, *more: Any) -> Any:
        if location == "bad.pdf":
            raise OSError(5, "Input/output error")
        return real(self, location, *more)

    monkeypatch.setattr(Enclave, "hashed", fails)
    found = _recheck(tracker, enclave)
    assert _states(found) == [(first, "unreadable"), (second, "intact")]
    assert found.problems[0].said == "Input/output error"


def test_a_version_that_was_replaced_while_it_was_hashed_stays_as_it_was(
    tracker: Tracker, bo: Actor, enclave: Enclave, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    number = registered(tracker, bo)
    real = Enclave.hashed

    def purged_meanwhile(self: Enclave, location: str, *more: Any) -> Any:
        with tracker.write(bo) as work:
            trash.remove(work, number)
        clock.forward(days=32)
        trash.purge(tracker, OPERATOR, [number])
        return real(self, location, *more)

    monkeypatch.setattr(Enclave, "hashed", purged_meanwhile)
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]
    with tracker.read() as work:
        assert work.rows(select(artifacts.c.id).where(artifacts.c.purged_at.is_(None))) == []
    assert clock.offset == timedelta(days=32)
