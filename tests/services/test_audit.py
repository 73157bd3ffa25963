"""Filters, export and chain of the audit log."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from cmmc_tracker.domain.audit import GENESIS, Entry, Event, digest
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.errors import Forbidden
from cmmc_tracker.services import audit
from cmmc_tracker.services.audit import AuditFilter, Watch
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit as table
from tests.conftest import ON_POSTGRESQL, OPERATOR, Clock

BO = Actor(7, "bo", Role.USER)


def tamper(tracker: Tracker, *statements: str, **values: Any) -> None:
    """Alter the log as somebody with the database's own rights could: without its triggers."""
    with tracker.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "sqlite":
            for name in ("audit_no_update", "audit_no_delete", "audit_no_replace"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement), values)


def rewrite(tracker: Tracker) -> None:
    """Write the whole chain anew, unbroken, with one entry altered: what a chain alone cannot tell."""
    with tracker.read() as work:
        rows = work.rows(select(table).order_by(table.c.id))
    previous = GENESIS
    for row in rows:
        actor = "mallory" if row.id == rows[0].id else row.actor
        entry = Entry(row.at, row.actor_id, actor, row.address, row.action, row.entity, row.detail, previous)
        values = {"actor": actor, "previous": previous, "hash": digest(entry), "id": row.id}
        tamper(tracker, "UPDATE audit SET actor = :actor, previous = :previous, hash = :hash WHERE id = :id", **values)
        previous = digest(entry)


def fill(tracker: Tracker, count: int, actor: Actor | None = OPERATOR) -> None:
    """Add entries to the log."""
    for number in range(count):
        with tracker.write(actor) as work:
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}", {"number": number})


def found(tracker: Tracker, **wanted: Any) -> list[str]:
    """The things of the entries that fit, oldest first."""
    with tracker.read(OPERATOR) as work:
        return [one.entity for one in audit.page(work, AuditFilter(**wanted))[0]][::-1]


@pytest.fixture
def told(tracker: Tracker, clock: Clock) -> Tracker:
    """A log of a few entries, a day apart."""
    for event, entity, actor, detail in (
        (Event.ARTIFACT_CREATED, "artifact:1", OPERATOR, {"title": "Élan policy, 100%"}),
        (Event.ARTIFACT_EDITED, "artifact:12", BO, {"title": 'The "new" plan_b \\ c'}),
        (Event.OBJECTIVE_JUDGED, "objective:main/AC.L2-3.1.1[a]", BO, {"note": "planxb"}),
        (Event.LOGIN_FAILED, "user:", None, {}),
    ):
        clock.forward(days=1)
        with tracker.write(actor, "192.0.2.7" if actor is BO else "") as work:
            work.record(event, entity, detail, actor="" if actor else "Bobby")
    return tracker


@pytest.mark.parametrize(
    ("wanted", "things"),
    [
        ({"actor": "bo"}, ["artifact:12", "objective:main/AC.L2-3.1.1[a]"]),
        ({"actor": "bo*"}, ["artifact:12", "objective:main/AC.L2-3.1.1[a]"]),
        ({"actor": "nobody"}, []),
        ({"action": "artifact:created"}, ["artifact:1"]),
        ({"action": "artifact:*"}, ["artifact:1", "artifact:12"]),
        ({"entity": "artifact:1"}, ["artifact:1"]),
        ({"entity": "artifact:1*"}, ["artifact:1", "artifact:12"]),
        ({"entity": "artifact:_*"}, []),
        ({"entity": "objective:main/AC*"}, ["objective:main/AC.L2-3.1.1[a]"]),
        ({"text": "ÉLAN"}, ["artifact:1"]),
        ({"text": "élan POLICY"}, ["artifact:1"]),
        ({"text": "100%"}, ["artifact:1"]),
        ({"text": "%"}, ["artifact:1"]),
        ({"text": "plan_b"}, ["artifact:12"]),
        ({"text": 'the "NEW" plan'}, ["artifact:12"]),
        ({"text": "b \\ c"}, ["artifact:12"]),
        ({"text": "bobby"}, ["user:"]),
        ({"text": "192.0.2.7"}, ["artifact:12", "objective:main/AC.L2-3.1.1[a]"]),
        ({"text": "ac.l2"}, ["objective:main/AC.L2-3.1.1[a]"]),
        ({"text": "plan", "actor": "bo", "action": "objective:judged"}, ["objective:main/AC.L2-3.1.1[a]"]),
        ({"text": "x' OR '1'='1"}, []),
        ({"actor": "x' OR 1=1 --"}, []),
    ],
)
def test_each_filter_narrows_to_what_it_says(told: Tracker, wanted: dict[str, str], things: list[str]) -> None:
    assert found(told, **wanted) == things


