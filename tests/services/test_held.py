"""Evidence that stays where it is: all that holds of other evidence, none of its bytes, and checks in its place."""

import hashlib
import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict, Forbidden, NotFound, Stale
from cmmc_tracker.services import (
    artifact_list,
    artifact_views,
    contents,
    held,
    integrity,
    links,
    reviews,
    trash,
    verify,
)
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifacts import add_version
from cmmc_tracker.services.held import Recheck
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.overview import overview
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.enclave import Enclave
from cmmc_tracker.storage.tables import artifacts, audit, blobs, held_files, tombstones
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import FIRST, SECOND, made, other_system, received, seen, somebody, switch, versioned

PUMP = Held("cad/pump assembly.pdf", hashlib.sha256(b"pump").hexdigest(), 4, "pump.pdf", "application/pdf")
BARE = Held("https://enclave.example/drawings/7", "b" * 64)


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


def _held(tracker: Tracker, actor: Actor, one: Held = PUMP, **facts: Any) -> int:
    home = actor.systems["main"]
    with tracker.write(actor) as work:
        return links.create_linked(work, home, [one], {"title": "Pump", **facts}, [Target(home, FIRST, "sheet 2")])


def _next(tracker: Tracker, actor: Actor, artifact_id: int, one: Held, **more: Any) -> int:
    with tracker.write(actor) as work:
        return add_version(work, artifact_id, [one], **more)


def _found(tracker: Tracker, actor: Actor, text: str) -> list[int]:
    with tracker.read(actor) as work:
        return [one.id for one in artifact_list.page(work, ArtifactFilter(text=text))[0]]


def _does(tracker: Tracker, actor: Actor, artifact_id: int, act: str, manifest: str = "") -> None:
    with tracker.write(actor) as work:
        reviews.decide(work, artifact_id, Verdict.parse(act, "", None, manifest))


def _told(tracker: Tracker, action: str) -> list[dict[str, Any]]:
    with tracker.read() as work:
        rows = work.rows(select(audit.c.detail).where(audit.c.action == action).order_by(audit.c.id))
    return [json.loads(row.detail) for row in rows]


def _recheck(tracker: Tracker, enclave: Enclave) -> Recheck:
    return held.recheck(tracker, OPERATOR, enclave)


def _states(found: Recheck) -> list[tuple[int, str]]:
    return [(one.artifact, one.state) for one in found.files]


def test_it_is_kept_with_facts_owner_and_links_and_none_of_its_bytes(tracker: Tracker, bo: Actor) -> None:
    artifact = seen(tracker, bo, _held(tracker, bo, owner="bo", cadence="quarterly", covers_until="2026-03-31"))
    file = artifact.current.files[0]
    assert (file.location, file.sha256, file.size, file.filename, file.media_type) == (
        *(PUMP.location, PUMP.sha256, 4, "pump.pdf", "application/pdf"),
    )
    assert (file.is_held, file.text_state, artifact.current.size, artifact.owner) == (True, "none", 4, "bo")
    assert [(str(one.objective), one.locator) for one in artifact.links] == [("AC.L2-3.1.1[a]", "sheet 2")]
    assert artifact.due_on is not None
    with tracker.read() as work:
        assert work.rows(select(blobs.c.sha256)) == []
    assert _told(tracker, "artifact:created")[0]["held_at"] == PUMP.location


def test_what_nobody_said_of_it_is_not_known_and_is_not_guessed(tracker: Tracker, bo: Actor) -> None:
    artifact = seen(tracker, bo, _held(tracker, bo, BARE))
    file = artifact.current.files[0]
    assert (file.filename, file.media_type, file.size, artifact.current.size) == (None, None, None, None)
    assert file.name == "held at https://enclave.example/drawings/7"


def test_it_is_found_by_place_name_and_hash_as_any_other(tracker: Tracker, bo: Actor) -> None:
    number, other = _held(tracker, bo), _held(tracker, bo, BARE, title="Other")
    assert _found(tracker, bo, "assembly") == [number]
    assert _found(tracker, bo, "pump.pdf cad") == [number]
    assert _found(tracker, bo, "enclave drawings") == [other]
    for text in (PUMP.sha256, PUMP.sha256[:8].upper(), " ".join(PUMP.sha256[n : n + 4] for n in range(0, 64, 4))):
        assert _found(tracker, bo, text) == [number], text
    _next(tracker, bo, number, BARE)
    assert _found(tracker, bo, PUMP.sha256) == [number]  # in any version
    assert _found(tracker, bo, BARE.sha256) == [other, number]


