"""What is kept between two requests is never older than the records: whatever is recorded makes it anew."""

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.services import assessment, overview, portfolio, readiness, scores, snapshots
from cmmc_tracker.services.remembering import LONGEST, MOST, Kind, Memory, Stand
from cmmc_tracker.services.ssp import contradictions
from cmmc_tracker.services.work import UNRECORDED, Tracker
from cmmc_tracker.storage import tables
from tests.services.evidence import FIRST, made, other_system, somebody
from tests.services.test_snapshots import counted

DAY = date(2026, 11, 2)


def judge(tracker: Tracker, actor: Actor, system: Access, status: str) -> None:
    """Judge the first objective."""
    with tracker.write(actor) as work:
        assessment.judge(work, system, FIRST, Judgement.parse(FIRST, status, "", []))


def taken(tracker: Tracker, actor: Actor, system: Access) -> Snapshot:
    """The picture as a reader gets it."""
    with tracker.read(actor) as work:
        return snapshots.of(work, system)


def test_a_picture_is_made_once_while_nothing_is_recorded(tracker: Tracker, actor: Actor, main: Access) -> None:
    first = taken(tracker, actor, main)
    with counted(tracker) as asked:
        assert taken(tracker, actor, main) is first
    assert len([one for one in asked if "audit" in one]) == 1
    assert not [one for one in asked if "findings" in one]


def test_everything_that_is_kept_is_made_anew_after_a_judgement(tracker: Tracker, actor: Actor, main: Access) -> None:
    def all_of_it() -> list[object]:
        with tracker.read(actor) as work:
            return [
                snapshots.of(work, main).requirements[0].objectives[0].status,
                assessment.picture(work, main).lines[0].objectives[0],
                assessment.picture(work, main).score.score,
                len(readiness.report(work, main).findings),
                scores.history(work, main).points[-1:],
                overview.overview(work, main),
                contradictions.found(work, main),
                portfolio.of_mine(work)[0].score,
            ]

    before = all_of_it()
    assert all_of_it() == before
    judge(tracker, actor, main, "met")
    after = all_of_it()
    assert [str(one) for one in after[:2]] == ["met", "met"]
    assert after[3] != before[3]
    assert after[4] != before[4]
    assert after[7] != before[7]
    judge(tracker, actor, main, "not_met")
    assert [str(one) for one in all_of_it()[:2]] == ["not_met", "not_met"]


def test_who_writes_sees_what_it_wrote_before_it_is_recorded(tracker: Tracker, actor: Actor, main: Access) -> None:
    taken(tracker, actor, main)
    with tracker.write(actor) as work:
        assessment.judge(work, main, FIRST, Judgement.parse(FIRST, "met", "", []))
        assert str(snapshots.of(work, main).requirements[0].objectives[0].status) == "met"
        assert assessment.picture(work, main).lines[0].objectives[0] == "met"


def test_what_was_rolled_back_is_in_no_picture(tracker: Tracker, actor: Actor, main: Access) -> None:
    before = taken(tracker, actor, main)

    def fail() -> None:
        with tracker.write(actor) as work:
            assessment.judge(work, main, FIRST, Judgement.parse(FIRST, "met", "", []))
            assert snapshots.of(work, main) != before
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert taken(tracker, actor, main) == before


def test_each_system_and_each_person_has_their_own(tracker: Tracker, actor: Actor, main: Access) -> None:
    other = other_system(tracker, actor.id)
    with tracker.read(actor) as work:
        assert snapshots.of(work, main).slug == "main"
    both = Actor(actor.id, actor.name, actor.role, {**actor.systems, other.slug: other})
    assert taken(tracker, both, other).slug == other.slug
    cleo = somebody(tracker, "cleo", may_contribute=True)
    made(tracker, actor)
    with tracker.read(actor) as work:
        mine = overview.overview(work, main)
    fewer = Actor(actor.id, actor.name, actor.role, {other.slug: other})
    with tracker.read(fewer) as work:
        assert overview.overview(work, other).artifacts == 0 < mine.artifacts
    with tracker.read(cleo) as work:
        assert overview.overview(work, main).waiting != mine.waiting or mine.waiting == 0


