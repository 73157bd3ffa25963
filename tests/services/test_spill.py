"""Spills: bytes, texts and words go for good, from the files too; a hash and a reason stay; the rest is told."""

import hashlib
import io
import json
import re
import sqlite3
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, func, insert, select, text

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import Basis, Held
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound
from cmmc_tracker.services import imports, integrity, remarks, spill, spill_confirming, spill_plan, trash, verify
from cmmc_tracker.services import links as links_service
from cmmc_tracker.services.handoff import record
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.links import create_linked
from cmmc_tracker.services.scope import providers
from cmmc_tracker.services.spill import Spilled
from cmmc_tracker.services.spill_plan import Plan, Wanted
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import erasing
from cmmc_tracker.storage.tables import (
    artifact_files,
    artifact_versions,
    artifacts,
    audit,
    blob_texts,
    blobs,
    held_files,
    links,
    pins,
    spills_asked,
    tombstones,
)
from cmmc_tracker.storage.tables import imports as imports_table
from cmmc_tracker.storage.tables import remarks as remarks_table
from tests.conftest import ON_POSTGRESQL, OPERATOR, Clock, Person
from tests.services.evidence import (
    FIRST,
    acting,
    give,
    made,
    other_system,
    received,
    seen,
    somebody,
    switch,
    versioned,
)

SECRET = b"CUI//SP-CTI\nThe zanzibarite coupling is rated quixotically at 4711 newtons.\n"
MARK = b"zanzibarite"


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _plan(tracker: Tracker, artifact: int, number: int | None = None, **more: str) -> tuple[Wanted, Plan]:
    wanted = Wanted.parse(artifact, number, "sent by mistake", **more)
    return wanted, spill_plan.plan(tracker, OPERATOR, wanted)


def _spilled(
    tracker: Tracker, artifact: int, number: int | None = None, *, everywhere: bool = False, **more: str
) -> Spilled:
    wanted, found = _plan(tracker, artifact, number, **more)
    return spill.spill(tracker, OPERATOR, wanted, found, everywhere=everywhere)


def _read(tracker: Tracker) -> None:
    while texts.turn(House(tracker)):
        pass


def _with(folder: Path, mark: bytes) -> list[str]:
    """The files of the installation, database and store and logs, in which the mark stands."""
    found = [path for path in folder.rglob("*") if path.is_file() and mark in path.read_bytes()]
    return sorted(str(path.relative_to(folder)) for path in found)


def _count(tracker: Tracker, table: object, *where: object) -> int:
    with tracker.read() as work:
        return int(work.db.execute(select(func.count()).select_from(table).where(*where)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def careless(tracker: Tracker) -> None:
    """A SQLite that leaves what it deletes in its free pages, as it does unless it was built otherwise."""
    if not ON_POSTGRESQL:
        tracker.engine.dispose()
        event.listen(tracker.engine, "connect", lambda driver, _: driver.execute("PRAGMA secure_delete=OFF").close())


@pytest.mark.usefixtures("careless")
def test_no_byte_of_it_stands_in_any_file_afterwards(tracker: Tracker, bo: Actor, tmp_path: Path) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET), to=(FIRST,))
    for number in range(30):  # other texts, so that the index has more than one segment and pages are shared
        made(tracker, bo, (f"{number}.txt", b"ordinary words %d" % number))
    _read(tracker)
    if not ON_POSTGRESQL:
        assert "cmmc.db" in str(_with(tmp_path, MARK))  # the database has it, or its log
    assert any(name.startswith("uploads/") for name in _with(tmp_path, MARK))
    before = _node(tracker)
    done = _spilled(tracker, artifact)
    assert (done.gone, done.left, done.unclean) == ([artifact], [], "")
    assert _with(tmp_path, MARK) == []
    assert _with(tmp_path, b"quixotically") == []
    assert _with(tmp_path, MARK[:6]) == []
    assert _node(tracker) != before or not ON_POSTGRESQL  # PostgreSQL writes the tables into new files
    assert verify.run(tracker).problems == []


def _node(tracker: Tracker) -> object:
    if not ON_POSTGRESQL:
        return None
    with tracker.read() as work:
        return work.db.execute(text("SELECT pg_relation_filenode('blob_texts')")).scalar_one()


