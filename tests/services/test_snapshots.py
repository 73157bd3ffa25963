"""The picture of a whole system: every table that it is made from shows in it, and it costs the same few statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from cmmc_tracker.domain import readiness
from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.catalog import ObjectiveId, load
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.domain.plans import ItemKind, ItemStatus, Milestone
from cmmc_tracker.domain.scope import AssetCategory, Duty, Held, MatrixLine
from cmmc_tracker.domain.snapshot import ObjectiveState, Person, Snapshot
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.errors import Forbidden
from cmmc_tracker.services import snapshots
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables
from tests.conftest import OPERATOR, add_account, put
from tests.services.evidence import FIRST, acting, made, other_system

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SHA = "a" * 64


@contextmanager
def counted(tracker: Tracker) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(tracker.engine, "before_cursor_execute", note)
    yield seen
    event.remove(tracker.engine, "before_cursor_execute", note)


def fresh(tracker: Tracker, *rows: tuple[Any, list[dict[str, Any]]]) -> None:
    """Plain rows."""
    with tracker.write(OPERATOR) as work:
        for table, values in rows:
            work.change(insert(table), values)
        work.record(Event.SYSTEM_CHANGED, "system:main")


def taken(tracker: Tracker, actor: Actor, system: Access) -> Snapshot:
    """The picture as somebody gets it."""
    with tracker.read(actor) as work:
        return snapshots.of(work, system)


def state(snapshot: Snapshot, at: ObjectiveId = FIRST) -> ObjectiveState:
    """One objective of it."""
    return next(
        one for s, one in snapshot.objectives() if (s.requirement.id, one.letter) == (at.requirement, at.letter)
    )


@pytest.fixture
def ada(tracker: Tracker) -> Actor:
    """Ada works in `main`."""
    return acting(tracker, add_account(tracker, "ada"), "ada")


def test_an_empty_system_is_all_its_requirements_and_nothing_else(tracker: Tracker, ada: Actor, main: Access) -> None:
    found = taken(tracker, ada, main)
    assert [one.requirement for one in found.requirements] == list(load(2).requirements)
    assert {one.status for _, one in found.objectives()} == {Status.NOT_ASSESSED}
    assert (found.items, found.assets, found.providers, found.matrix, found.people) == ((), (), (), (), ())


def test_a_stranger_gets_no_picture(tracker: Tracker, main: Access) -> None:
    with tracker.read(None) as work, pytest.raises(Exception, match="sign in"):
        snapshots.of(work, main)
    empty = Access(main.system_id, main.slug, main.name, 2, demo=False, rights=frozenset())
    with tracker.read(OPERATOR) as work, pytest.raises(Forbidden):
        snapshots.of(work, empty)


def test_a_finding_comes_with_who_judged_its_methods_its_confirmation_and_what_it_rests_on(
    tracker: Tracker, ada: Actor, main: Access
) -> None:
    artifact = made(tracker, ada, to=(FIRST,))
    here = {"system_id": main.system_id, "requirement": FIRST.requirement, "letter": FIRST.letter}
    special = {"basis": "temporary_deficiency", "description": "d", "mitigation": "m", "reference": "r"}
    fresh(tracker, (tables.specials, [{**here, **special, "reviewed_on": date(2026, 10, 1), "recorded_at": NOW}]))
    with tracker.write(OPERATOR) as work:
        judged = {"status": "met", "methods": ["examine"], "judged_at": NOW, "judged_by": ada.id, "confirmed_at": NOW}
        where = (tables.findings.c.requirement == FIRST.requirement, tables.findings.c.letter == FIRST.letter)
        work.db.execute(update(tables.findings).where(*where).values(**judged))
    found = state(taken(tracker, ada, main))
    assert (found.status, found.methods, found.judged_on, found.judged_by) == (
        *(Status.MET, (Method.EXAMINE,), NOW.date(), "ada"),
    )
    assert found.confirmed
    assert found.special is not None
    assert (found.special.basis, found.special.reviewed_on) == (Basis.TEMPORARY_DEFICIENCY, date(2026, 10, 1))
    assert [(e.artifact_id, e.is_damaged) for e in found.evidence] == [(artifact, False)]
    findings, blobs = update(tables.findings).where(*where), update(tables.blobs)
    put(tracker, findings.values(status="not_met"), blobs.values(check_state="altered"))
    after = state(taken(tracker, ada, main))
    assert after.special is None, "a record beside a finding that is not MET is without effect"
    assert after.evidence[0].is_damaged


def test_what_is_in_the_trash_or_in_quarantine_is_no_evidence(tracker: Tracker, ada: Actor, main: Access) -> None:
    made(tracker, ada, to=(FIRST,))
    for column in ("deleted_at", "quarantined_at"):
        put(tracker, update(tables.artifacts).values(**{column: NOW}))
        assert state(taken(tracker, ada, main)).evidence == ()
        put(tracker, update(tables.artifacts).values(**{column: None}))
    assert state(taken(tracker, ada, main)).evidence


def test_plans_scope_providers_people_and_owners_are_in_it_and_drafts_are_not(
    tracker: Tracker, ada: Actor, main: Access
) -> None:
    system = {"system_id": main.system_id}
    made_now = {**system, "created_at": NOW}
    fresh(
        tracker,
        (tables.plan_items, [{"id": 1, **made_now, "requirement": "AC.L2-3.1.3", "kind": "poam", "weakness": "w"}]),
        (tables.milestones, [{"item_id": 1, "position": 1, "text": "buy", "due_on": NOW.date(), "owner": "Bo"}]),
        (tables.asset_groups, [{**system, "name": "laptops", "treatment": "hardened", "on_diagram": True}]),
        (
            tables.assets,
            [
                {**made_now, "name": "L1", "category": "cui", "group_name": "laptops", "draft": False},
                {**made_now, "name": "L2", "category": "", "group_name": "", "draft": False},
                {**made_now, "name": "L3", "category": "cui", "group_name": "", "draft": True},
            ],
        ),
        (
            tables.providers,
            [{"id": 1, **made_now, "name": "Cloud", "is_cloud": True, "holds": "cui", "draft": False}],
        ),
        (tables.matrix_lines, [{"provider_id": 1, "requirement": "AC.L2-3.1.3", "letter": "a", "duty": "shared"}]),
        (tables.scope_entries, [{**made_now, "kind": "person", "name": "Cal", "trained_on": NOW.date()}]),
        (
            tables.assignments,
            [{**system, "duty": "owner", "requirement": "AC.L2-3.1.3", "user_id": ada.id, "assigned_at": NOW}],
        ),
    )
    found = taken(tracker, ada, main)
    assert [(i.id, i.status, i.plan.kind, i.plan.milestones) for i in found.items] == [
        (1, ItemStatus.OPEN, ItemKind.POAM, (Milestone("buy", NOW.date(), "Bo"),))
    ]
    assert found.planned == {"AC.L2-3.1.3"}
    assert [(a.name, a.category, a.in_plan, a.on_diagram) for a in found.assets] == [
        ("L1", AssetCategory.CUI, True, True),
        ("L2", None, False, False),
    ]
    assert [(p.name, p.holds) for p in found.providers] == [("Cloud", Held.CUI)]
    assert found.matrix == (MatrixLine(1, ObjectiveId("AC.L2-3.1.3", "a"), Duty.SHARED, ""),)
    assert found.people == (Person("Cal", NOW.date()),)
    assert {s.requirement.id: s.owner for s in found.requirements if s.owner} == {"AC.L2-3.1.3": "ada"}


def test_nothing_of_another_system_is_in_it(tracker: Tracker, ada: Actor, main: Access) -> None:
    lab = other_system(tracker)
    elsewhere = {"system_id": lab.system_id, "created_at": NOW}
    fresh(
        tracker,
        (tables.plan_items, [{"id": 1, **elsewhere, "requirement": "AC.L2-3.1.3", "kind": "poam", "weakness": "w"}]),
        (tables.assets, [{**elsewhere, "name": "L", "category": "cui", "draft": False}]),
        (tables.providers, [{"id": 1, **elsewhere, "name": "P", "is_cloud": False, "draft": False}]),
        (tables.matrix_lines, [{"provider_id": 1, "requirement": "AC.L2-3.1.3", "letter": "a", "duty": "shared"}]),
        (tables.scope_entries, [{**elsewhere, "kind": "person", "name": "Cal"}]),
    )
    found = taken(tracker, ada, main)
    assert (found.items, found.assets, found.providers, found.matrix, found.people) == ((), (), (), (), ())


def fill(tracker: Tracker, main: Access, artifacts: int, links: int, assets: int, first: int = 1) -> None:
    """Much of everything, by plain rows."""
    numbers = range(first, first + artifacts)
    objectives = [(r.id, o.letter) for r in load(2).requirements for o in r.objectives]
    facts = {"system_id": main.system_id, "kind": "log", "description": "", "status": "approved", "created_at": NOW}
    versions = [{"artifact_id": n, "number": 1, "received_at": NOW} for n in numbers]
    files = [
        {"artifact_id": n, "number": 1, "position": 1, "filename": "f", "media_type": "text/plain", "sha256": SHA}
        for n in numbers
    ]
    linked = {
        (n % artifacts + first, *objectives[(n * 7 + n // artifacts) % len(objectives)]): None for n in range(links * 2)
    }
    made_now = {"system_id": main.system_id, "created_at": NOW, "category": "cui", "draft": False}
    fresh(
        tracker,
        (tables.blobs, [{"sha256": SHA, "size": 1, "stored_at": NOW}]),
        (
            tables.artifacts,
            [{"id": n, "title": f"A{n}", "current_version": 1, **facts} for n in numbers],
        ),
        (tables.artifact_versions, versions),
        (tables.artifact_files, files),
        (
            tables.links,
            [
                {"artifact_id": a, "system_id": main.system_id, "requirement": r, "letter": o, "linked_at": NOW}
                for a, r, o in list(linked)[:links]
            ],
        ),
        (tables.assets, [{"name": f"asset {n}", **made_now} for n in range(assets)]),
    )
    with tracker.write(OPERATOR) as work:
        work.change(update(tables.findings).values(status="met", judged_at=NOW))
        work.record(Event.SYSTEM_CHANGED, "system:main")


def test_it_takes_the_same_statements_whatever_there_is(tracker: Tracker, actor: Actor, main: Access) -> None:
    with counted(tracker) as few:
        taken(tracker, actor, main)
    fill(tracker, main, 1_000, 5_000, 2_000)
    with tracker.read(actor) as work:
        assert len(work.rows(select(tables.links.c.artifact_id))) == 5_000
    with counted(tracker) as many:
        found = taken(tracker, actor, main)
    asked = [one for one in many if one.lstrip().upper().startswith(("SELECT", "("))]
    assert len(many) == len(few)
    assert len(asked) <= snapshots.STATEMENTS, asked
    assert sum(len(one.evidence) for _, one in found.objectives()) == 5_000
    assert readiness.found(found)  # how fast: bench/