def test_a_new_day_makes_it_anew(tracker: Tracker, actor: Actor, main: Access) -> None:
    first = taken(tracker, actor, main)
    later = Tracker(tracker.engine, tracker.blobs, lambda: tracker.clock() + timedelta(days=1), memory=tracker.memory)
    assert taken(later, actor, main).on == first.on + timedelta(days=1)


def test_what_was_changed_past_the_program_is_seen_after_a_minute(tracker: Tracker, actor: Actor, main: Access) -> None:
    now = [0.0]
    watched = Tracker(tracker.engine, tracker.blobs, tracker.clock, memory=Memory(lambda: now[0]))
    first = taken(watched, actor, main)
    with tracker.engine.connect().execution_options(writes=True) as db, db.begin():
        db.execute(update(tables.findings).values(status="met"))
    now[0] = LONGEST
    assert taken(watched, actor, main) is first
    now[0] = LONGEST + 0.1
    assert taken(watched, actor, main).requirements[0].objectives[0].status == "met"


def test_a_reader_of_an_older_stand_neither_gets_nor_leaves_anything() -> None:
    memory, new, old = Memory(), Stand(8, "h8", DAY), Stand(7, "h7", DAY)
    assert memory.once(new, Kind.PICTURE, 1, lambda: "new") == "new"
    assert memory.once(old, Kind.PICTURE, 1, lambda: "old") == "old"
    assert memory.once(new, Kind.PICTURE, 1, lambda: "never") == "new"


def test_what_was_made_while_something_was_recorded_is_not_kept() -> None:
    memory, new, old = Memory(), Stand(8, "h8", DAY), Stand(7, "h7", DAY)

    def overtaken() -> str:
        memory.once(new, Kind.PICTURE, 2, lambda: "two")
        return "old"

    assert memory.once(old, Kind.PICTURE, 1, overtaken) == "old"
    assert memory.once(new, Kind.PICTURE, 1, lambda: "new") == "new"
    assert memory.once(new, Kind.PICTURE, 2, lambda: "never") == "two"


def test_a_log_of_the_same_length_with_another_end_is_another_stand() -> None:
    memory = Memory()
    assert memory.once(Stand(8, "h8", DAY), Kind.PICTURE, 1, lambda: "ours") == "ours"
    assert memory.once(Stand(8, "restored", DAY), Kind.PICTURE, 1, lambda: "theirs") == "theirs"


@pytest.mark.parametrize("kind", Kind)
def test_no_more_is_kept_than_its_share(kind: Kind) -> None:
    memory, stand = Memory(), Stand(8, "h8", DAY)
    for n in range(MOST[kind] + 3):
        memory.once(stand, kind, n, lambda n=n: n)
    again = [memory.once(stand, kind, n, lambda: None) for n in range(MOST[kind] + 3)]
    assert again == [*range(MOST[kind]), None, None, None]


def test_a_finding_cannot_be_changed_past_the_log(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(actor) as work, pytest.raises(AssertionError, match="findings"):
        work.bookkeep(update(tables.findings).values(status="met"))


def test_no_picture_is_made_of_a_table_that_is_changed_past_the_log(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    with counted(tracker) as asked, tracker.read(actor) as work:
        readiness.report(work, main)
        assessment.picture(work, main)
        scores.history(work, main)
        contradictions.found(work, main)
        overview.overview(work, main)
        portfolio.of_mine(work)
    read = {name for name in tables.metadata.tables for one in asked if re.search(rf"(FROM|JOIN) {name}\b", one)}
    # Of a content it is how it stands, of which a change is recorded; of an account its name; that there is a view.
    assert read & UNRECORDED == {"blobs", "held_files", "package_views", "users"}
