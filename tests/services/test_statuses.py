"""The recorded status and its affirmations: what may be recorded on what, by whom, and what the calendar does then."""

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.lifecycle import Act, Stage
from cmmc_tracker.domain.permissions import Actor, Organization
from cmmc_tracker.domain.recording import AffirmationGiven, StatusGiven
from cmmc_tracker.errors import Conflict, Forbidden, Invalid
from cmmc_tracker.services import statuses
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import assignments, audit, findings, pins, plan_items, recorded_statuses
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import FIRST, acting, linked_artifact, other_system, somebody, switch

TODAY = datetime.now(UTC).date()
WAITS = "AC.L2-3.1.3"  # one point, allowed on a POA&M
BARRED = "AC.L2-3.1.5"  # three points


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo approves in `main`."""
    return somebody(tracker, "bo", may_approve=True)


@pytest.fixture(autouse=True)
def judged(tracker: Tracker) -> None:
    """Everything is MET."""
    find(tracker, "met")


def find(tracker: Tracker, status: str, *requirements: str) -> None:
    """Every objective, or those of these requirements, found so."""
    which = findings.c.requirement.in_(requirements) if requirements else findings.c.requirement != ""
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(findings).where(which).values(status=status))


def freeze(tracker: Tracker, actor: Actor, purpose: Purpose = Purpose.FINAL) -> int:
    asked = Asked("Of record", purpose, "As it is.", releasable=False)
    return packages.freeze(tracker, actor, "", actor.systems["main"], asked).id


def waits(tracker: Tracker) -> int:
    """One requirement is NOT MET, and stands on the POA&M."""
    find(tracker, "not_met", WAITS)
    return item(tracker, WAITS)


def mended(tracker: Tracker) -> None:
    """Everything is MET, and every item closed."""
    find(tracker, "met")
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(plan_items).values(status="closed"))


def record(tracker: Tracker, actor: Actor, act: Act, package: int, on: date = TODAY) -> None:
    given = StatusGiven(act, AssessmentKind.LEVEL_2_SELF, on, "S200001", "", "The enclave", package)
    with tracker.write(actor) as work:
        statuses.record(work, actor.systems["main"], given)


def stands(tracker: Tracker, actor: Actor) -> tuple[Stage, str]:
    with tracker.read(actor) as work:
        found = statuses.of(work, actor.systems["main"]).standing
    return found.stage, found.name


def item(tracker: Tracker, requirement: str, status: str = "open") -> int:
    with tracker.write(OPERATOR) as work:
        values = {"system_id": 1, "requirement": requirement, "kind": "poam", "weakness": "weak", "status": status}
        key = work.db.execute(insert(plan_items).values(**values, created_at=work.now)).inserted_primary_key
    assert key
    return int(key[0])


def official(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(OPERATOR) as work:
        values = {"system_id": 1, "duty": "affirming_official", "requirement": "", "user_id": actor.id}
        work.db.execute(insert(assignments).values(**values, title="President", assigned_at=work.now))


def affirm(tracker: Tracker, actor: Actor, on: date = TODAY) -> None:
    with tracker.write(actor) as work:
        statuses.affirm(work, actor.systems["main"], AffirmationGiven(on, None))


# Recording


def test_nothing_is_recorded_at_first(tracker: Tracker, bo: Actor) -> None:
    assert stands(tracker, bo) == (Stage.NONE, "No CMMC Status")


def test_a_final_status_rests_on_its_package_and_lapses_without_an_affirmation(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    assert stands(tracker, bo) == (Stage.FINAL, "Final Level 2 (Self)")
    clock.forward(days=1)
    assert stands(tracker, bo)[0] is Stage.LAPSED
    official(tracker, bo)
    affirm(tracker, bo)
    assert stands(tracker, bo) == (Stage.FINAL, "Final Level 2 (Self)")


def test_what_is_found_afterwards_changes_no_record(tracker: Tracker, bo: Actor) -> None:
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    find(tracker, "not_met", BARRED)
    assert stands(tracker, bo) == (Stage.FINAL, "Final Level 2 (Self)")
    with tracker.read(bo) as work:
        brief = statuses.briefing(work, bo.systems["main"])
        assert statuses.of(work, bo.systems["main"]).latest.score == 110  # type: ignore[union-attr]
    assert any("AC.L2-3.1.5[a]: MET then, NOT MET now" in one for one in brief.drift)
    assert "No CMMC Status" in brief.text


@pytest.mark.parametrize("act", [Act.RECORD_FINAL, Act.RECORD_CONDITIONAL])
def test_a_package_that_does_not_support_a_status_carries_none(tracker: Tracker, bo: Actor, act: Act) -> None:
    find(tracker, "not_met", BARRED)
    with pytest.raises(Conflict, match="supports No CMMC Status") as refused:
        record(tracker, bo, act, freeze(tracker, bo))
    assert (refused.value.clause or "").startswith("32 CFR 170.2")


def test_a_conditional_status_freezes_the_list_of_its_items_and_expires_on_the_181st_day(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    find(tracker, "not_met", WAITS)
    number = item(tracker, WAITS)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    with tracker.read(bo) as work:
        assert statuses.of(work, bo.systems["main"]).latest.items == (number,)  # type: ignore[union-attr]
    clock.forward(days=180)
    assert stands(tracker, bo)[0] is Stage.CONDITIONAL
    clock.forward(days=1)
    assert stands(tracker, bo) == (Stage.EXPIRED, "No CMMC Status")
    find(tracker, "met")
    with pytest.raises(Conflict, match="180 days are over"):
        record(tracker, bo, Act.CLOSE_OUT, freeze(tracker, bo), TODAY + timedelta(days=181))


def test_a_closeout_wants_every_item_closed_and_starts_no_new_three_years(tracker: Tracker, bo: Actor) -> None:
    find(tracker, "not_met", WAITS)
    number = item(tracker, WAITS)
    began = TODAY - timedelta(days=30)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo), began)
    find(tracker, "met")
    package = freeze(tracker, bo, Purpose.CLOSEOUT)
    with pytest.raises(Conflict, match=f"Items {number} of the POA&M are still open"):
        record(tracker, bo, Act.CLOSE_OUT, package)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(plan_items).values(status="closed"))
    record(tracker, bo, Act.CLOSE_OUT, package)
    with tracker.read(bo) as work:
        found = statuses.of(work, bo.systems["main"])
    assert found.latest.recorded.first_status_on == began  # type: ignore[union-attr]
    assert found.standing.stage is Stage.FINAL
    assert found.standing.valid_until.year == began.year + 3  # type: ignore[union-attr]


def test_170_21_a_a_conditional_status_without_an_item_for_what_is_not_met_is_refused(
    tracker: Tracker, bo: Actor
) -> None:
    find(tracker, "not_met", WAITS, "AU.L2-3.3.3")
    item(tracker, "AU.L2-3.3.3")
    item(tracker, WAITS, "closed")  # a closed item plans nothing
    package = freeze(tracker, bo)
    with pytest.raises(
        Conflict, match=r"AC\.L2-3\.1\.3 is NOT MET in the package of record and has no item"
    ) as refused:
        record(tracker, bo, Act.RECORD_CONDITIONAL, package)
    assert refused.value.clause == "32 CFR 170.21(a)"
    item(tracker, WAITS)
    with pytest.raises(Conflict, match=r"frozen before AC\.L2-3\.1\.3 stood on the POA&M"):
        record(tracker, bo, Act.RECORD_CONDITIONAL, package)
    assert stands(tracker, bo)[0] is Stage.NONE
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    assert stands(tracker, bo)[0] is Stage.CONDITIONAL


def test_170_21_a_where_nothing_is_not_met_no_conditional_status_is_recorded(tracker: Tracker, bo: Actor) -> None:
    with pytest.raises(Conflict, match=r"supports Final Level 2 \(Self\)") as refused:
        record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    assert refused.value.clause == "32 CFR 170.21(a)"
    assert stands(tracker, bo)[0] is Stage.NONE


def _about_to_close_out(tracker: Tracker, bo: Actor) -> int:
    """Bo is the affirming official of a Conditional status, and all is mended; returns the package."""
    official(tracker, bo)
    waits(tracker)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    mended(tracker)
    return freeze(tracker, bo, Purpose.CLOSEOUT)


def _last_told(tracker: Tracker) -> dict[str, Any]:
    query = select(audit.c.detail).where(audit.c.action == "status:recorded").order_by(audit.c.id.desc()).limit(1)
    with tracker.read() as work:
        found: dict[str, Any] = json.loads(work.db.execute(query).scalar_one())
    return found


def test_a_closeout_has_two_people_who_records_it_and_who_affirms_it(tracker: Tracker, bo: Actor) -> None:
    package = _about_to_close_out(tracker, bo)
    cy = somebody(tracker, "cy", may_approve=True)
    with pytest.raises(Conflict, match="somebody else who may approve"):
        record(tracker, bo, Act.CLOSE_OUT, package)
    record(tracker, cy, Act.CLOSE_OUT, package)
    assert _last_told(tracker)["same_person"] is False
    affirm(tracker, bo)
    assert stands(tracker, bo)[0] is Stage.FINAL


@pytest.mark.parametrize("setting", [False, True])
def test_a_closeout_by_who_affirms_it_shows_where_nobody_else_may_or_a_setting_lets_them(
    tracker: Tracker, bo: Actor, setting: bool
) -> None:
    package = _about_to_close_out(tracker, bo)
    if setting:
        somebody(tracker, "cy", may_approve=True)
        switch(tracker, approve_own=True)
    record(tracker, bo, Act.CLOSE_OUT, package)
    assert _last_told(tracker)["same_person"] is True


def test_a_conditional_status_is_not_renewed_by_another(tracker: Tracker, bo: Actor) -> None:
    waits(tracker)
    package = freeze(tracker, bo)
    record(tracker, bo, Act.RECORD_CONDITIONAL, package)
    with pytest.raises(Conflict, match="cannot be extended"):
        record(tracker, bo, Act.RECORD_CONDITIONAL, package)


def test_a_day_before_the_last_record_is_refused(tracker: Tracker, bo: Actor) -> None:
    package = freeze(tracker, bo)
    record(tracker, bo, Act.RECORD_FINAL, package)
    with pytest.raises(Invalid) as refused:
        record(tracker, bo, Act.RECORD_FINAL, package, TODAY - timedelta(days=1))
    assert list(refused.value.fields) == ["status_on"]


def test_a_package_of_another_system_is_none_here(tracker: Tracker, bo: Actor) -> None:
    other_system(tracker, bo.id)
    bo = acting(tracker, bo.id or 0, "bo")
    asked = Asked("Other", Purpose.FINAL, "As it is.", releasable=False)
    foreign = packages.freeze(tracker, bo, "", bo.systems["lab"], asked).id
    with pytest.raises(Invalid) as refused:
        record(tracker, bo, Act.RECORD_FINAL, foreign)
    assert list(refused.value.fields) == ["package"]


def test_who_may_not_approve_records_nothing(tracker: Tracker, bo: Actor) -> None:
    cal = somebody(tracker, "cal")
    package = freeze(tracker, cal)
    with pytest.raises(Forbidden):
        record(tracker, cal, Act.RECORD_FINAL, package)


def test_what_the_package_of_record_holds_is_kept_from_the_status_date(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Policy", ("policy.txt", b"what we do"), FIRST)
    package = freeze(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(pins).values(until=date(2027, 1, 1)))
    record(tracker, bo, Act.RECORD_FINAL, package)
    with tracker.read(bo) as work:
        kept = packages.one(work, bo.systems["main"], package).retained_until
        assert kept.year == TODAY.year + 6
        assert [row.until for row in work.rows(select(pins))] == [kept]


# Wrong sequences


def of_kind(tracker: Tracker, actor: Actor, act: Act, kind: AssessmentKind, package: int, on: date = TODAY) -> None:
    given = StatusGiven(act, kind, on, "S200001", "", "The enclave", package)
    with tracker.write(actor) as work:
        statuses.record(work, actor.systems["main"], given)


def test_170_21_b_a_conditional_status_is_closed_out_by_its_own_kind_of_assessment(tracker: Tracker, bo: Actor) -> None:
    waits(tracker)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    mended(tracker)
    package = freeze(tracker, bo, Purpose.CLOSEOUT)
    with pytest.raises(Conflict, match="closed out by an assessment of that kind") as refused:
        of_kind(tracker, bo, Act.CLOSE_OUT, AssessmentKind.LEVEL_2_C3PAO, package)
    assert refused.value.clause == "32 CFR 170.21(b)"
    of_kind(tracker, bo, Act.CLOSE_OUT, AssessmentKind.LEVEL_2_SELF, package)


def test_a_closeout_does_not_rest_on_a_package_from_before_its_conditional_status(tracker: Tracker, bo: Actor) -> None:
    old = freeze(tracker, bo)  # everything was MET once
    waits(tracker)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    for act in (Act.CLOSE_OUT, Act.RECORD_FINAL):
        with pytest.raises(Conflict, match="older than package 2"):
            record(tracker, bo, act, old)


@pytest.mark.parametrize("act", [Act.RECORD_CONDITIONAL, Act.RECORD_FINAL])
def test_what_has_run_out_is_not_recorded_again_on_the_package_that_it_rested_on(
    tracker: Tracker, bo: Actor, clock: Clock, act: Act
) -> None:
    if act is Act.RECORD_CONDITIONAL:
        waits(tracker)
    package = freeze(tracker, bo)
    record(tracker, bo, act, package)
    clock.forward(days=200)  # not closed out, or not affirmed
    later = TODAY + timedelta(days=200)
    with pytest.raises(Conflict, match="a new assessment"):
        record(tracker, bo, act, package, later)
    record(tracker, bo, act, freeze(tracker, bo), later)


def test_an_item_is_not_taken_away_while_a_status_that_names_it_is_recorded(tracker: Tracker, bo: Actor) -> None:
    find(tracker, "not_met", WAITS)
    number, package = item(tracker, WAITS), freeze(tracker, bo)
    said: list[str] = []

    def take_away() -> None:
        try:
            with tracker.write(bo) as work:
                keeping.remove(work, bo.systems["main"], number, None)
        except Conflict as error:
            said.append(error.message)

    given = StatusGiven(Act.RECORD_CONDITIONAL, AssessmentKind.LEVEL_2_SELF, TODAY, "", "", "", package)
    thread = threading.Thread(target=take_away)
    with tracker.write(bo) as work:
        statuses.record(work, bo.systems["main"], given)
        thread.start()
        time.sleep(0.4)  # to come to where it must wait
    thread.join(20)
    assert ["frozen since that day" in one for one in said] == [True]


def test_a_new_assessment_after_a_status_of_long_ago_is_kept_for_six_years(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Policy", ("policy.txt", b"what we do"), FIRST)
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(recorded_statuses).values(status_on=TODAY - timedelta(days=7 * 366)))
    package = freeze(tracker, bo)
    with tracker.read(bo) as work:
        assert packages.one(work, bo.systems["main"], package).retained_until.year == TODAY.year + 6


def test_170_21_b_a_conditional_status_that_expired_is_not_extended_by_a_day_within_it(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    waits(tracker)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    clock.forward(days=200)
    with pytest.raises(Conflict, match="cannot be extended"):
        record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo), TODAY + timedelta(days=100))


def test_170_21_b_a_closeout_in_time_is_recorded_late_on_a_package_that_was_frozen_in_time(
    tracker: Tracker, bo: Actor, clock: Clock
) -> None:
    waits(tracker)
    record(tracker, bo, Act.RECORD_CONDITIONAL, freeze(tracker, bo))
    mended(tracker)
    clock.forward(days=170)
    package, posted = freeze(tracker, bo, Purpose.CLOSEOUT), TODAY + timedelta(days=170)
    clock.forward(days=15)
    with pytest.raises(Conflict, match="frozen after"):
        record(tracker, bo, Act.CLOSE_OUT, freeze(tracker, bo, Purpose.CLOSEOUT), posted)
    record(tracker, bo, Act.CLOSE_OUT, package, posted)
    with tracker.read(bo) as work:
        assert statuses.of(work, bo.systems["main"]).latest.recorded.stage is Stage.FINAL  # type: ignore[union-attr]


# Affirming


def test_only_the_person_named_as_affirming_official_affirms(tracker: Tracker, bo: Actor) -> None:
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    with pytest.raises(Forbidden, match="nobody is named"):
        affirm(tracker, bo)
    official(tracker, somebody(tracker, "cal"))
    with pytest.raises(Forbidden, match="that is cal"):
        affirm(tracker, bo)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(assignments).values(user_id=bo.id))
    with pytest.raises(Forbidden, match="of our own organization"):
        affirm(tracker, replace(bo, organization=Organization.PROVIDER))


def test_an_affirmation_keeps_who_what_and_the_page_that_was_read(tracker: Tracker, bo: Actor) -> None:
    official(tracker, bo)
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    affirm(tracker, bo)
    with tracker.read(bo) as work:
        (one,) = statuses.of(work, bo.systems["main"]).latest.affirmations  # type: ignore[union-attr]
    assert (one.name, one.title, one.score, one.affirmed_on) == ("bo", "President", 110, TODAY)
    assert "Found now: 110 of 110" in one.briefing
    assert "- MET without evidence: AC.L2-3.1.1[a], AC.L2-3.1.1[b]" in one.briefing


def test_there_is_nothing_to_affirm_without_a_status(tracker: Tracker, bo: Actor) -> None:
    official(tracker, bo)
    with pytest.raises(Conflict):
        affirm(tracker, bo)


def test_an_affirmation_before_its_status_is_refused(tracker: Tracker, bo: Actor) -> None:
    official(tracker, bo)
    record(tracker, bo, Act.RECORD_FINAL, freeze(tracker, bo))
    with pytest.raises(Invalid):
        affirm(tracker, bo, TODAY - timedelta(days=1))


# What is typed

GOOD = {"act": "record_final", "kind": "level_2_self", "status_on": TODAY.isoformat(), "package": "1"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"act": "affirm"}, "act"),
        ({"act": ""}, "act"),
        ({"kind": "level_1_self"}, "kind"),
        ({"status_on": ""}, "status_on"),
        ({"status_on": "2026-02-30"}, "status_on"),
        ({"status_on": (TODAY + timedelta(days=1)).isoformat()}, "status_on"),
        ({"status_on": "2024-12-15"}, "status_on"),
        ({"uid": "x" * 41}, "uid"),
        ({"assessor": "x" * 201}, "assessor"),
        ({"scope": "x" * 4_001}, "scope"),
        ({"package": "one"}, "package"),
        ({"package": "-1"}, "package"),
    ],
)
def test_a_record_that_is_typed_wrongly_is_named(wrong: dict[str, Any], field: str) -> None:
    assert StatusGiven.parse(GOOD, 2, TODAY).package == 1
    with pytest.raises(Invalid) as refused:
        StatusGiven.parse({**GOOD, **wrong}, 2, TODAY)
    assert list(refused.value.fields) == [field]


def test_an_affirmation_is_only_recorded_by_who_says_that_it_was_submitted() -> None:
    with pytest.raises(Invalid) as refused:
        AffirmationGiven.parse({"affirmed_on": TODAY.isoformat()}, TODAY)
    assert list(refused.value.fields) == ["submitted"]
