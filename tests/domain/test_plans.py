"""Items of both plans: where one may stand, what it says, when it may be closed. Each rule with its clause."""

from datetime import date
from typing import Any

import pytest

from cmmc_tracker.domain import plans
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Eligibility, load
from cmmc_tracker.domain.plans import Closing, ItemKind, ItemStatus, Plan, parse
from cmmc_tracker.errors import Conflict, Invalid

CATALOG = load(2)
MET, NOT_MET, NA, OPEN = Status.MET, Status.NOT_MET, Status.NOT_APPLICABLE, Status.NOT_ASSESSED


def item(requirement: str = "AC.L2-3.1.3", **more: Any) -> Plan:
    return parse({"requirement": requirement, "weakness": "Flows are not controlled.", **more})


def place(plan: Plan, status: Status = NOT_MET, *, partial: bool = False, excepted: bool = False) -> None:
    plans.check_placement(plan, CATALOG.requirement(plan.requirement), status, partial=partial, excepted=excepted)


@pytest.mark.parametrize("requirement", CATALOG.requirements, ids=lambda r: r.nist_id)
def test_170_21_a_2_each_requirement_may_or_may_not_stand_on_a_poam(requirement: Any) -> None:
    plan = item(requirement.id)
    if requirement.poam is Eligibility.ALLOWED:
        place(plan)
        return
    with pytest.raises(Conflict) as refused:
        place(plan)
    assert (refused.value.clause or "").startswith("32 CFR 170.21(a)(2)")
    assert "operational plan" in refused.value.message
    place(item(requirement.id, operational=True))  # what the rule forbids there, the other plan takes


def test_170_21_a_2_ii_3_13_11_may_stand_there_only_while_encryption_is_employed() -> None:
    place(item("SC.L2-3.13.11"), partial=True)
    with pytest.raises(Conflict):
        place(item("SC.L2-3.13.11"), partial=False)
    with pytest.raises(Conflict):
        place(item("IA.L2-3.5.3"), partial=True)  # its partial value is 3, and that is more than 1


@pytest.mark.parametrize("status", [MET, NA, OPEN])
def test_170_21_a_only_what_is_not_met_stands_on_a_poam(status: Status) -> None:
    with pytest.raises(Conflict, match="is for a requirement that is NOT MET"):
        place(item(), status)


def test_170_24_b_1_ii_a_temporary_deficiency_has_its_plan_though_it_is_met() -> None:
    place(item(operational=True), MET, excepted=True)
    with pytest.raises(Conflict, match="nothing to plan"):
        place(item(operational=True), MET)


def test_an_item_says_what_it_was_told() -> None:
    steps = [{"text": "Buy a firewall", "due_on": "2027-01-31", "owner": "Bo"}, {"text": "Set it up"}]
    plan = item("3.1.3", planned_completion="2027-02-28", milestones=steps, resources="2,000 USD", owner="Ada")
    assert (plan.requirement, plan.kind, plan.owner) == ("AC.L2-3.1.3", ItemKind.POAM, "Ada")
    assert plan.planned_completion == date(2027, 2, 28)
    assert [(m.text, m.due_on, m.owner) for m in plan.milestones] == [
        ("Buy a firewall", date(2027, 1, 31), "Bo"),
        ("Set it up", None, ""),
    ]


def test_what_is_not_given_again_stays_and_the_requirement_stays_for_good() -> None:
    before = item(planned_completion="2027-02-28", milestones=[{"text": "One"}])
    after = parse({"weakness": "Less of it.", "requirement": "AC.L2-3.1.5"}, before)
    assert (after.weakness, after.requirement) == ("Less of it.", "AC.L2-3.1.3")
    assert (after.planned_completion, after.milestones) == (before.planned_completion, before.milestones)
    moved = parse({"operational": True}, before)
    assert (moved.kind, moved.weakness) == (ItemKind.OPERATIONAL, before.weakness)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requirement", "AC.L2-3.1.99"),
        ("requirement", None),
        ("weakness", " "),
        ("weakness", "x" * 5_001),
        ("planned_completion", "2027-02-30"),
        ("planned_completion", "9999-01-01"),
        ("milestones", "soon"),
        ("milestones", [{"text": ""}]),
        ("milestones", [{"text": "a", "due_on": "tomorrow"}]),
        ("milestones", [{"text": "a"}] * 51),
        ("operational", "yes"),
        ("owner", 7),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        item(**{field: value}) if field != "requirement" else item(value)
    assert set(refused.value.fields) == {field}


@pytest.mark.parametrize(("done", "taken"), [("2026-11-28", True), ("2026-11-29", False), ("2024-02-29", True)])
def test_no_step_was_done_on_a_day_that_is_still_to_come(done: str, taken: bool) -> None:
    given = {"requirement": "3.1.3", "weakness": "w", "milestones": [{"text": "a"}, {"text": "b", "done_on": done}]}
    today = date(2026, 11, 28)
    if taken:
        assert plans.parse(given, today=today).milestones[1].done_on == date.fromisoformat(done)
        return
    with pytest.raises(Invalid) as refused:
        plans.parse(given, today=today)
    assert refused.value.fields == {
        "milestones": "Milestone 2: It cannot have been done on a day that is still to come."
    }


@pytest.mark.parametrize("day", ["1989-12-31", "2027-02-29", "2100-01-02", "29.2.2028"])
def test_a_day_that_cannot_be_is_refused_wherever_an_item_has_one(day: str) -> None:
    for given in ({"planned_completion": day}, {"milestones": [{"text": "a", "due_on": day}]}):
        with pytest.raises(Invalid):
            item(**given)


def test_an_item_that_was_to_be_done_before_its_assessment_is_taken_and_late_at_once() -> None:
    assert plans.overdue(item(planned_completion="2020-01-01"), ItemStatus.OPEN, date(2026, 11, 28))


def closing(*statuses: Status, unproven: tuple[str, ...] = (), own: bool = False, alone: bool = False) -> Closing:
    return Closing(statuses, unproven, own, alone)


def test_170_21_b_an_item_closes_when_every_objective_is_met_with_evidence_and_by_a_second_person() -> None:
    plans.check_closing(closing(MET, NA))
    for refused, said in (
        (closing(MET, NOT_MET, OPEN), "2 objectives are not MET"),
        (closing(MET, unproven=("a",)), r"\[a\] have no approved evidence"),
        (closing(MET, own=True), "somebody else must close it"),
    ):
        with pytest.raises(Conflict, match=said):
            plans.check_closing(refused)
    plans.check_closing(closing(MET, own=True, alone=True))


def test_what_is_late_is_told_by_its_day_and_nothing_is_late_once_closed() -> None:
    plan = item(planned_completion="2026-11-27", milestones=[{"text": "Buy", "due_on": "2026-11-20"}])
    today = date(2026, 11, 28)
    assert plans.overdue(plan, ItemStatus.OPEN, today) == [
        "It was to be done by 27 Nov 2026.",
        "“Buy” was due on 20 Nov 2026.",
    ]
    assert plans.overdue(plan, ItemStatus.OPEN, date(2026, 11, 20)) == []
    assert plans.overdue(plan, ItemStatus.CLOSED, today) == []


def test_170_21_b_a_plan_beyond_the_last_day_is_told() -> None:
    last = date(2027, 5, 1)
    assert plans.beyond(item(planned_completion="2027-05-02"), last)
    assert not plans.beyond(item(planned_completion="2027-05-01"), last)
    assert not plans.beyond(item(planned_completion="2027-05-02", operational=True), last)
    assert not plans.beyond(item(planned_completion="2027-05-02"), None)
