"""`cmmc-tracker purge` as people and scripts use it."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from cmmc_tracker.services import trash
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, audit, pins
from tests import warm
from tests.services.evidence import made, somebody

Command = Callable[..., warm.Ran]


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Runs `cmmc-tracker` on the installation under test."""

    def run(*words: str) -> warm.Ran:
        given = {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40}
        return warm.run(*words, env=given)

    return run


@pytest.fixture
def trashed(tracker: Tracker) -> list[int]:
    """Two artifacts that have lain in the trash for forty days, and one since yesterday."""
    bo = somebody(tracker, "bo")
    ids = [made(tracker, bo, (f"{name}.txt", name.encode())) for name in ("one", "two", "three")]
    for one, days in zip(ids, (40, 40, 1), strict=True):
        with tracker.write(bo) as work:
            trash.remove(work, one)
            since = work.now - timedelta(days=days)
            work.db.execute(update(artifacts).where(artifacts.c.id == one).values(deleted_at=since))
    return ids


def _hold(tracker: Tracker, artifact_id: int) -> None:
    with tracker.write() as work:
        values = {"artifact_id": artifact_id, "number": 1, "holder": "package:4", "until": date(2999, 1, 1)}
        work.db.execute(insert(pins).values(**values))


def _left(tracker: Tracker) -> list[int]:
    with tracker.read() as work:
        query = select(artifacts.c.id).where(artifacts.c.purged_at.is_(None)).order_by(artifacts.c.id)
        return [row.id for row in work.rows(query)]


def _stored(tmp_path: Path) -> int:
    return sum(path.is_file() and len(path.name) == 64 for path in (tmp_path / "uploads").rglob("*"))


def test_an_empty_trash_is_told_and_is_no_failure(command: Command) -> None:
    done = command("purge")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing has lain in the trash for more than 30 days." in done.stdout


def test_what_lay_there_long_enough_goes_and_is_recorded_as_done_at_the_command_line(
    command: Command, tracker: Tracker, tmp_path: Path, trashed: list[int]
) -> None:
    done = command("purge")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("gone; its tombstone keeps the hashes") == 2
    assert _left(tracker) == trashed[2:]
    assert _stored(tmp_path) == 1
    with tracker.read() as work:
        told = work.rows(select(audit.c.actor).where(audit.c.action == "artifact:purged"))
    assert [row.actor for row in told] == ["command line"] * 2
    assert command("verify").returncode == 0
    assert "Nothing has lain" in command("purge").stdout


def test_a_dry_run_says_what_would_go_and_lets_nothing_go(
    command: Command, tracker: Tracker, tmp_path: Path, trashed: list[int]
) -> None:
    done = command("purge", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.count("would go") == 2
    assert json.loads(command("purge", "--dry-run", "--json").stdout) == {
        "would_go": trashed[:2],
        "gone": [],
        "held": [],
    }
    assert _left(tracker) == trashed
    assert _stored(tmp_path) == 3


def test_a_script_reads_what_went(command: Command, trashed: list[int]) -> None:
    assert json.loads(command("purge", "--json").stdout) == {"would_go": [], "gone": trashed[:2], "held": []}


def test_what_is_held_stays_is_named_and_makes_the_command_fail(
    command: Command, tracker: Tracker, trashed: list[int]
) -> None:
    _hold(tracker, trashed[0])
    done = command("purge")
    assert done.returncode == 1
    assert f"Artifact {trashed[0]}: kept. Version 1 is held by package:4 until 2999-01-01" in done.stderr
    assert f"Artifact {trashed[1]}: gone" in done.stdout
    assert _left(tracker) == [trashed[0], trashed[2]]
    again = command("purge", "--json")
    assert again.returncode == 1
    assert [one for one, _ in json.loads(again.stdout)["held"]] == [trashed[0]]


def test_a_dry_run_tells_what_is_held_from_what_would_go(
    command: Command, tracker: Tracker, trashed: list[int]
) -> None:
    _hold(tracker, trashed[0])
    done = command("purge", "--dry-run", "--json")
    found = json.loads(done.stdout)
    assert found["would_go"] == [trashed[1]]
    assert [one for one, _ in found["held"]] == [trashed[0]]
    assert _left(tracker) == trashed


def test_an_unknown_option_is_wrong_use(command: Command) -> None:
    assert command("purge", "--all").returncode == 2
