"""Freezing a system: what a package pins, what it says, what stops it; and that its zip is the same each time."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff import hashlog, package
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound
from cmmc_tracker.reports.handoff import verify
from cmmc_tracker.reports.registry import REPORTS, Report
from cmmc_tracker.services import audit, quarantine, trash
from cmmc_tracker.services.handoff import documents, log_extract, packages, record, sealing, stream
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifact_files, artifacts, links, package_files, pins, plan_items
from cmmc_tracker.storage.tables import packages as packages_table
from tests.conftest import Clock
from tests.services.evidence import FIRST, SECOND, acting, give, linked_artifact, other_system, somebody

ASKED = Asked("Of record", Purpose.FINAL, "To see what is missing.", releasable=False)


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def freeze(tracker: Tracker, actor: Actor, asked: Asked = ASKED) -> Package:
    return packages.freeze(tracker, actor, "127.0.0.1", actor.systems["main"], asked)


def text_of(tracker: Tracker, actor: Actor, one: Package) -> str:
    with tracker.read(actor) as work:
        return packages.snapshot_text(work, actor.systems["main"], one.id)


def zipped(tracker: Tracker, actor: Actor, one: Package) -> bytes:
    return b"".join(stream.opened(tracker, one).pieces())


# What it is


def test_a_package_says_what_it_is_of_and_the_log_has_its_hash(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST, SECOND)
    made = freeze(tracker, bo)
    assert (made.number, made.artifacts, made.bytes, made.purpose) == (1, 1, 10, Purpose.FINAL)
    text = text_of(tracker, bo, made)
    assert hashlib.sha256(text.encode()).hexdigest() == made.snapshot_sha256
    assert package.canonical(json.loads(text)) == text
    with tracker.read() as work:
        (entry,) = audit.history(work, made.holder)
    assert entry.action == Event.PACKAGE_FROZEN
    assert entry.detail["snapshot_sha256"] == made.snapshot_sha256
    assert entry.detail["reason"] == ASKED.reason


def test_packages_are_numbered_in_their_system(tracker: Tracker, bo: Actor) -> None:
    assert [freeze(tracker, bo).number for _ in range(2)] == [1, 2]
    other_system(tracker, bo.id)
    bo = acting(tracker, bo.id or 0, "bo")
    assert packages.freeze(tracker, bo, "", bo.systems["lab"], ASKED).number == 1
    with tracker.read(bo) as work:
        assert [one.number for one in packages.listed(work, bo.systems["main"])] == [2, 1]


def test_what_changes_afterwards_changes_no_package(tracker: Tracker, bo: Actor) -> None:
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    made = freeze(tracker, bo)
    before = zipped(tracker, bo, made)
    with tracker.write(bo) as work:
        work.db.execute(update(artifacts).where(artifacts.c.id == number).values(title="Another title"))
    assert zipped(tracker, bo, made) == before


def test_the_next_package_tells_how_it_differs(tracker: Tracker, bo: Actor) -> None:
    freeze(tracker, bo)
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    made = freeze(tracker, bo)
    assert made.since is not None
    assert (made.since["number"], made.changed) == (1, "Artifacts: 1 added")
    with tracker.read(bo) as work:
        (section,) = packages.compared(work, bo.systems["main"], 1, made.id)
        assert packages.one(work, bo.systems["main"], 1).since is None
    assert [(one.kind, one.what) for one in section.changes] == [("added", "Artifact 1: Access policy")]


def test_the_record_takes_as_many_statements_for_much_as_for_nothing(tracker: Tracker, bo: Actor) -> None:
    sent: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    with tracker.read(bo) as work:
        record.of(work, bo.systems["main"])
    few = len(sent)
    for n in range(6):
        linked_artifact(tracker, bo, f"File {n}", (f"{n}.txt", f"file {n}".encode()), FIRST)
    sent.clear()
    with tracker.read(bo) as work:
        assert len(record.of(work, bo.systems["main"])["artifacts"]) == 6
    assert len(sent) == few


@pytest.mark.usefixtures("every_document")
def test_only_the_plan_of_action_without_items_is_left_out(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = freeze(tracker, bo)
    snapshot = json.loads(text_of(tracker, bo, made))
    with tracker.read(bo) as work:
        names = [one.path for one in documents.of(snapshot, log_extract.of(work, snapshot))]
    assert names == [f"documents/{name}" for name in REPORTS if name != "oscal-poam.json"]

    def refuse(_: Any) -> bytes:
        raise Conflict("It cannot be made.")

    monkeypatch.setitem(REPORTS, "sprs.json", Report("application/json", refuse))  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="cannot be made"):
        list(documents.of(snapshot))


# What stops it


def test_with_findings_open_a_reason_is_needed(tracker: Tracker, bo: Actor) -> None:
    with pytest.raises(Conflict) as refused:
        freeze(tracker, bo, Asked("Of record", Purpose.FINAL, "", releasable=False))
    assert "findings of the readiness checks are open" in refused.value.message
    with tracker.read(bo) as work:
        assert packages.listed(work, bo.systems["main"]) == []


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"what we did")], ids=["gone", "altered"])
def test_a_file_that_is_not_what_was_received_is_named_and_nothing_is_frozen(
    tracker: Tracker, bo: Actor, harm: Callable[[Path], Any]
) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    path = tracker.blobs.place(hashlib.sha256(b"what we do").hexdigest())
    assert path
    path.chmod(0o600)
    harm(path)
    with pytest.raises(Conflict, match=r"policy\.txt \(artifact 1\)"):
        freeze(tracker, bo)
    with tracker.read(bo) as work:
        assert packages.listed(work, bo.systems["main"]) == []
        assert work.rows(select(pins)) == []


def test_who_may_only_view_freezes_nothing(tracker: Tracker, bo: Actor) -> None:
    give(tracker, bo.id or 0, may_contribute=True, may_judge=False)
    viewer = acting(tracker, bo.id or 0, "bo")
    with pytest.raises(Forbidden):
        freeze(tracker, viewer)


def test_a_package_of_another_system_is_not_found(tracker: Tracker, bo: Actor) -> None:
    made = freeze(tracker, bo)
    other_system(tracker, bo.id)
    bo = acting(tracker, bo.id or 0, "bo")
    with tracker.read(bo) as work, pytest.raises(NotFound):
        packages.one(work, bo.systems["lab"], made.id)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "purpose": "party"}, "purpose"),
        ({"name": "x", "reason": "x" * 2_001}, "reason"),
        ({"name": "x", "reason": ["x"]}, "reason"),
        ({"name": "x", "releasable": "yes"}, "releasable"),
    ],
)
def test_what_is_asked_wrongly_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Asked.parse(given)
    assert list(refused.value.fields) == [field]


# What it holds


def test_a_pinned_artifact_cannot_be_deleted_for_six_years(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    made = freeze(tracker, bo)
    today = datetime.now(UTC).date()
    assert made.retained_until >= today.replace(year=today.year + 6, day=min(today.day, 28))
    with tracker.write(bo) as work, pytest.raises(Conflict, match="held by package:1"):
        trash.remove(work, number)
    clock.offset += made.retained_until + timedelta(days=2) - today
    with tracker.write(bo) as work:
        trash.remove(work, number)


@pytest.mark.parametrize("how", ["trash", "quarantine", "files"])
def test_what_went_while_a_package_was_made_is_in_none(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)

    def meanwhile(*_: object) -> None:
        with tracker.write(bo) as work:
            if how == "trash":
                trash.remove(work, number)
            elif how == "quarantine":
                quarantine.hold(work, number, "It carries a marking.")
            else:  # as a spill of one version of several does
                work.db.execute(delete(artifact_files).where(artifact_files.c.artifact_id == number))

    monkeypatch.setattr(sealing, "refuse_damaged", meanwhile)
    with pytest.raises(Conflict, match=f"Artifact {number} went"):
        freeze(tracker, bo)
    with tracker.read(bo) as work:
        assert packages.listed(work, bo.systems["main"]) == []


def test_a_freeze_takes_no_lock_for_each_artifact(tracker: Tracker, bo: Actor) -> None:
    """PostgreSQL has room for some thousands in all, for everybody together."""
    for number in range(3):
        linked_artifact(tracker, bo, f"Policy {number}", ("policy.txt", b"what we do"), FIRST)
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, _statement: str, parameters: Any, *_: Any) -> None:
        asked.append(str(parameters))

    event.listen(tracker.engine, "before_cursor_execute", note)
    try:
        freeze(tracker, bo)
    finally:
        event.remove(tracker.engine, "before_cursor_execute", note)
    assert not [one for one in asked if re.search(r"artifact:\d", one)]


# The zip


def test_the_same_package_gives_the_same_bytes_and_its_own_program_finds_it_intact(
    tracker: Tracker, bo: Actor, tmp_path: Path
) -> None:
    linked_artifact(tracker, bo, "=cmd()", ("policy.txt", b"what we do"), FIRST)
    linked_artifact(tracker, bo, "CON", ("con.txt", b"console"), SECOND)
    with tracker.write(bo) as work:
        item = {"system_id": 1, "requirement": "AC.L2-3.1.3", "kind": "operational", "weakness": "=1+1"}
        work.change(insert(plan_items).values(**item, created_at=work.now))
        work.record(Event.POAM_ITEM_ADDED, "item:1")
    made = freeze(tracker, bo)
    content = zipped(tracker, bo, made)
    assert zipped(tracker, bo, made) == content
    place = tmp_path / "package.zip"
    place.write_bytes(content)
    assert verify.look(str(place)).problems == []
    assert verify.look(str(place), log_hash=made.log_sha256.upper()).problems == []
    assert len(verify.look(str(place), log_hash="0" * 64).problems) == 1


def test_the_zip_holds_what_the_contract_names(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST, SECOND)
    made = freeze(tracker, bo)
    with zipfile.ZipFile(io.BytesIO(zipped(tracker, bo, made))) as found:
        names = set(found.namelist())
        assert {"README.html", "manifest.json", "verify.py", hashlog.ARTIFACTS_LOG, hashlog.HASH_LOG} <= names
        assert found.read("artifacts/AC/AC.L2-3.1.1/a Access policy.txt") == b"what we do"
        manifest = json.loads(found.read("manifest.json"))
        assert manifest["snapshot_sha256"] == made.snapshot_sha256
        assert {one["path"] for one in manifest["files"]} == names - {"manifest.json"}
        (file,) = (one for one in manifest["files"] if one["artifact"])
        assert (file["artifact"], file["version"], file["size"]) == (1, 1, 10)
        assert file["objectives"] == ["AC.L2-3.1.1[a]", "AC.L2-3.1.2[b]"]
        assert hashlib.sha256(found.read(hashlog.ARTIFACTS_LOG)).hexdigest() == made.log_sha256
        page = found.read("README.html").decode()
        assert '<a href="artifacts/AC/AC.L2-3.1.1/a%20Access%20policy.txt">' in page


def test_what_people_wrote_is_text_on_the_readme(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "<script>alert(1)</script>", ("policy.txt", b"what we do"), FIRST)
    made = freeze(tracker, bo)
    with zipfile.ZipFile(io.BytesIO(zipped(tracker, bo, made))) as found:
        page = found.read("README.html").decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_bytes_that_were_altered_after_the_freeze_break_the_zip_off(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    made = freeze(tracker, bo)
    path = tracker.blobs.place(hashlib.sha256(b"what we do").hexdigest())
    assert path
    path.chmod(0o600)
    path.write_bytes(b"what we dO")
    with pytest.raises(Conflict, match="not the file that was frozen"):
        list(stream.opened(tracker, made).pieces())
    with pytest.raises(Conflict, match=r"a Access policy\.txt: altered"):  # remembered: no first byte the next time
        stream.opened(tracker, made)


@pytest.mark.parametrize(
    "harm",
    [
        update(package_files).where(package_files.c.path == "manifest.json").values(content=b"{}"),
        update(package_files).where(package_files.c.path == "README.html").values(sha256="0" * 64),
        update(package_files).where(package_files.c.path == "README.html").values(path="Readme.html"),
        delete(package_files).where(package_files.c.path == "README.html"),
        delete(package_files),
        update(packages_table).values(manifest_sha256="0" * 64),
    ],
    ids=["manifest", "hash", "path", "one gone", "all gone", "hash of the manifest"],
)
def test_records_that_were_altered_after_the_freeze_give_no_first_byte(tracker: Tracker, bo: Actor, harm: Any) -> None:
    made = freeze(tracker, bo)
    with tracker.write(bo) as work:
        work.db.execute(harm)
        made = packages.one(work, bo.systems["main"], made.id)
    with pytest.raises(Conflict, match="not those that were frozen"):
        stream.opened(tracker, made)


def test_what_is_held_elsewhere_stands_in_the_log_and_not_in_the_zip(tracker: Tracker, bo: Actor) -> None:
    number = linked_artifact(tracker, bo, "Drawing", None, FIRST)
    made = freeze(tracker, bo)
    content = json.loads(text_of(tracker, bo, made))
    assert f".\\held\\{number}\\" in content["log"]
    with zipfile.ZipFile(io.BytesIO(zipped(tracker, bo, made))) as found:
        assert [name for name in found.namelist() if name.startswith("artifacts/")] == []
        assert json.loads(found.read("manifest.json"))["held"][0]["artifact"] == number


def test_an_artifact_that_is_linked_nowhere_is_in_no_package(tracker: Tracker, bo: Actor) -> None:
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    with tracker.write(bo) as work:
        work.db.execute(links.delete().where(links.c.artifact_id == number))
    assert freeze(tracker, bo).artifacts == 0


def test_markings_of_cui_go_with_the_files_by_their_kind_and_not_their_words(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(
        tracker, bo, "By its text", ("a.txt", b"CUI//SP-CTI\nControlled by: Navy\nhow it is built\n"), FIRST
    )
    linked_artifact(tracker, bo, "By its name", ("CUI drawing.txt", b"lines"), FIRST)
    linked_artifact(tracker, bo, "Policy", ("policy.txt", b"This policy says how CUI is handled."), SECOND)
    while texts.turn(House(tracker)):
        pass
    made = freeze(tracker, bo)
    with zipfile.ZipFile(io.BytesIO(zipped(tracker, bo, made))) as found:
        listed = json.loads(found.read("manifest.json"))["files"]
        page = found.read("README.html").decode()
    assert {one["original"]: one["markings"] for one in listed if one["artifact"]} == {
        "a.txt": ["banner", "designation"],
        "CUI drawing.txt": ["file_name"],
        "policy.txt": [],
    }
    assert "2 of 3 files carry a marking: handle them as marked" in page
    assert page.count("CUI marking</strong>") == 2
    assert "SP-CTI" not in text_of(tracker, bo, made)