def test_the_same_bytes_are_named_wherever_they_are_held(tracker: Tracker, bo: Actor) -> None:
    stored = made(tracker, bo, ("a.txt", b"pump"))
    here = _held(tracker, bo)
    assert seen(tracker, bo, here).same_bytes == ((stored, "Log review"),)
    assert seen(tracker, bo, stored).same_bytes == ((here, "Pump"),)
    _next(tracker, bo, here, BARE)
    assert seen(tracker, bo, stored).same_bytes == ()


def test_a_hash_tells_nothing_of_what_stands_in_somebody_elses_file(tracker: Tracker, bo: Actor) -> None:
    """Whoever registers the hash of a file of another system learns neither its markings nor its words."""
    lab = other_system(tracker)
    eva = somebody(tracker, "eva")
    text = b"CUI//SP-CTI\nControlled by: Navy\nThe list of authorized users, accounts and access control.\n" * 3
    owner = replace(OPERATOR, systems={lab.slug: lab})
    with received(tracker, owner, ("plan.txt", text)) as kept, tracker.write(owner) as work:
        links.create_linked(work, lab, kept, {"title": "Theirs"})
    texts.turn(House(tracker))
    number = _held(tracker, eva, Held("x", hashlib.sha256(text).hexdigest()), title="zzz")
    with tracker.read(eva) as work:
        artifact = artifact_views.one(work, number)
        assert contents.markings_of(work, artifact.current) == []
        assert contents.suggestions_for(work, artifact, eva.systems["main"]) == ()
        assert artifact_list.snippets(work, [number], ["authorized"]) == {}
    assert _found(tracker, eva, "authorized") == []
    assert artifact.same_bytes == ()


def test_markings_are_seen_in_its_name(tracker: Tracker, bo: Actor) -> None:
    number = _held(tracker, bo, Held("x/7", "c" * 64, None, "CUI//SP-CTI pump.pdf"))
    with tracker.read(bo) as work:
        assert contents.markings_of(work, artifact_views.one(work, number).current)


def test_a_version_may_be_stored_where_the_one_before_was_held_and_the_other_way_round(
    tracker: Tracker, bo: Actor
) -> None:
    number = _held(tracker, bo)
    versioned(tracker, bo, number, ("pump.txt", b"declassified"))
    _next(tracker, bo, number, BARE, note="back into the enclave")
    versions = seen(tracker, bo, number).versions
    assert [(one.number, one.location, one.size) for one in versions] == [
        *((3, BARE.location, None), (2, "", 12), (1, PUMP.location, 4)),
    ]
    with tracker.read(bo) as work:
        assert artifact_views.file_of(work, number, 1).location == PUMP.location
        assert artifact_views.file_named(work, number, 2, "pump.txt").location == ""
        assert artifact_views.file_named(work, number, 1, "pump.pdf").is_held
        for name in ("", "None", "7"):
            with pytest.raises(NotFound):
                artifact_views.file_named(work, number, 3, name)
    report = verify.run(tracker)
    assert (report.problems, report.held, report.blobs) == ([], 1, 1)