def test_a_tombstone_keeps_hash_size_and_reason_and_nobody_finds_it(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("the coupling.txt", SECRET), title="Coupling", description="of zanzibarite")
    with tracker.write(bo) as work:
        remarks.write_on_artifact(work, artifact, "rated at 4711", "")
    _spilled(tracker, artifact)
    with tracker.read() as work:
        stone = work.db.execute(select(tombstones)).one()
        row = work.db.execute(select(artifacts)).one()
        said = work.db.execute(select(remarks_table.c.text)).scalar_one()
        entry = work.db.execute(select(audit.c.detail).where(audit.c.action == "artifact:spilled")).scalar_one()
    assert (stone.sha256, stone.size) == (hashlib.sha256(SECRET).hexdigest(), len(SECRET))
    assert stone.reason == "spilled: sent by mistake"
    assert stone.filename == "spilled file 1"
    assert (row.title, row.description) == (f"Spilled artifact {artifact}", "")
    assert row.purged_at is not None
    assert "4711" not in said
    assert stone.sha256 in entry
    assert "oupling" not in entry
    with pytest.raises(NotFound):
        seen(tracker, bo, artifact)
    with tracker.read(bo) as work:
        assert trash.listed(work) == []
    assert _count(tracker, blobs) == _count(tracker, blob_texts) == _count(tracker, links) == 0


def test_the_same_bytes_elsewhere_are_named_and_nothing_is_done_until_they_go_too(
    tracker: Tracker, bo: Actor, tmp_path: Path
) -> None:
    first = made(tracker, bo, ("a.txt", SECRET))
    second = made(tracker, bo, ("b.txt", SECRET))
    with tracker.write(bo) as work:
        trash.remove(work, second)
    with pytest.raises(Conflict, match=f"artifact {second} version 1 has the same bytes"):
        _spilled(tracker, first)
    assert seen(tracker, bo, first).title == "Log review"
    assert _spilled(tracker, first, everywhere=True).gone == [first, second]
    assert _with(tmp_path / "uploads", MARK) == []


def test_what_stood_beside_it_in_a_version_elsewhere_goes_with_that_version_and_may_come_again(
    tracker: Tracker, bo: Actor
) -> None:
    first = made(tracker, bo, ("a.txt", SECRET))
    second = made(tracker, bo, ("b.txt", SECRET), ("c.txt", b"harmless"))
    third = made(tracker, bo, ("d.txt", b"harmless"))
    _spilled(tracker, first, everywhere=True)
    with pytest.raises(NotFound):
        seen(tracker, bo, second)
    assert seen(tracker, bo, third).current.files[0].sha256 == hashlib.sha256(b"harmless").hexdigest()
    assert made(tracker, bo, ("e.txt", b"harmless"))
    assert verify.run(tracker).problems == []


def test_of_one_version_that_is_spilled_the_others_stay_and_count(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"good"))
    versioned(tracker, bo, artifact, ("b.txt", SECRET), note="zanzibarite")
    _read(tracker)
    done = _spilled(tracker, artifact, 2)
    assert (done.gone, done.redacted) == ([], [])
    now = seen(tracker, bo, artifact)
    assert (now.current_version, now.title) == (1, "Log review")
    assert [one.number for one in now.versions] == [1]
    assert _count(tracker, artifact_versions, artifact_versions.c.note.contains("zanzibarite")) == 0
    assert versioned(tracker, bo, artifact, ("c.txt", b"better")) == 3
    assert verify.run(tracker).problems == []
    assert f"Artifact {artifact} stays with its other versions" in " ".join(spill.told(done, []))


