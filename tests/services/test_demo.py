"""The demo: every page of it has something true to show, and what it tells happened in the order that it tells."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from cmmc_tracker.domain import readiness
from cmmc_tracker.domain.lifecycle import Stage
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.errors import Conflict
from cmmc_tracker.services import assignments, audit, demo, demo_packages, scores, statuses, systems, verify
from cmmc_tracker.services import snapshots as pictures
from cmmc_tracker.services.handoff import checking, packages, stream
from cmmc_tracker.services.plans import reading
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables
from tests.conftest import OPERATOR, Person


def _everything(tracker: Tracker) -> Actor:
    with tracker.read() as work:
        return replace(OPERATOR, systems=systems.all_of(work))


def test_the_score_has_a_history_of_months_the_log_goes_forward_and_two_packages_tell_what_changed(
    tracker: Tracker,
) -> None:
    demo.fill(tracker, _everything(tracker))
    actor = _everything(tracker)
    with tracker.read(actor) as work:
        history = scores.history(work, actor.systems["main"])
        entries = list(_log(tracker, actor))
    assert len(history.points) >= 7
    assert (history.points[-1].on - history.points[0].on).days > 100
    judged = [one.at for one in entries if one.action == "objective:judged"]
    assert judged == sorted(judged)
    _told_apart(tracker, actor)


def _told_apart(tracker: Tracker, actor: Actor) -> None:
    main = actor.systems["main"]
    with tracker.read(actor) as work:
        now, then = packages.listed(work, main)
        changed = {one.name for one in packages.compared(work, main, then.id, now.id)}
    assert (now.frozen_at - then.frozen_at).days == demo_packages.FIRST_DAYS
    assert then.artifacts < now.artifacts
    assert now.is_held
    assert {"score", "artifacts", "judgements", "bases", "assets"} <= changed
    assert "added" in now.changed
    assert list(checking.problems(tracker)) == []
    assert stream.opened(tracker, then).size > 10_000


def _log(tracker: Tracker, actor: Actor) -> Iterator[audit.AuditEntry]:
    with tracker.read(actor) as work:
        yield from reversed(audit.page(work, audit.AuditFilter(), 1_000)[0])


def test_special_bases_and_plans_of_both_kinds_are_there(tracker: Tracker) -> None:
    demo.fill(tracker, _everything(tracker))
    actor = _everything(tracker)
    with tracker.read(actor) as work:
        picture = pictures.of(work, actor.systems["main"])
        register = reading.register(work, actor.systems["main"])
        asked = [row.outside for row in work.rows(select(tables.requests))]
    bases = {o.special.basis for r in picture.requirements for o in r.objectives if o.special}
    assert bases == {Basis.ENDURING_EXCEPTION, Basis.TEMPORARY_DEFICIENCY, Basis.INHERITED}
    assert {item.plan.kind for item in register.items} == {"poam", "operational"}
    assert len(picture.providers) == 2
    assert any(one.check == 3 for one in readiness.found(picture))  # something is overdue
    assert asked == ["Tern Monitoring"]
    assert {line.provider_id for line in picture.matrix} == {one.id for one in picture.providers}


def test_where_there_are_accounts_people_own_requirements_and_a_status_was_affirmed(
    tracker: Tracker, admin: Person, user: Person
) -> None:
    demo.fill(tracker, _everything(tracker))
    actor = _everything(tracker)
    office = next(one for one in actor.systems.values() if one.level == 1)
    with tracker.read(actor) as work:
        people = assignments.of(work, actor.systems["main"])
        record = statuses.of(work, office)
    owners = [people.owner(one) for one in ("AC.L2-3.1.1", "AU.L2-3.3.1")]
    assert [one.person for one in owners if one] == [admin.name, user.name]
    assert record.standing.stage is Stage.FINAL
    assert record.latest is not None
    assert [one.name for one in record.latest.affirmations] == [admin.name]
    assert "Final Level 1 (Self)" in user.get("/systems").text
    _a_conditional_status_runs(tracker, admin, user)
    with pytest.raises(Conflict):
        demo.fill(tracker, _everything(tracker))
    assert verify.run(tracker).problems == []


def _a_conditional_status_runs(tracker: Tracker, admin: Person, user: Person) -> None:
    """One system has a running clock of 180 days, with items that are open, worked on and closed by a second person."""
    actor = _everything(tracker)
    cell = next(one for one in actor.systems.values() if "inspection" in one.slug)
    with tracker.read(actor) as work:
        record, register = statuses.of(work, cell), reading.register(work, cell)
    assert record.clock is not None
    assert (record.standing.name, record.clock.closeout.days_left) == ("Conditional Level 2 (Self)", 85)
    assert {one.status for one in register.items} == {"open", "in_progress", "closed"}
    assert [one.closed_by for one in register.items if one.closed_by] == [user.name]
    assert all(one.frozen for one in register.items)
    assert "85 days are left" in admin.get("/", query_string={"system": cell.slug}).text
