"""All systems of a person side by side: the same scores as each has alone, and the same few statements."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cmmc_tracker.domain.lifecycle import Stage
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import assessment, portfolio, systems
from cmmc_tracker.services.portfolio import Row
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables
from tests.conftest import OPERATOR, Person, put
from tests.services.evidence import acting, other_system, somebody
from tests.services.test_snapshots import counted, fresh

NOW = datetime.now(UTC)
TODAY = NOW.date()


def rows(tracker: Tracker, who: Actor) -> list[Row]:
    with tracker.read(who) as work:
        return portfolio.of_mine(work)


def judged(tracker: Tracker, system_id: int, status: str, *where: Any) -> None:
    found = tables.findings
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(found).where(found.c.system_id == system_id, *where).values(status=status))


@pytest.fixture
def ada(tracker: Tracker) -> Actor:
    """Ada works in `main` and `lab`."""
    made = somebody(tracker, "ada")
    assert made.id is not None
    other_system(tracker, made.id)
    return acting(tracker, made.id, "ada")


def test_each_score_is_the_one_that_the_system_has_by_itself(tracker: Tracker, ada: Actor) -> None:
    at = tables.findings.c
    first, second = (one.system_id for one in ada.systems.values())
    judged(tracker, first, "met")
    judged(tracker, first, "not_met", at.requirement.in_(("AC.L2-3.1.3", "IA.L2-3.5.3", "SC.L2-3.13.11")))
    judged(tracker, first, "not_assessed", at.requirement == "AU.L2-3.3.1", at.letter == "b")
    judged(tracker, first, "not_met", at.requirement == "CA.L2-3.12.4", at.letter == "e")
    judged(tracker, second, "not_applicable")
    judged(tracker, second, "not_met", at.requirement == "CA.L2-3.12.4", at.letter == "h")
    with tracker.write(OPERATOR) as work:
        how = tables.implementations
        work.db.execute(update(how).where(how.c.requirement == "IA.L2-3.5.3").values(partial=True))
    found = rows(tracker, ada)
    with tracker.read(ada) as work:
        alone = [assessment.picture(work, one).score for one in ada.systems.values()]
    for row, score in zip(found, alone, strict=True):
        assert row.score is not None
        for name in ("score", "provisional", "reason", "unassessed_objectives", "status", "poam"):
            assert getattr(row.score, name) == getattr(score, name), name
    assert [row.score and row.score.score for row in found] == [96, None]


def test_the_next_date_is_the_soonest_of_all_clocks(tracker: Tracker, ada: Actor) -> None:
    main = ada.systems["main"].system_id
    assert [(row.items, row.next) for row in rows(tracker, ada)] == [(0, None), (0, None)]
    item = {"system_id": main, "requirement": "AC.L2-3.1.3", "kind": "poam", "weakness": "w", "created_at": NOW}
    fresh(
        tracker,
        (tables.plan_items, [{**item, "planned_completion": TODAY + timedelta(days=9)}]),
        (tables.plan_items, [{**item, "planned_completion": TODAY, "status": "closed"}]),
    )
    put(tracker, update(tables.systems).values(plan_reviewed_on=TODAY, plan_review_months=1))
    first, second = rows(tracker, ada)
    assert first.next is not None
    assert (first.items, first.next.day, first.next.what) == (1, TODAY + timedelta(days=9), "plan of action")
    assert second.next is not None
    assert second.next.what == "review of the security plan"
    _recorded(tracker, main, "conditional", TODAY - timedelta(days=175))
    row = rows(tracker, ada)[0]
    assert row.next is not None
    assert (row.standing.stage, row.next.day, row.next.what) == (
        *(Stage.CONDITIONAL, TODAY + timedelta(days=5), "POA&M closeout"),
    )
    _recorded(tracker, main, "final", TODAY - timedelta(days=360))
    assert rows(tracker, ada)[0].standing.stage is Stage.LAPSED
    with tracker.read() as work:
        newest = max(row.id for row in work.rows(select(tables.recorded_statuses.c.id)))
    said = {"name": "Dee", "title": "CEO", "briefing": "b", "recorded_at": NOW, "recorded_by": ada.id}
    fresh(tracker, (tables.affirmations, [{"status_id": newest, "affirmed_on": TODAY - timedelta(days=360), **said}]))
    row = rows(tracker, ada)[0]
    assert row.standing.name.startswith("Final Level 2")
    assert row.next is not None
    assert row.next.what == "affirmation"


def _recorded(tracker: Tracker, system_id: int, stage: str, day: date) -> None:
    with tracker.read() as work:
        number = len(work.rows(select(tables.packages.c.id))) + 1
    package = {"number": number, "name": "p", "purpose": "final", "frozen_at": NOW, "snapshot": "{}", "artifacts": 0}
    rest = {
        "snapshot_sha256": "a" * 64,
        "log_sha256": "a" * 64,
        "bytes": 0,
        "retained_until": TODAY,
        "releasable": True,
    }
    status = {"kind": "level_2_self", "stage": stage, "act": "record_final", "status_on": day, "first_status_on": day}
    fresh(
        tracker,
        (tables.packages, [{"id": number, "system_id": system_id, **package, **rest}]),
        (
            tables.recorded_statuses,
            [{"system_id": system_id, **status, "package_id": number, "items": [], "recorded_at": NOW}],
        ),
    )


def test_fifty_systems_take_as_many_statements_as_two_and_only_ones_own_are_there(tracker: Tracker, ada: Actor) -> None:
    with counted(tracker) as few:
        rows(tracker, ada)
    assert ada.id is not None
    with tracker.write(ada) as work:
        for number in range(10):
            systems.create(work, f"Enclave {number}", 2)
    with tracker.write(OPERATOR) as work:
        systems.create(work, "Not hers", 2)
    who = acting(tracker, ada.id, "ada")
    with counted(tracker) as many:
        found = rows(tracker, who)
    assert len(many) == len(few)
    assert len(found) == 12
    assert "Not hers" not in [row.system.name for row in found]


def test_the_page_shows_them_and_tells_who_has_none(admin: Person, outsider: Person) -> None:
    page = admin.get("/systems").text
    assert "Main enclave" in page
    assert "no score" in page
    assert "You are not a member of any system" in outsider.get("/systems").text
    assert "Main enclave" not in outsider.get("/systems").text
