"""`cmmc-tracker spill` as people and scripts use it."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import spill_confirming
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, audit, pins
from tests import warm
from tests.services.evidence import made, somebody

Command = Callable[..., warm.Ran]
SECRET = b"CUI\nzanzibarite"


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Runs `cmmc-tracker` on the installation under test; `typed` is what a person types."""

    def run(*words: str, typed: str = "") -> warm.Ran:
        given = {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40}
        return warm.run(*words, env=given, typed=typed)

    return run


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _titles(tracker: Tracker) -> list[str]:
    with tracker.read() as work:
        return [row.title for row in work.rows(select(artifacts.c.title).order_by(artifacts.c.id))]


def _has(folder: Path) -> bool:
    return any(b"zanzibarite" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_it_asks_first_and_without_a_yes_nothing_goes(command: Command, tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    for typed in ("n\n", ""):
        done = command("spill", "1", "--reason", "by mistake", typed=typed)
        assert done.returncode == 1
        assert "This cannot be undone" in done.stdout
    assert _titles(tracker) == ["Log review"]


def test_with_a_yes_it_goes_from_all_files_and_says_what_is_left_to_do(
    command: Command, tracker: Tracker, bo: Actor, tmp_path: Path
) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    texts.turn(House(tracker))
    with tracker.write() as work:
        held = {"artifact_id": 1, "number": 1, "holder": "package:4", "until": date(2999, 1, 1)}
        work.db.execute(insert(pins).values(**held))
    assert _has(tmp_path)
    done = command("spill", "1", "--reason", "by mistake", typed="y\n")
    assert done.returncode == 0, done.stderr
    assert "Taken out. Tombstones keep the hashes and the reason." in done.stdout
    assert "package:4 was to hold version 1 of artifact 1 until 2999-01-01" in done.stdout
    assert "the audit log, which cannot be altered" in done.stdout
    assert not _has(tmp_path)
    with tracker.read() as work:
        entry = work.db.execute(select(audit.c.actor).where(audit.c.action == "artifact:spilled")).scalar_one()
    assert entry == "command line"
    assert command("verify").returncode == 0
    gone = command("spill", "1", "--reason", "again", "--yes")
    assert gone.returncode == 1
    assert "it may have gone already" in gone.stderr


def test_a_dry_run_names_what_would_go_and_changes_nothing(command: Command, tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    made(tracker, bo, ("b.txt", SECRET))
    done = command("spill", "1", "--reason", "why", "--dry-run")
    assert done.returncode == 0
    assert "artifact 2 version 1 has some of the same bytes" in done.stdout
    assert "Nothing was changed (--dry-run)." in done.stdout
    told = json.loads(command("spill", "1", "--reason", "why", "--dry-run", "--json").stdout)
    assert told["hashes"] == [hashlib.sha256(SECRET).hexdigest()]
    assert told["elsewhere"] == [[2, 1]]
    assert "Log review" not in json.dumps(told)
    assert _titles(tracker) == ["Log review"] * 2


def test_it_waits_for_a_second_person_where_two_judge(command: Command, tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    cy = somebody(tracker, "cy")
    refused = command("spill", str(artifact), "--reason", "by mistake", "--yes")
    assert (refused.returncode, "not confirmed by a second person yet" in refused.stdout) == (1, True)
    assert f"/spills/{artifact}" in refused.stderr
    with tracker.write(cy) as work:
        spill_confirming.confirm(work, artifact, None)
    shown = command("spill", str(artifact), "--reason", "by mistake", "--dry-run").stdout
    assert "confirmed by cy" in shown


def test_the_same_bytes_elsewhere_stop_a_script_and_a_person_is_asked(
    command: Command, tracker: Tracker, bo: Actor
) -> None:
    for name in ("a.txt", "b.txt"):
        made(tracker, bo, (name, SECRET))
    done = command("spill", "1", "--reason", "why", "--yes")
    assert done.returncode == 1
    assert "artifact 2 version 1 has the same bytes. Spill them too, with --everywhere." in done.stderr
    assert _titles(tracker) == ["Log review"] * 2
    done = command("spill", "1", "--reason", "why", typed="y\ny\n")
    assert done.returncode == 0, done.stderr
    assert "Artifact 2 version 1 has the same bytes. Take them out too?" in done.stdout
    assert _titles(tracker) == ["Spilled artifact 1", "Spilled artifact 2"]


def test_a_script_reads_what_went_and_where_it_is_kept_now(command: Command, tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    done = command("spill", "1", "--reason", "why", "--keep-as", "vault 4", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["gone"], told["kept_as_version"], told["left"]) == ([], 2, [])
    assert any("audit log" in one for one in told["to_do"])


def test_spilled_bytes_are_refused_until_an_administrator_lets_them_come_again(
    command: Command, tracker: Tracker, bo: Actor, tmp_path: Path
) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    assert command("spill", "1", "--reason", "why", "--yes").returncode == 0
    again = tmp_path / "again.txt"
    again.write_bytes(SECRET)
    refused = command("artifact", "add", str(again))
    assert refused.returncode == 1
    assert "may not come back" in refused.stderr
    sha256 = hashlib.sha256(SECRET).hexdigest()
    assert command("spill", "--lift", sha256).returncode == 0
    assert command("spill", "--lift", sha256).returncode == 1
    assert command("artifact", "add", str(again)).returncode == 0


def test_the_free_space_can_be_cleared_alone(command: Command) -> None:
    done = command("spill", "--clean")
    assert (done.returncode, done.stderr) == (0, "")
    assert "written anew" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("1", "--clean"),
        ("1", "--lift", "a" * 64),
        ("1", "--reason", "why", "--json"),
        ("nothing",),
        ("0", "--reason", "why"),
    ],
)
def test_wrong_use_is_told(command: Command, words: tuple[str, ...]) -> None:
    assert command("spill", *words).returncode == 2


def test_without_a_reason_nothing_goes(command: Command, tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    done = command("spill", "1", "--yes")
    assert done.returncode == 1
    assert "Say why" in done.stderr
    assert _titles(tracker) == ["Log review"]


def test_a_number_that_no_artifact_can_have_is_a_wrong_use(command: Command) -> None:
    for number in ("0", "9" * 24):
        done = command("spill", number, "--reason", "why", "--yes")
        assert (done.returncode, "is not in the range" in done.stderr) == (2, True)
