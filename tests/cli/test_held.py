"""`artifact register` and `verify --root`, as somebody runs them where the evidence is held."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cmmc_tracker.cli import artifacts as registering
from cmmc_tracker.cli import checks, commands
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import artifact_views
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.work import Tracker
from tests.services.evidence import seen


@pytest.fixture
def enclave(tmp_path: Path) -> Path:
    """A folder that evidence may not leave."""
    root = tmp_path / "enclave"
    (root / "cad").mkdir(parents=True)
    (root / "cad" / "Pump_1.pdf").write_bytes(b"pump")
    (root / "list.dwg7").write_bytes(b"list")
    (tmp_path / "outside.txt").write_text("outside")
    return root


@pytest.fixture
def run(tracker: Tracker, actor: Actor, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command on the installation under test; failures are lines on stderr and a status."""
    for module in (registering, checks):
        monkeypatch.setattr(module, "opened", lambda: (tracker, actor))

    def go(*words: object) -> Result:
        return CliRunner().invoke(commands, [str(one) for one in words])

    return go


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and ".incoming" not in path.parts]


def _file(artifact: Artifact) -> artifact_views.File:
    return artifact.current.files[0]


def test_a_file_is_registered_by_what_it_is_known_by_and_nothing_of_it_is_copied(
    run: Any, tracker: Tracker, actor: Actor, enclave: Path, tmp_path: Path
) -> None:
    facts = ("--objective", "3.1.1[a]", "--kind", "diagram", "--collected-on", "2026-01-02", "--system", "main")
    done = run("artifact", "register", enclave / "cad" / "Pump_1.pdf", "--root", enclave, *facts)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "artifact 1 is registered, held at cad/Pump_1.pdf, SHA-256" in done.stdout
    artifact = seen(tracker, actor, 1)
    file = _file(artifact)
    assert (file.location, file.filename, file.media_type, file.size) == (
        *("cad/Pump_1.pdf", "Pump_1.pdf", "application/pdf", 4),
    )
    assert file.sha256 == hashlib.sha256(b"pump").hexdigest()
    assert (artifact.title, artifact.kind, str(artifact.collected_on)) == ("Pump 1", "diagram", "2026-01-02")
    assert [str(one.objective) for one in artifact.links] == ["AC.L2-3.1.1[a]"]
    assert _files(tmp_path / "uploads") == []


def test_without_a_root_the_location_is_the_absolute_path(
    run: Any, tracker: Tracker, actor: Actor, enclave: Path
) -> None:
    done = run("artifact", "register", enclave / "list.dwg7", "--title", "The list", "--json")
    told = json.loads(done.stdout)
    assert told == {
        "file": str(enclave / "list.dwg7"),
        "id": 1,
        "new": True,
        "location": str(enclave / "list.dwg7"),
        "sha256": hashlib.sha256(b"list").hexdigest(),
        "size": 4,
    }
    file = _file(seen(tracker, actor, 1))
    assert (file.location, file.media_type) == (str(enclave / "list.dwg7"), None)
    assert run("verify", "--root", enclave).exit_code == 0  # it lies below, so it may be looked at
    assert run("verify", "--root", enclave / "cad").exit_code == 1


def test_a_folder_is_registered_file_by_file_and_again_makes_nothing(run: Any, enclave: Path) -> None:
    (enclave / ".hidden").write_text("x")
    first = run("artifact", "register", enclave, "--root", enclave)
    assert [line.split(": ")[1].split(",")[0] for line in first.stdout.splitlines()] == [
        *("artifact 1 is registered", "artifact 2 is registered"),
    ]
    again = run("artifact", "register", enclave, "--root", enclave)
    assert (again.exit_code, again.stdout.count("is there already")) == (0, 2)
    assert run("artifact", "register", enclave, "--root", enclave, "--json").stdout.count('"new": false') == 2


def test_other_bytes_at_a_place_that_is_registered_are_told(run: Any, enclave: Path) -> None:
    place = enclave / "list.dwg7"
    run("artifact", "register", place, "--root", enclave)
    place.write_bytes(b"other")
    done = run("artifact", "register", place, "--root", enclave)
    assert done.exit_code == 1
    assert "Artifact 1 is held at this location with other bytes" in done.stderr
    assert "1 of 1 files were not taken" in done.stderr