def test_an_approval_is_of_its_hash_and_lapses_with_a_new_one(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    number = _held(tracker, bo)
    first = seen(tracker, bo, number).current.manifest_sha256
    _does(tracker, bo, number, "submit")
    _does(tracker, eva, number, "approve", first)
    assert seen(tracker, bo, number).status == "approved"
    _next(tracker, bo, number, Held(PUMP.location, "d" * 64))
    assert seen(tracker, bo, number).status == "draft"
    _does(tracker, bo, number, "submit")
    with pytest.raises(Stale):
        _does(tracker, eva, number, "approve", first)


@pytest.mark.parametrize(
    "values",
    [{"location": "cad/other.pdf"}, {"sha256": "e" * 64}, {"size": 5}, {"size": None}, {"filename": None}],
    ids=lambda values: next(iter(values)),
)
def test_a_row_that_was_altered_behind_the_trackers_back_is_found(
    tracker: Tracker, bo: Actor, values: dict[str, Any]
) -> None:
    number = _held(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.bookkeep(update(held_files).values(**values))
    assert verify.run(tracker).problems == [
        f"Altered: artifact {number} version 1 has not the files that its hash names"
    ]


def test_a_version_without_any_file_is_still_found(tracker: Tracker, bo: Actor) -> None:
    number = _held(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.bookkeep(held_files.delete())
    assert verify.run(tracker).problems == [f"Lost: artifact {number} has no file for its version 1"]


def test_it_goes_through_the_trash_and_leaves_its_hash_and_place(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    known, bare = _held(tracker, bo), _held(tracker, bo, BARE)
    stored = made(tracker, bo, ("a.txt", b"pump"))  # the same bytes, which stay
    for one in (known, bare):
        with tracker.write(bo) as work:
            trash.remove(work, one)
    assert _found(tracker, bo, "pump") == []
    with tracker.write(bo) as work:
        trash.restore(work, known)
    assert _found(tracker, bo, "assembly") == [known]
    with tracker.write(bo) as work:
        trash.remove(work, known)
    clock.forward(days=32)
    assert trash.purge(tracker, OPERATOR, [known, bare]) == ([known, bare], [])
    with tracker.read() as work:
        stones = work.rows(select(tombstones).order_by(tombstones.c.artifact_id))
        assert work.row(select(func.count()).select_from(held_files)) == (0,)
    assert [(one.filename, one.sha256, one.size) for one in stones] == [("pump.pdf", PUMP.sha256, 4), ("", "b" * 64, 0)]
    assert stones[0].reason == f"purged from the trash; held at {PUMP.location}, and its bytes were never here"
    assert "of a size that nobody said" in stones[1].reason
    assert [one["sha256"] for one in _told(tracker, "artifact:purged")] == [[PUMP.sha256], ["b" * 64]]
    assert (verify.run(tracker).problems, verify.run(tracker).held) == ([], 0)
    assert seen(tracker, bo, stored).current.files[0].sha256 == PUMP.sha256


def test_it_is_linked_in_bulk_as_any_other(tracker: Tracker, bo: Actor) -> None:
    ids = [_held(tracker, bo), made(tracker, bo)]
    with tracker.write(bo) as work:
        assert links.link_many(work, ids, [Target(bo.systems["main"], SECOND)]) == 2
    with tracker.read(bo) as work:
        evidence = artifact_views.of_requirement(work, bo.systems["main"].system_id, SECOND.requirement)["b"]
    assert sorted((name.id, name.location) for name, _, _ in evidence) == [(ids[0], PUMP.location), (ids[1], "")]


def test_the_same_again_makes_nothing_and_other_bytes_at_its_place_are_refused(tracker: Tracker, bo: Actor) -> None:
    home = bo.systems["main"]
    with tracker.write(bo) as work:
        assert held.register(work, home, PUMP, {"title": "Pump"}) == (1, True)
    with tracker.write(bo) as work:
        assert held.register(work, home, PUMP, {"title": "Again"}) == (1, False)
    with tracker.write(bo) as work, pytest.raises(Conflict, match="Artifact 1 is held at this location with other"):
        held.register(work, home, Held(PUMP.location, "d" * 64), {"title": "Other"})
    with tracker.write(bo) as work:
        trash.remove(work, 1)
    with tracker.write(bo) as work:
        assert held.register(work, home, PUMP, {"title": "Anew"}) == (2, True)


def test_two_who_register_the_same_at_once_make_one(tracker: Tracker, bo: Actor) -> None:
    both, made_of = threading.Barrier(2), []

    def go() -> None:
        both.wait()
        with tracker.write(bo) as work:
            made_of.append(held.register(work, bo.systems["main"], PUMP, {"title": "Pump"}))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made_of) == [(1, False), (1, True)]


def test_who_may_not_contribute_registers_nothing_and_strangers_see_nothing(tracker: Tracker, bo: Actor) -> None:
    number = _held(tracker, bo)
    reader = somebody(tracker, "rea", may_contribute=False)
    with tracker.write(reader) as work, pytest.raises(Forbidden):
        held.register(work, reader.systems["main"], BARE, {"title": "x"})
    with tracker.write(reader) as work, pytest.raises(Forbidden):
        held.move(work, number, "y")
    stranger = Actor(None, "nobody", bo.role)
    with tracker.read(stranger) as work, pytest.raises(NotFound):
        artifact_views.one(work, number)


def test_a_move_is_a_new_version_of_the_same_bytes(tracker: Tracker, bo: Actor) -> None:
    number = _held(tracker, bo)
    with tracker.write(bo) as work:
        held.move(work, number, "new/pump.pdf")
    now, before = seen(tracker, bo, number).versions
    assert (now.location, now.files[0].sha256, now.note) == (
        *("new/pump.pdf", PUMP.sha256, f"Moved; it was held at {PUMP.location}."),
    )
    assert before.location == PUMP.location
    stored = made(tracker, bo)
    with tracker.write(bo) as work, pytest.raises(Conflict):
        held.move(work, stored, "x")


def test_a_check_in_its_place_is_remembered_and_only_changes_stand_in_the_log(
    tracker: Tracker, bo: Actor, enclave: Enclave, tmp_path: Path
) -> None:
    number, place = _held(tracker, bo), tmp_path / "enclave" / PUMP.location
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]
    file = seen(tracker, bo, number).current.files[0]
    assert (file.check_state, file.checked_at is not None, file.is_damaged) == ("intact", True, False)
    assert _told(tracker, "integrity:broken") == []
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
    assert [(one["before"], one["now"]) for one in _told(tracker, "integrity:broken")] == [
        *(("intact", "altered"), ("altered", "missing")),
    ]
    assert [(one["before"], one["held_at"]) for one in _told(tracker, "integrity:restored")] == [
        ("missing", PUMP.location)
    ]


def test_what_is_damaged_there_is_told_to_administrators_until_it_is_replaced(
    tracker: Tracker, bo: Actor, enclave: Enclave, tmp_path: Path
) -> None:
    number = _held(tracker, bo)
    (tmp_path / "enclave" / PUMP.location).write_bytes(b"other")
    _recheck(tracker, enclave)
    with tracker.read(OPERATOR) as work:
        store = overview(work, bo.systems["main"]).store
        assert (store.damaged, store.held_damaged) == (0, 1)
        assert [(one.artifact_id, one.told, one.location) for one in integrity.damaged(work)] == [
            (number, "Altered", PUMP.location)
        ]
    _next(tracker, bo, number, Held(PUMP.location, hashlib.sha256(b"other").hexdigest()))
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
    number = _held(tracker, bo, Held(location, sha256))
    found = _recheck(tracker, enclave)
    assert _states(found) == [(number, "refused")]
    assert len(found.problems) == 1
    file = seen(tracker, bo, number).current.files[0]
    assert (file.check_state, file.checked_at) == ("", None)


def test_what_is_no_path_of_this_machine_is_passed_over(tracker: Tracker, bo: Actor, enclave: Enclave) -> None:
    ids = [_held(tracker, bo, Held(where, "c" * 64)) for where in (BARE.location, "\\\\share\\x", "D:\\x")]
    found = _recheck(tracker, enclave)
    assert (_states(found), found.problems) == ([(one, "elsewhere") for one in ids], [])
    assert found.counts == {"elsewhere": 3}


def test_older_versions_and_the_trash_are_not_looked_for(tracker: Tracker, bo: Actor, enclave: Enclave) -> None:
    number, gone = _held(tracker, bo, Held("old.pdf", "a" * 64)), _held(tracker, bo, Held("gone.pdf", "a" * 64))
    _next(tracker, bo, number, PUMP)
    with tracker.write(bo) as work:
        trash.remove(work, gone)
    assert _states(_recheck(tracker, enclave)) == [(number, "intact")]


def test_a_disk_that_cannot_be_read_is_told_and_the_next_file_is_looked_at(
    tracker: Tracker, bo: Actor, enclave: Enclave, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _held(tracker, bo, Held("bad.pdf", "a" * 64)), _held(tracker, bo)
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
    number = _held(tracker, bo)
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
