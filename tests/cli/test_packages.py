"""`cmmc-tracker package …` as people and scripts use it: made, written, checked, compared, kept longer."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cmmc_tracker.services.work import Tracker
from tests import warm
from tests.services.evidence import FIRST, SECOND, linked_artifact, somebody

Command = Callable[..., warm.Ran]


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Command:
    """Runs `cmmc-tracker package` on the installation under test, or without one."""

    def run(*words: str, bare: bool = False) -> warm.Ran:
        given = {} if bare else {"CMMC_DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "FLASK_SECRET": "s" * 40}
        return warm.run("package", *words, env=given, cwd=tmp_path)

    return run


def test_two_packages_are_made_written_checked_and_compared(command: Command, tracker: Tracker, tmp_path: Path) -> None:
    bo = somebody(tracker, "bo")
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    refused = command("create", "First")
    assert refused.returncode == 1
    assert "findings of the readiness checks are open" in refused.stderr
    first = json.loads(command("create", "First", "--reason", "as it is", "--json").stdout)
    linked_artifact(tracker, bo, "List", ("list.csv", b"ada,bo"), SECOND)
    second = command("create", "Second", "--purpose", "final", "--releasable", "--reason", "as it is")
    assert "Since package 1: Artifacts: 1 added." in second.stdout
    listed = json.loads(command("list", "--json").stdout)
    assert [(one["name"], one["releasable"]) for one in listed] == [("Second", True), ("First", False)]
    assert f"SHA-256 of manifest.json:               {listed[0]['manifest_sha256'].upper()}" in second.stdout
    assert command("export", "1", "1.zip").stdout == "Written: 1.zip\n"
    written = json.loads(command("export", "2", "2.zip", "--json").stdout)
    assert (written["number"], written["file"]) == (2, "2.zip")
    assert written["file_bytes"] == (tmp_path / "2.zip").stat().st_size
    assert "is there already" in command("export", "1", "1.zip").stderr
    _checked(command, first, listed[0])
    _compared(command)
    _by_other_programs(tmp_path)


def _checked(command: Command, first: dict[str, str], second: dict[str, str]) -> None:
    good = command("verify", "1.zip", "--log-hash", first["log_sha256"], "--manifest-hash", first["manifest_sha256"])
    assert (good.returncode, good.stdout.split(":")[0]) == (0, "INTACT")
    assert json.loads(command("verify", "1.zip", "--json", bare=True).stdout)["intact"] is True
    other = command("verify", "1.zip", "--manifest-hash", second["manifest_sha256"], bare=True)
    assert other.returncode == 1
    assert "manifest.json has not the hash that was reported" in other.stdout
    assert command("verify", "1.zip", "--manifest-hash", "12").returncode == 2


def _compared(command: Command) -> None:
    by_number, by_file = command("diff", "1", "2"), command("diff", "1.zip", "2.zip", bare=True)
    assert by_number.stdout == by_file.stdout
    assert by_number.stdout.splitlines() == ["Artifacts", "  added    Artifact 2: List"]
    told = json.loads(command("diff", "2.zip", "1", "--json").stdout)
    assert [told["then"]["name"], told["now"]["name"]] == ["Second", "First"]
    assert told["sections"][0]["changes"] == [{"kind": "gone", "what": "Artifact 2: List", "fields": []}]
    assert command("diff", "1", "1").stdout == "Nothing changed.\n"


def _by_other_programs(tmp_path: Path) -> None:
    """Unpacked, as somebody without the tracker has it: `verify.py` in a bare Python, and `sha256sum -c`."""
    with zipfile.ZipFile(tmp_path / "2.zip") as archive:
        archive.extractall(tmp_path / "out")
    bare = [sys.executable, "-I", "-S", str(tmp_path / "out/verify.py")]
    done = subprocess.run(bare, capture_output=True, text=True, check=True, env={})
    assert done.stdout.startswith("INTACT: ")
    sums = ["sha256sum", "-c", "--quiet", "--strict", "sha256sums.txt"]
    subprocess.run(sums, check=True, cwd=tmp_path / "out")
    named = {line[66:] for line in (tmp_path / "out/sha256sums.txt").read_text().splitlines()}
    there = {one.relative_to(tmp_path / "out").as_posix() for one in (tmp_path / "out").rglob("*") if one.is_file()}
    assert there - named == {"manifest.json", "sha256sums.txt"}
    (tmp_path / "out/documents/sprs.json").write_text("{}")
    assert subprocess.run(sums, check=False, cwd=tmp_path / "out", capture_output=True).returncode == 1
    assert subprocess.run(bare, check=False, env={}, capture_output=True).returncode == 1


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "empty zip"])
def test_what_is_no_package_is_said_when_it_is_compared(command: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    done = command("diff", "x.zip", "x.zip", bare=True)
    assert done.returncode == 1
    assert "x.zip: it is no package that holds documents/records.json" in done.stderr
    assert command("diff", "none.zip", "x.zip", bare=True).returncode == 2


def test_a_record_that_is_not_the_manifest_s_is_not_compared(command: Command, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("documents/records.json", '{"name": "x", "frozen_at": "x"}')
        archive.writestr("manifest.json", '{"snapshot_sha256": "00"}')
    done = command("diff", "x.zip", "x.zip", bare=True)
    assert done.returncode == 1
    assert "is not the record that manifest.json names" in done.stderr


def test_how_long_a_package_is_kept(command: Command, tracker: Tracker) -> None:
    command("create", "First", "--reason", "as it is")
    assert command("keep", "1", "2099-01-01").stdout == "Package 1 is kept until 2099-01-01.\n"
    sooner = command("keep", "1", "2033-01-01")
    assert sooner.returncode == 1
    assert "never shorter" in sooner.stderr
    assert command("hold", "1").returncode == 2
    assert command("hold", "1", "--reason", "Case 7").stdout == "Legal hold 1 stands on package 1.\n"
    assert "Case 7  (stands)" in command("holds", "1").stdout
    lifted = command("lift", "1", "1", "--reason", "Settled")
    assert lifted.stdout == "Legal hold 1 on package 1 is lifted; it is kept until 2099-01-01.\n"
    (told,) = json.loads(command("holds", "1", "--json").stdout)
    assert (told["reason"], told["placed_by"], told["lifted_why"]) == ("Case 7", "command line", "Settled")