def test_a_file_outside_of_the_root_is_refused_and_stops_no_other(
    run: Any, tracker: Tracker, actor: Actor, enclave: Path, tmp_path: Path
) -> None:
    (enclave / "link.txt").symlink_to(tmp_path / "outside.txt")
    files = (tmp_path / "outside.txt", enclave / "link.txt", enclave / "list.dwg7")
    done = run("artifact", "register", *files, "--root", enclave)
    assert done.exit_code == 1
    assert done.stderr.count(f"is not below {enclave}. Nothing was registered of it.") == 2
    assert _file(seen(tracker, actor, 1)).location == "list.dwg7"


@pytest.mark.parametrize("name", [" ends with a space ", "line\nbreak.txt", "\u202egnp.exe"])
def test_a_name_that_would_not_be_found_again_is_refused(run: Any, enclave: Path, name: str) -> None:
    (enclave / name).write_text("x")
    done = run("artifact", "register", enclave / name, "--root", enclave)
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 2


def test_a_file_is_never_whole_in_memory(run: Any, enclave: Path) -> None:
    import tracemalloc

    with (enclave / "large.bin").open("wb") as file:
        file.truncate(64 * 1_048_576)
    tracemalloc.start()
    try:
        assert run("artifact", "register", enclave / "large.bin", "--root", enclave).exit_code == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * 1_048_576


def test_wrong_use_is_status_two(run: Any, enclave: Path) -> None:
    assert run("artifact", "register", "--root", enclave).exit_code == 2
    assert run("artifact", "register", enclave / "none", "--root", enclave).exit_code == 2
    assert run("artifact", "register", enclave, "--root", enclave / "list.dwg7").exit_code == 2
    assert run("artifact", "register", enclave, "--title", "One title for two").exit_code == 2
    assert run("verify", "--root", enclave / "none").exit_code == 2
    assert run("verify", "--root", enclave, "--resume").exit_code == 2
    assert run("verify", "--root", enclave, "--head", "a" * 64).exit_code == 2


def test_the_check_names_what_is_intact_altered_missing_and_refused(
    run: Any, tracker: Tracker, actor: Actor, enclave: Path
) -> None:
    run("artifact", "register", enclave, "--root", enclave)
    intact = run("verify", "--root", enclave)
    assert (intact.exit_code, intact.stderr) == (0, "")
    assert "Intact: artifact 1 “Pump 1”, cad/Pump_1.pdf" in intact.stdout
    assert "Held files: 2 intact." in intact.stdout
    (enclave / "cad" / "Pump_1.pdf").write_bytes(b"other")
    (enclave / "list.dwg7").unlink()
    broken = run("verify", "--root", enclave)
    assert broken.exit_code == 1
    assert "Altered: artifact 1 “Pump 1”, cad/Pump_1.pdf: its 5 bytes now hash to" in broken.stdout
    assert "Missing: artifact 2 “list”, list.dwg7: there is no such file" in broken.stdout
    assert "Not everything is as it was registered" in broken.stderr
    told = json.loads(run("verify", "--root", enclave, "--json").stdout)
    assert told["counts"] == {"altered": 1, "missing": 1}
    assert [(one["artifact"], one["state"], one["location"]) for one in told["files"]] == [
        *((1, "altered", "cad/Pump_1.pdf"), (2, "missing", "list.dwg7")),
    ]
    assert _file(seen(tracker, actor, 1)).check_state == "altered"
    with tracker.read(actor) as work:
        from cmmc_tracker.services import audit

        assert [one.actor for one in audit.history(work, "artifact:2") if "integrity" in one.action] == ["command line"]


def test_the_check_of_the_store_says_that_there_is_more_elsewhere(run: Any, enclave: Path) -> None:
    run("artifact", "register", enclave, "--root", enclave)
    done = run("verify")
    assert done.exit_code == 0
    assert "2 files are held elsewhere; verify --root DIR, run there, looks at them." in done.stdout
    assert json.loads(run("verify", "--json").stdout)["held"] == 2
