"""While nothing was kept in a system, its level can change and it can be removed; any other one stays as it is."""

import threading
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import insert, select, update

from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.catalog import ObjectiveId, load
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.domain.plan_document import SectionName
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import assessment, systems, unused, verify
from cmmc_tracker.services.ssp import writing
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables
from cmmc_tracker.storage.tables import assets, findings, implementations, packages, plan_sections
from tests.conftest import ON_POSTGRESQL, OPERATOR
from tests.services.evidence import FIRST, acting, made, other_system, somebody

WRITTEN = "Bo is the owner."


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`, and in the system made by mistake."""
    return somebody(tracker, "bo")


@pytest.fixture
def lab(tracker: Tracker, bo: Actor) -> Access:
    """A system in which nothing was kept yet, with a member."""
    return other_system(tracker, bo.id)


def _remove(tracker: Tracker, slug: str, seen: int | None = None, who: Actor = OPERATOR) -> None:
    with tracker.write(who) as work:
        unused.remove(work, slug, seen)


def _slugs(tracker: Tracker) -> list[str]:
    with tracker.read() as work:
        return list(systems.all_of(work))


def test_an_empty_system_goes_with_its_members_and_its_slug_never_comes_back(tracker: Tracker, lab: Access) -> None:
    _remove(tracker, lab.slug, 1)
    assert _slugs(tracker) == ["main"]
    for table in (findings, implementations, tables.memberships):
        with tracker.read() as work:
            assert work.rows(select(table).where(table.c.system_id == lab.system_id)) == []
    with tracker.write(replace(OPERATOR, systems={})) as work:
        assert systems.create(work, "Lab", 1).slug == "lab-2"
    assert verify.run(tracker).problems == []


def test_a_system_with_a_frozen_package_is_never_removed(tracker: Tracker, lab: Access) -> None:
    with tracker.write(OPERATOR) as work:
        row = {"system_id": lab.system_id, "number": 1, "name": "P", "purpose": "final", "frozen_at": work.now}
        sums = {"snapshot": "{}", "snapshot_sha256": "0" * 64, "log_sha256": "0" * 64, "artifacts": 0, "bytes": 0}
        work.db.execute(insert(packages).values(**row, **sums, releasable=True, retained_until=date(2032, 1, 1)))
    with pytest.raises(Conflict, match="frozen package") as refused:
        _remove(tracker, lab.slug)
    assert refused.value.clause == "32 CFR 170.17(c)(4)"
    assert lab.slug in _slugs(tracker)


@pytest.mark.parametrize("kept", ["findings", "implementations", "assets", "plan_sections"])
def test_a_system_in_which_anything_was_kept_stays(tracker: Tracker, lab: Access, kept: str) -> None:
    here = {"system_id": lab.system_id}
    change = {
        "findings": update(findings).where(findings.c.letter == "a").values(version=2),
        "implementations": update(implementations).where(implementations.c.partial.is_(False)).values(version=2),
        "assets": insert(assets).values(**here, name="Mill", category="", draft=False, created_at=tracker.clock()),
        "plan_sections": insert(plan_sections).values(**here, section="roles", changed_at=tracker.clock()),
    }[kept]
    with tracker.write(OPERATOR) as work:
        work.db.execute(change)
    with pytest.raises(Conflict, match=kept.replace("_", " ")):
        _remove(tracker, lab.slug)
    assert lab.slug in _slugs(tracker)


def test_the_first_system_stays_and_an_old_page_a_user_and_a_wrong_name_remove_nothing(
    tracker: Tracker, lab: Access, bo: Actor
) -> None:
    with pytest.raises(Conflict, match="first system"):
        _remove(tracker, "main")
    with pytest.raises(Stale):
        _remove(tracker, lab.slug, 7)
    with pytest.raises(Forbidden):
        _remove(tracker, lab.slug, who=bo)
    with pytest.raises(NotFound):
        _remove(tracker, "nowhere")
    assert _slugs(tracker) == ["main", lab.slug]


def test_every_table_that_belongs_to_a_system_is_looked_at() -> None:
    """A table without that key would be missed, and its rows would stay behind."""
    named = {table.name for table in tables.metadata.sorted_tables if "system_id" in table.c}
    assert named == {table.name for table in unused._all_of_systems()}


@pytest.mark.parametrize("level", [1, 3])
def test_a_system_in_which_nothing_was_kept_gets_another_level(tracker: Tracker, lab: Access, level: int) -> None:
    for slug in ("main", lab.slug):
        with tracker.write(OPERATOR) as work:
            assert unused.kept_in(work)[slug] == []
            unused.set_level(work, slug, level, 1)
        with tracker.read() as work:
            system = systems.all_of(work)[slug]
            rows = work.rows(select(findings.c.requirement).where(findings.c.system_id == system.system_id))
        assert system.level == level
        assert {row.requirement for row in rows} == {one.id for one in load(level).requirements}
    assert verify.run(tracker).problems == []


def test_a_level_stays_where_something_was_kept_and_for_an_old_page_and_for_users(
    tracker: Tracker, lab: Access, bo: Actor
) -> None:
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        unused.set_level(work, lab.slug, 1, 7)
    with pytest.raises(Forbidden), tracker.write(bo) as work:
        unused.set_level(work, lab.slug, 1, 1)
    with pytest.raises(Forbidden), tracker.read(bo) as work:
        unused.kept_in(work)
    for no_level in (0, 4):
        with pytest.raises(Invalid), tracker.write(OPERATOR) as work:
            unused.set_level(work, lab.slug, no_level, 1)
    made(tracker, bo)
    with tracker.read(OPERATOR) as work:
        assert "artifacts" in unused.kept_in(work)["main"]
        assert unused.kept_in(work)[lab.slug] == []
    stays = "stays at Level 2, because something is in it: artifacts"
    with pytest.raises(Conflict, match=stays), tracker.write(OPERATOR) as work:
        unused.set_level(work, "main", 1, 1)
    with tracker.read() as work:
        assert systems.all_of(work)["main"].level == 2


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time")
def test_what_is_being_judged_at_the_same_instant_keeps_its_system(tracker: Tracker, lab: Access, bo: Actor) -> None:
    judged, ended = threading.Event(), threading.Event()
    one = ObjectiveId("AC.L2-3.1.1", "a")
    inside = acting(tracker, bo.id or 0, "bo")

    def judge() -> None:
        with tracker.write(inside) as work:
            assessment.judge(work, lab, one, Judgement.parse(one, "met", "seen", [], {}), None)
            judged.set()
            ended.wait(1)  # the removal waits for this, so nothing ends it

    other = threading.Thread(target=judge)
    other.start()
    assert judged.wait(10)
    with pytest.raises(Conflict, match="findings"):
        _remove(tracker, lab.slug)
    ended.set()
    other.join(10)
    assert lab.slug in _slugs(tracker)


def test_who_still_sends_something_for_a_system_that_was_removed_is_told(
    tracker: Tracker, lab: Access, bo: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    _remove(tracker, lab.slug)
    late = "was taken away at the same instant. Nothing of yours was saved"
    with pytest.raises(Conflict, match=late):
        made(tracker, replace(bo, systems={"main": lab}))
    with pytest.raises(Conflict, match=late), tracker.write(bo) as work:
        writing.write_section(work, lab, SectionName.ROLES, WRITTEN, None)
    assert caplog.text.count("a row that is gone") == 2
    assert "INSERT INTO plan_sections" in caplog.text
    assert WRITTEN not in caplog.text, "a trace in the log shows statements, and nothing that people wrote"
    assert verify.run(tracker).problems == []


def test_evidence_on_its_way_to_an_objective_of_the_level_before_is_not_linked_to_what_is_not_there(
    tracker: Tracker, bo: Actor
) -> None:
    with tracker.write(OPERATOR) as work:
        unused.set_level(work, "main", 1, None)
    with pytest.raises(Conflict, match=r"3.1.1\[a\] is no objective of Main enclave any more"):
        made(tracker, bo, to=(FIRST,))
    with tracker.read() as work:
        assert work.rows(select(tables.artifacts.c.id)) == []
