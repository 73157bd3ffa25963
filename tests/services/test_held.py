"""Evidence that may not leave where it is: registered, found, versioned, approved and purged like any other."""

import hashlib
import threading
from dataclasses import replace
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
    links,
    reviews,
    trash,
    verify,
)
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import blobs, held_files, tombstones
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import SECOND, made, other_system, received, seen, somebody, switch, versioned
from tests.services.held import BARE, PUMP, logged, registered, versioned_held


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _found(tracker: Tracker, actor: Actor, text: str) -> list[int]:
    with tracker.read(actor) as work:
        return [one.id for one in artifact_list.page(work, ArtifactFilter(text=text))[0]]


def _does(tracker: Tracker, actor: Actor, artifact_id: int, act: str, manifest: str = "") -> None:
    with tracker.write(actor) as work:
        reviews.decide(work, artifact_id, Verdict.parse(act, "", None, manifest))


def test_it_is_kept_with_facts_owner_and_links_and_none_of_its_bytes(tracker: Tracker, bo: Actor) -> None:
    artifact = seen(tracker, bo, registered(tracker, bo, owner="bo", cadence="quarterly", covers_until="2026-03-31"))
    file = artifact.current.files[0]
    assert (file.location, file.sha256, file.size, file.filename, file.media_type) == (
        *(PUMP.location, PUMP.sha256, 4, "pump.pdf", "application/pdf"),
    )
    assert (file.is_held, file.text_state, artifact.current.size, artifact.owner) == (True, "none", 4, "bo")
    assert [(str(one.objective), one.locator) for one in artifact.links] == [("AC.L2-3.1.1[a]", "sheet 2")]
    assert artifact.due_on is not None
    with tracker.read() as work:
        assert work.rows(select(blobs.c.sha256)) == []
    assert logged(tracker, "artifact:created")[0]["held_at"] == PUMP.location


def test_what_nobody_said_of_it_is_not_known_and_is_not_guessed(tracker: Tracker, bo: Actor) -> None:
    artifact = seen(tracker, bo, registered(tracker, bo, BARE))
    file = artifact.current.files[0]
    assert (file.filename, file.media_type, file.size, artifact.current.size) == (None, None, None, None)
    assert file.name == "held at https://enclave.example/drawings/7"


def test_it_is_found_by_place_name_and_hash_as_any_other(tracker: Tracker, bo: Actor) -> None:
    number, other = registered(tracker, bo), registered(tracker, bo, BARE, title="Other")
    assert _found(tracker, bo, "assembly") == [number]
    assert _found(tracker, bo, "pump.pdf cad") == [number]
    assert _found(tracker, bo, "enclave drawings") == [other]
    for text in (PUMP.sha256, PUMP.sha256[:8].upper(), " ".join(PUMP.sha256[n : n + 4] for n in range(0, 64, 4))):
        assert _found(tracker, bo, text) == [number], text
    versioned_held(tracker, bo, number, BARE)
    assert _found(tracker, bo, PUMP.sha256) == [number]  # in any version
    assert _found(tracker, bo, BARE.sha256) == [other, number]


def test_the_same_bytes_are_named_wherever_they_are_held(tracker: Tracker, bo: Actor) -> None:
    stored = made(tracker, bo, ("a.txt", b"pump"))
    here = registered(tracker, bo)
    assert seen(tracker, bo, here).same_bytes == ((stored, "Log review"),)
    assert seen(tracker, bo, stored).same_bytes == ((here, "Pump"),)
    versioned_held(tracker, bo, here, BARE)
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
    number = registered(tracker, eva, Held("x", hashlib.sha256(text).hexdigest()), title="zzz")
    with tracker.read(eva) as work:
        artifact = artifact_views.one(work, number)
        assert contents.markings_of(work, artifact.current) == []
        assert contents.suggestions_for(work, artifact, eva.systems["main"]) == ()
        assert artifact_list.snippets(work, [number], ["authorized"]) == {}
    assert _found(tracker, eva, "authorized") == []
    assert artifact.same_bytes == ()


def test_markings_are_seen_in_its_name(tracker: Tracker, bo: Actor) -> None:
    number = registered(tracker, bo, Held("x/7", "c" * 64, None, "CUI//SP-CTI pump.pdf"))
    with tracker.read(bo) as work:
        assert contents.markings_of(work, artifact_views.one(work, number).current)


def test_a_version_may_be_stored_where_the_one_before_was_held_and_the_other_way_round(
    tracker: Tracker, bo: Actor
) -> None:
    number = registered(tracker, bo)
    versioned(tracker, bo, number, ("pump.txt", b"declassified"))
    versioned_held(tracker, bo, number, BARE, note="back into the enclave")
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
    number = registered(tracker, bo)
    first = seen(tracker, bo, number).current.manifest_sha256
    _does(tracker, bo, number, "submit")
    _does(tracker, eva, number, "approve", first)
    assert seen(tracker, bo, number).status == "approved"
    versioned_held(tracker, bo, number, Held(PUMP.location, "d" * 64))
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
    number = registered(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(held_files).values(**values))
    assert verify.run(tracker).problems == [
        f"Altered: artifact {number} version 1 has not the files that its hash names"
    ]


def test_a_version_without_any_file_is_still_found(tracker: Tracker, bo: Actor) -> None:
    number = registered(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.db.execute(held_files.delete())
    assert verify.run(tracker).problems == [f"Lost: artifact {number} has no file for its version 1"]


def test_it_goes_through_the_trash_and_leaves_its_hash_and_place(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    known, bare = registered(tracker, bo), registered(tracker, bo, BARE)
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
    assert [one["sha256"] for one in logged(tracker, "artifact:purged")] == [[PUMP.sha256], ["b" * 64]]
    assert (verify.run(tracker).problems, verify.run(tracker).held) == ([], 0)
    assert seen(tracker, bo, stored).current.files[0].sha256 == PUMP.sha256


def test_it_is_linked_in_bulk_as_any_other(tracker: Tracker, bo: Actor) -> None:
    ids = [registered(tracker, bo), made(tracker, bo)]
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
    number = registered(tracker, bo)
    reader = somebody(tracker, "rea", may_contribute=False)
    with tracker.write(reader) as work, pytest.raises(Forbidden):
        held.register(work, reader.systems["main"], BARE, {"title": "x"})
    with tracker.write(reader) as work, pytest.raises(Forbidden):
        held.move(work, number, "y")
    stranger = Actor(None, "nobody", bo.role)
    with tracker.read(stranger) as work, pytest.raises(NotFound):
        artifact_views.one(work, number)


def test_a_move_is_a_new_version_of_the_same_bytes(tracker: Tracker, bo: Actor) -> None:
    number = registered(tracker, bo)
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