def test_an_older_version_goes_and_the_current_one_stays_current(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    versioned(tracker, bo, artifact, ("b.txt", b"good"))
    _spilled(tracker, artifact, 1)
    assert seen(tracker, bo, artifact).current_version == 2
    assert verify.run(tracker).problems == []


def test_bytes_that_were_spilled_are_refused_when_they_come_again_and_nothing_is_told_of_them(
    tracker: Tracker, bo: Actor, tmp_path: Path
) -> None:
    _spilled(tracker, made(tracker, bo, ("a.txt", SECRET), title="Coupling"))
    eva = somebody(tracker, "eva")
    lab = other_system(tracker, eva.id)
    with pytest.raises(Conflict) as refused, received(tracker, eva, ("x.txt", SECRET)):
        pass
    assert "may not come back" in refused.value.message
    for word in ("Coupling", "main", "1", lab.name):
        assert word not in refused.value.message
    assert _with(tmp_path / "uploads", MARK) == []
    with tracker.write(OPERATOR) as work:
        assert spill.lift(work, f" {hashlib.sha256(SECRET).hexdigest().upper()} ") == 1
    assert made(tracker, bo, ("a.txt", SECRET))
    with pytest.raises(NotFound), tracker.write(OPERATOR) as work:
        spill.lift(work, hashlib.sha256(SECRET).hexdigest())


def test_an_upload_that_was_taken_in_just_before_is_refused_at_its_row(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    with received(tracker, bo, ("b.txt", SECRET)) as kept:
        wanted, found = _plan(tracker, artifact)
        done = spill.spill(tracker, OPERATOR, wanted, found, everywhere=False)
        assert done.left == [hashlib.sha256(SECRET).hexdigest()]  # its bytes are held by the upload
        assert "verify" in " ".join(spill.told(done, []))
        with pytest.raises(Conflict), tracker.write(bo) as work:
            create_linked(work, bo.systems["main"], kept, {"title": "again"})
    assert verify.run(tracker).removed == [hashlib.sha256(SECRET).hexdigest()]


def _pinned(tracker: Tracker, artifact: int, number: int = 1) -> None:
    with tracker.write() as work:
        values = {"artifact_id": artifact, "number": number, "holder": "package:4", "until": date(2999, 1, 1)}
        work.db.execute(insert(pins).values(**values))


def test_a_package_s_hold_breaks_and_the_package_is_named(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _pinned(tracker, artifact)
    done = _spilled(tracker, artifact)
    said = " ".join(spill.told(done, []))
    assert "package:4 was to hold version 1" in said
    assert _count(tracker, pins) == 0
    with tracker.read() as work:
        entry = work.db.execute(select(audit.c.detail).where(audit.c.action == "artifact:spilled")).scalar_one()
    assert '"was_held_by":["package:4"]' in entry


def test_backups_that_the_log_knows_of_and_copies_of_the_database_are_named(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    with tracker.write(OPERATOR) as work:
        entry = work.entries
        work.record("backup:made", "backup:nightly", {"to": "/backup"})  # type: ignore[arg-type]
        assert len(entry) == 1
    wanted, found = _plan(tracker, artifact)
    assert "backup:nightly" in found.backups[0]
    done = spill.spill(tracker, OPERATOR, wanted, found, everywhere=False)
    said = " ".join(spill.told(done, [Path("cmmc.db.before-upgrade-1")]))
    assert "backup:nightly" in said
    assert "cmmc.db.before-upgrade-1" in said
    assert "audit log" in said


def _import(tracker: Tracker, bo: Actor, *files: tuple[str, bytes]) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files:
            file.writestr(name, content)
    with received(tracker, bo, ("a.zip", packed.getvalue())) as kept, tracker.write(bo) as work:
        return imports.begin(work, bo.systems["main"], kept[0], "archive")


def test_an_archive_that_waits_and_holds_it_goes_another_stays(tracker: Tracker, bo: Actor, tmp_path: Path) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    having = _import(tracker, bo, ("x.txt", b"y" * len(SECRET)), ("folder/b.txt", SECRET))
    other = _import(tracker, bo, ("x.txt", b"z" * len(SECRET)))
    done = _spilled(tracker, artifact)
    assert done.plan.imports == (having,)
    with tracker.read() as work:
        assert [row.id for row in work.rows(select(imports_table.c.id))] == [other]
    assert sum(len(path.name) == 64 for path in (tmp_path / "uploads").rglob("*")) == 1
    assert verify.run(tracker).removed == []


def test_it_may_return_as_evidence_that_is_held_elsewhere(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET), to=(FIRST,), title="Coupling")
    done = _spilled(tracker, artifact, location="vault, shelf 4")
    assert (done.gone, done.redacted, done.kept_as) == ([], [artifact], 2)
    with tracker.read() as work:
        held = work.db.execute(select(held_files)).one()
        row = work.db.execute(select(artifacts)).one()
        note = work.db.execute(select(artifact_versions.c.note).where(artifact_versions.c.number == 2)).scalar_one()
    assert (held.number, held.location, held.filename) == (2, "vault, shelf 4", None)
    assert (held.sha256, held.size, held.media_type) == (
        hashlib.sha256(SECRET).hexdigest(),
        len(SECRET),
        "text/plain",
    )
    assert note == "spilled; held at vault, shelf 4"
    assert (row.current_version, row.deleted_at, row.title) == (2, None, f"Spilled artifact {artifact}")
    assert _count(tracker, links) == 1
    assert verify.run(tracker).problems == []


def test_a_link_that_was_taken_away_before_comes_back_without_its_words(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET), to=(FIRST,))
    with tracker.write(bo) as work:
        links_service.unlink(work, artifact, bo.systems["main"], FIRST)
    _spilled(tracker, artifact, location="vault 4")
    with tracker.write(bo) as work:
        links_service.put_back(work, artifact, bo.systems["main"], FIRST)
        row = work.row(select(links.c.locator, links.c.shows).where(links.c.artifact_id == artifact))
    assert tuple(row or ()) == ("", "")


def test_a_stop_after_the_rows_leaves_bytes_that_verify_clears_and_no_row_without_bytes(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _read(tracker)

    def stopped(*_: object) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(trash, "let_go", stopped)
    with pytest.raises(KeyboardInterrupt):
        _spilled(tracker, artifact)
    monkeypatch.undo()
    assert _count(tracker, artifact_files) == 0
    report = verify.run(tracker)
    assert (report.problems, report.removed) == ([], [hashlib.sha256(SECRET).hexdigest()])
    assert spill.clean(tracker) == ""
    assert _with(tmp_path, MARK) == []


def test_a_stop_within_the_rows_leaves_everything_as_it_was(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(spill, "_record", stopped)
    with pytest.raises(KeyboardInterrupt):
        _spilled(tracker, artifact)
    monkeypatch.undo()
    assert seen(tracker, bo, artifact).title == "Log review"
    with tracker.read() as work:
        assert integrity.figures(work)
    assert verify.run(tracker).problems == verify.run(tracker).removed == []


@pytest.mark.skipif(ON_POSTGRESQL, reason="the write-ahead log of SQLite")
def test_while_somebody_reads_the_database_it_is_told_that_its_files_are_not_clear_yet(
    tracker: Tracker, bo: Actor, database_url: str
) -> None:
    made(tracker, bo, ("a.txt", SECRET))
    reader = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM blobs").fetchone()
    said = erasing.forget_deleted(tracker.engine, patience=0.2)
    reader.close()
    assert "spill --clean" in said
    assert erasing.forget_deleted(tracker.engine) == ""


def test_what_would_go_is_looked_at_again_before_it_goes(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    wanted, found = _plan(tracker, artifact)
    versioned(tracker, bo, artifact, ("b.txt", b"newer"))
    with pytest.raises(Conflict, match="changed meanwhile"):
        spill.spill(tracker, OPERATOR, wanted, found, everywhere=True)
    assert len(seen(tracker, bo, artifact).versions) == 2


def test_only_an_administrator_spills_and_lifts(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    with pytest.raises(Forbidden):
        spill_plan.plan(tracker, bo, Wanted.parse(artifact, None, "why"))
    with pytest.raises(Forbidden), tracker.write(bo) as work:
        spill.lift(work, "0" * 64)
    assert spill_plan.plan(tracker, Actor(1, "ada", Role.ADMIN), Wanted.parse(artifact, None, "why")).versions


def test_a_reason_is_needed_and_an_artifact_that_is_there(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    for reason in ("", " ", "x" * 301):
        with pytest.raises(Invalid):
            Wanted.parse(artifact, None, reason)
    for wrong, number in ((999, None), (artifact, 7)):
        with pytest.raises(NotFound):
            _plan(tracker, wrong, number)
    _spilled(tracker, artifact)
    with pytest.raises(NotFound, match="may have gone already"):
        _plan(tracker, artifact)


def test_who_has_the_address_of_a_spilled_artifact_finds_nothing(user: Person, tracker: Tracker, app: Flask) -> None:
    number = user.upload("a.txt", SECRET).get_json()["id"]
    _spilled(tracker, number)
    for path in (f"/artifacts/{number}", f"/api/v1/artifacts/{number}", f"/uploads/{number}/1/a.txt"):
        assert user.get(path).status_code == 404, path
    again = user.upload("b.txt", SECRET)
    assert again.status_code == 409
    assert "may not come back" in again.get_json()["detail"]


def test_a_provider_whose_basis_it_proved_says_nothing_of_it_and_is_open_again(tracker: Tracker, bo: Actor) -> None:
    taken = made(tracker, bo, ("coupling.txt", SECRET), title="Zanzibarite coupling")
    entry = ProviderEntry("Northwind", True, Held.CUI, basis=Basis.EQUIVALENT, basis_artifact_id=taken)
    with tracker.write(bo) as work:
        number = providers.add(work, bo.systems["main"], entry)
    with tracker.read(bo) as work:
        assert providers.one(work, bo.systems["main"], number).proof == "Zanzibarite coupling"
    _spilled(tracker, taken)
    with tracker.read(bo) as work:
        kept = providers.one(work, bo.systems["main"], number)
        picture = record.of(work, bo.systems["main"])
    assert (kept.entry.basis_artifact_id, kept.proof) == (taken, "")
    assert any("nothing shows it" in sentence for sentence, _ in kept.problems)
    assert "zanzibarite" not in json.dumps(picture).casefold()


def test_the_page_of_an_artifact_names_the_version_that_was_taken_out(user: Person, tracker: Tracker) -> None:
    number = user.upload("a.txt", b"good").get_json()["id"]
    data = {"file": (io.BytesIO(SECRET), "b.txt"), "csrf_token": user.token}
    assert user.client.post(f"/api/v1/artifacts/{number}/versions", data=data).status_code == 201
    _spilled(tracker, number, 2)
    page = user.get(f"/artifacts/{number}").text
    assert "Taken out on" in page
    assert "spilled: sent by mistake" in page
    assert user.get(f"/uploads/{number}/2/b.txt").status_code == 404


# The second person


@pytest.fixture
def cy(tracker: Tracker, bo: Actor) -> Actor:
    """Cy judges in `main` beside Bo, so a spill waits for one of them."""
    return somebody(tracker, "cy")


def _confirm(tracker: Tracker, by: Actor, artifact: int) -> None:
    with tracker.write(by) as work:
        spill_confirming.confirm(work, artifact, None)


def _told(tracker: Tracker, artifact: int) -> dict[str, object]:
    query = select(audit.c.detail).where(audit.c.entity == f"artifact:{artifact}", audit.c.action == "artifact:spilled")
    with tracker.read() as work:
        found: dict[str, object] = json.loads(work.db.execute(query).scalar_one())
    return found


def test_where_two_people_judge_one_of_them_confirms_first_and_the_log_names_them(
    tracker: Tracker, bo: Actor, cy: Actor
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    with pytest.raises(Conflict, match=f"somebody who may judge .* at /spills/{artifact}"):
        _spilled(tracker, artifact)
    assert seen(tracker, bo, artifact).title
    _confirm(tracker, cy, artifact)
    assert _spilled(tracker, artifact).gone == [artifact]
    assert _told(tracker, artifact)["confirmed_by"] == "cy"


def _waiting(tracker: Tracker, who: Actor) -> list[int]:
    """The spills on the list of somebody."""
    with tracker.read(who) as work:
        found = [one.artifact_id for one in spill_confirming.to_confirm(work)]
        assert work.db.execute(select(spill_confirming.counted(work))).scalar_one() == len(found)
    return found


def _asked(tracker: Tracker) -> int:
    return _count(tracker, audit, audit.c.action == "spill:asked")


def test_a_spill_that_has_to_wait_stands_on_the_lists_of_those_who_may_confirm_it(
    tracker: Tracker, bo: Actor, cy: Actor
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    dee = somebody(tracker, "dee")
    give(tracker, dee.id or 0, may_judge=False)
    dee = acting(tracker, dee.id or 0, "dee")
    spill_plan.plan(tracker, OPERATOR, Wanted.parse(artifact, None, "only looked at"))
    assert _waiting(tracker, cy) == []
    for _ in range(2):
        with pytest.raises(Conflict, match="confirms first"):
            _spilled(tracker, artifact)
    assert [_waiting(tracker, who) for who in (bo, cy, dee)] == [[artifact], [artifact], []]
    elsewhere = type(cy)(cy.id, cy.name, cy.role, {})
    assert _waiting(tracker, elsewhere) == []
    assert _asked(tracker) == 1
    _confirm(tracker, cy, artifact)
    assert [_waiting(tracker, who) for who in (bo, cy)] == [[], []]
    _spilled(tracker, artifact)
    assert _waiting(tracker, bo) == []


def test_a_spill_that_has_lost_its_confirmation_is_asked_for_again_and_one_that_is_done_waits_for_nobody(
    tracker: Tracker, bo: Actor, cy: Actor
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _confirm(tracker, cy, artifact)
    versioned(tracker, bo, artifact)
    with pytest.raises(Conflict, match="confirms first"):
        _spilled(tracker, artifact)
    assert _waiting(tracker, bo) == [artifact]
    switch(tracker, approve_own=True)
    _spilled(tracker, artifact)
    assert (_waiting(tracker, bo), _asked(tracker)) == ([], 1)
    assert _count(tracker, spills_asked) == 0


def test_one_person_alone_may_and_it_shows(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _spilled(tracker, artifact)
    told = _told(tracker, artifact)
    assert (told["same_person"], "confirmed_by" in told) == (True, False)
    assert _asked(tracker) == 0


def test_the_setting_that_people_approve_their_own_asks_for_no_second_person(
    tracker: Tracker, bo: Actor, cy: Actor
) -> None:
    switch(tracker, approve_own=True)
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _spilled(tracker, artifact)
    assert _told(tracker, artifact)["same_person"] is True


def test_a_confirmation_is_of_the_artifact_as_it_was_and_holds_seven_days(
    tracker: Tracker, bo: Actor, cy: Actor, clock: Clock
) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    _confirm(tracker, cy, artifact)
    versioned(tracker, bo, artifact)
    with pytest.raises(Conflict, match="confirms first"):
        _spilled(tracker, artifact)
    _confirm(tracker, cy, artifact)
    clock.forward(days=7)
    with pytest.raises(Conflict, match="confirms first"):
        _spilled(tracker, artifact)
    _confirm(tracker, bo, artifact)
    assert _spilled(tracker, artifact).gone == [artifact]


def test_who_may_only_look_or_is_no_member_confirms_nothing(tracker: Tracker, bo: Actor, cy: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    give(tracker, cy.id or 0, may_judge=False)
    with pytest.raises(Forbidden):
        _confirm(tracker, acting(tracker, cy.id or 0, "cy"), artifact)
    with pytest.raises(NotFound):
        _confirm(tracker, Actor(cy.id, "cy", Role.ADMIN), artifact)
    with pytest.raises(NotFound):
        _confirm(tracker, bo, artifact + 1)


def test_the_same_bytes_in_another_artifact_wait_for_their_own_second_person(
    tracker: Tracker, bo: Actor, cy: Actor
) -> None:
    lab = other_system(tracker, bo.id)  # where Bo judges alone
    evidence = made(tracker, bo, ("a.txt", SECRET))
    copy = made(tracker, replace(bo, systems={"main": lab}), ("b.txt", SECRET))
    with pytest.raises(Conflict, match=f"confirms first .* at /spills/{evidence}\\."):
        _spilled(tracker, copy, everywhere=True)
    assert seen(tracker, bo, evidence).title
    _confirm(tracker, cy, evidence)
    assert _spilled(tracker, copy, everywhere=True).gone == [evidence, copy]
    assert _told(tracker, evidence)["confirmed_by"] == "cy"
    assert _told(tracker, copy)["same_person"] is True


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite writes its one file anew as a whole")
def test_every_table_that_a_spill_takes_words_from_is_written_anew(tracker: Tracker, bo: Actor) -> None:
    changed: set[str] = set()

    def watch(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        changed.update(re.findall(r"^(?:UPDATE|DELETE FROM) (\w+)", statement))

    artifact = made(tracker, bo, ("a.txt", SECRET), to=(FIRST,))
    _read(tracker)
    event.listen(tracker.engine, "before_cursor_execute", watch)
    before = _nodes(tracker)
    _spilled(tracker, artifact)
    event.remove(tracker.engine, "before_cursor_execute", watch)
    after = _nodes(tracker)
    without_words = {"pins", "blobs", "spills_asked"}
    assert {"artifact_files", "package_files", "package_questions"} <= changed
    assert {name for name in changed - without_words if before[name] == after[name]} == set()


def _nodes(tracker: Tracker) -> dict[str, int]:
    """The file of each table."""
    with tracker.read() as work:
        rows = work.db.execute(text("SELECT relname, pg_relation_filenode(oid) AS node FROM pg_class"))
        return {row.relname: row.node for row in rows}


def test_a_confirmation_that_holds_is_not_written_down_twice(tracker: Tracker, bo: Actor, cy: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", SECRET))
    for one in (cy, cy, bo):
        _confirm(tracker, one, artifact)
    query = select(audit.c.actor).where(audit.c.action == "spill:confirmed")
    with tracker.read() as work:
        assert [row.actor for row in work.rows(query)] == ["cy"]