def test_a_period_takes_its_beginning_in_and_leaves_its_end_out(told: Tracker, clock: Clock) -> None:
    with told.read(OPERATOR) as work:
        at = [row.at for row in work.rows(select(table.c.at).order_by(table.c.id))]
    now = clock()
    assert found(told, since=now - timedelta(days=1, hours=1)) == ["objective:main/AC.L2-3.1.1[a]", "user:"]
    assert found(told, until=now - timedelta(hours=1), since=now - timedelta(days=2, hours=1)) == [
        "artifact:12",
        "objective:main/AC.L2-3.1.1[a]",
    ]
    exactly = now.fromisoformat(at[-1])
    assert found(told, since=exactly) == ["user:"]
    assert "user:" not in found(told, until=exactly)


def test_only_an_administrator_reads_or_takes_out_the_log(tracker: Tracker) -> None:
    with pytest.raises(Forbidden), tracker.read(BO) as work:
        audit.page(work, AuditFilter())
    with pytest.raises(Forbidden), tracker.write(BO) as work:
        audit.begin_export(work, AuditFilter(), "csv")


def test_an_export_reads_in_pieces_and_ends_at_the_newest_entry_of_its_beginning(tracker: Tracker) -> None:
    fill(tracker, 10)
    with tracker.write(OPERATOR) as work:
        last = audit.begin_export(work, AuditFilter(entity="setting:*"), "json")
    reads = 0

    class Counting(Tracker):
        def read(self, *args: Any, **more: Any) -> Any:
            nonlocal reads
            reads += 1
            return super().read(*args, **more)

    counting = Counting(tracker.engine, tracker.blobs, tracker.clock)
    entries = audit.exported(counting, AuditFilter(entity="setting:*"), last, step=4)
    first = next(entries)
    fill(tracker, 3)
    rest = list(entries)
    assert [one[1].entity for one in [first, *rest]] == [f"setting:{n}" for n in range(10)]
    assert reads == 3
    with tracker.read() as work:
        noted = work.rows(select(table).where(table.c.action == "audit:exported"))
    assert [json.loads(row.detail) for row in noted] == [
        {"filter": {"entity": "setting:*"}, "format": "json", "up_to": last}
    ]


def test_a_detail_that_was_altered_to_nonsense_is_shown_and_marked(tracker: Tracker) -> None:
    fill(tracker, 2)
    tamper(tracker, "UPDATE audit SET detail = '{nonsense' WHERE id = 2")
    with tracker.read(OPERATOR) as work:
        entries = {one.id: one for one in audit.page(work, AuditFilter())[0]}
    assert entries[2].detail == {"unreadable": "{nonsense"}
    assert (entries[2].sound, entries[3].sound) == (False, True)


def test_a_look_at_a_short_log_checks_it_from_its_first_entry_every_time(tracker: Tracker) -> None:
    fill(tracker, 5)
    watch = Watch()
    with tracker.read() as work:
        seen = watch.look(work)
        assert (seen.whole, seen.walked.entry, seen.walked.hash) == (True, 6, audit.head(work))
    tamper(tracker, "UPDATE audit SET actor = 'mallory' WHERE id = 3")
    with tracker.read() as work:
        seen = watch.look(work)
    assert seen.walked.entry == 2
    assert seen.walked.broken == (3, "its content is not what was recorded")
    assert not seen.whole


def test_a_look_at_a_long_log_goes_on_from_where_the_look_before_ended(tracker: Tracker) -> None:
    fill(tracker, 9)
    watch, far = Watch(), []
    for _ in range(4):
        with tracker.read() as work:
            seen = watch.look(work, most=3)
        far.append((seen.walked.entry, seen.newest, seen.whole))
    assert far == [(3, 10, False), (6, 10, False), (9, 10, False), (10, 10, True)]
    fill(tracker, 1)
    with tracker.read() as work:
        assert watch.look(work, most=3).walked.entry == 11


def test_what_was_altered_before_the_mark_of_a_long_log_is_found_by_the_whole_check(tracker: Tracker) -> None:
    fill(tracker, 9)
    watch = Watch()
    assert watch.whole(tracker, step=4).whole
    tamper(tracker, "UPDATE audit SET actor = 'mallory' WHERE id = 2")
    with tracker.read() as work:
        assert watch.look(work, most=3).walked.broken is None
    assert watch.whole(tracker, step=4).walked.broken == (2, "its content is not what was recorded")


def test_a_log_that_was_written_anew_or_cut_short_is_found_while_the_process_lives(tracker: Tracker) -> None:
    fill(tracker, 5)
    watch = Watch()
    assert watch.whole(tracker).whole
    tamper(tracker, "DELETE FROM audit WHERE id = 6")
    for check in (lambda: watch.whole(tracker), lambda: _look(tracker, watch, 2), lambda: _look(tracker, watch, 100)):
        broken = check().walked.broken
        assert broken is not None
        assert broken[0] == 6
        assert "written anew or cut short" in broken[1]
    other = Watch()
    assert other.whole(tracker).whole
    rewrite(tracker)
    with tracker.read() as work:
        assert audit.broken(work) is None
    broken = _look(tracker, other, 100).walked.broken
    assert broken is not None
    assert broken[0] == 5


def _look(tracker: Tracker, watch: Watch, most: int) -> audit.Seen:
    with tracker.read() as work:
        return watch.look(work, most)


def test_the_whole_check_stops_when_its_time_is_over_and_says_how_far_it_came(tracker: Tracker) -> None:
    fill(tracker, 9)
    seen = Watch().whole(tracker, step=4, seconds=-1)
    assert (seen.walked.entry, seen.walked.broken, seen.whole) == (4, None, False)


def test_a_look_does_not_wait_for_a_check_under_way(tracker: Tracker) -> None:
    watch = Watch()
    with watch.lock:
        done = threading.Thread(target=lambda: _look(tracker, watch, 10))
        done.start()
        done.join(10)
        assert not done.is_alive()
    assert watch.seen.ended is None


def test_a_head_that_was_kept_is_found_again_by_its_hash(tracker: Tracker) -> None:
    with tracker.read() as work:
        kept = audit.newest(work)
    fill(tracker, 3)
    with tracker.read() as work:
        assert audit.standing(work, [kept.hash, "f" * 64]) == {kept.hash: kept.entry, "f" * 64: None}
    rewrite(tracker)
    with tracker.read() as work:
        assert audit.standing(work, [kept.hash]) == {kept.hash: None}


_OTHERS = "at, actor_id, 'nobody', address, action, entity, detail, previous, hash FROM audit WHERE id = 1"
_ON_BOTH = [
    "UPDATE audit SET actor = 'nobody'",
    "UPDATE audit SET actor = 'nobody' WHERE id = 1",
    "DELETE FROM audit",
    "DELETE FROM audit WHERE id = (SELECT MAX(id) FROM audit)",
    f"INSERT INTO audit SELECT id, {_OTHERS} ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
]
_ON_ONE = {
    True: [
        "TRUNCATE audit",
        "TRUNCATE audit RESTART IDENTITY CASCADE",
        "MERGE INTO audit USING (SELECT 1 AS one) AS o ON audit.id = o.one WHEN MATCHED THEN DELETE",
    ],
    False: [
        f"INSERT OR REPLACE INTO audit SELECT id, {_OTHERS}",
        f"REPLACE INTO audit SELECT id + 100, {_OTHERS}",
        "UPDATE OR REPLACE audit SET id = 2 WHERE id = 1",
    ],
}


@pytest.mark.parametrize("statement", [*_ON_BOTH, *_ON_ONE[ON_POSTGRESQL]])
def test_the_database_itself_refuses_to_alter_or_remove_an_entry(tracker: Tracker, statement: str) -> None:
    fill(tracker, 2)
    with tracker.read() as work:
        before = work.rows(select(table).order_by(table.c.id))
    with pytest.raises(DBAPIError, match="append-only"), tracker.engine.connect() as connection, connection.begin():
        connection.execute(text(statement))
    with tracker.read() as work:
        assert work.rows(select(table).order_by(table.c.id)) == before
