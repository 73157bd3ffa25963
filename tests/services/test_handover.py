"""Handing all open duties of a person to another one."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import accounts, artifact_list, duties, handover, members, remarks, reviews, systems
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.plans import keeping
from cmmc_tracker.services.plans import reading as plan_reading
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, assignments, audit, findings, memberships, plan_items, users
from tests.conftest import OPERATOR, Clock
from tests.services.asked import TODAY, ask, look, now_is
from tests.services.evidence import FIRST, acting, give, made, other_system, seen, somebody, switch


@pytest.fixture
def cal(tracker: Tracker, clock: Clock) -> Actor:
    """Cal leaves."""
    now_is(clock, TODAY)
    return somebody(tracker, "cal")


@pytest.fixture
def eva(tracker: Tracker, cal: Actor) -> Actor:
    """Eva takes over."""
    return somebody(tracker, "eva")


def _own(tracker: Tracker, giver: Actor, to: str) -> handover.HandedOver:
    with tracker.write(giver) as work:
        return handover.hand_over_own(work, to)


def _count(tracker: Tracker, *ids: int | None) -> list[int]:
    with tracker.read() as work:
        found = handover.open_duties(work, [one for one in ids if one])
        return [found[one] for one in ids if one]


def _busy(tracker: Tracker, cal: Actor) -> tuple[int, int, int]:
    """One duty of each kind: evidence owned, evidence reviewed, a request, a question."""
    bo = somebody(tracker, "bo")
    owned = made(tracker, bo, title="owned by cal", owner="cal")
    reviewed = made(tracker, bo, title="reviewed", reviewer="cal")
    asked = ask(tracker, bo, person="cal")
    with tracker.write(bo) as work:
        remarks.write_on_objective(work, bo.systems["main"], FIRST, "Where is the plan?", "cal")
    return owned, reviewed, asked


def test_everything_open_goes_at_once_and_the_receiver_finds_it(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    owned, reviewed, asked = _busy(tracker, cal)
    assert _count(tracker, cal.id, eva.id) == [4, 0]
    done = _own(tracker, cal, "eva")
    assert (sum(done.went.values()), done.stayed) == (4, [])
    assert done.said == ("Handed over to eva: evidence to keep fresh: 1, reviews: 1, requests: 1, questions: 1.")
    assert _count(tracker, cal.id, eva.id) == [0, 4]
    assert (seen(tracker, eva, owned).owner, seen(tracker, eva, reviewed).reviewer) == ("eva", "eva")
    assert look(tracker, eva, asked).person == "eva"
    with tracker.read(eva) as work:
        assert [one.text for one in duties.questions(work)] == ["Where is the plan?"]
        assert [one.id for one in reading.mine(work)] == [asked]
        assert [one.id for one in artifact_list.page(work, ArtifactFilter(text="eva"))[0]] == [reviewed, owned]


def test_what_is_done_already_stays_with_who_did_it(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    artifact = made(tracker, cal, owner="cal")
    with tracker.write(cal) as work:
        reviews.decide(work, artifact, Verdict.parse("retire", "", None))
    assert _own(tracker, cal, "eva").said == "Nothing was handed over."
    assert seen(tracker, cal, artifact).owner == "cal"


def test_again_hands_nothing_over(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    _busy(tracker, cal)
    _own(tracker, cal, "eva")
    assert not _own(tracker, cal, "eva").went


def test_nothing_goes_where_the_receiver_does_not_work_and_what_stays_is_told(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    other_system(tracker, cal.id)
    cal = acting(tracker, cal.id or 0, "cal")
    made(tracker, cal, owner="cal")
    with tracker.write(cal) as work:
        remarks.write_on_objective(work, cal.systems["lab"], FIRST, "And here?", "cal")
    done = _own(tracker, cal, "eva")
    assert done.went == {"owned": 1}
    assert done.stayed == ["1 duty stays in Lab: eva does not work there, or may only look."]
    ada = Actor(None, "ada", OPERATOR.role, {})
    with tracker.write(ada) as work:
        told = handover.hand_over_of(work, cal.id or 0, "eva")
    assert told.stayed == ["1 duty stays in another system: eva does not work there, or may only look."]


def test_who_may_only_look_gets_reviews_and_questions_but_no_evidence_to_bring(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _busy(tracker, cal)
    give(tracker, eva.id or 0, may_contribute=False)
    done = _own(tracker, cal, "eva")
    assert done.went == {"reviewed": 1, "questions": 1}
    assert _count(tracker, cal.id) == [2]


def test_a_review_does_not_go_to_who_sent_what_is_to_be_reviewed(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    switch(tracker, review_required=True)
    artifact = made(tracker, eva, reviewer="cal")
    with tracker.write(eva) as work:
        reviews.decide(work, artifact, Verdict.parse("submit", "", None))
    done = _own(tracker, cal, "eva")
    assert done.stayed == [f"Artifact {artifact} stays: eva sent what is to be reviewed."]
    assert seen(tracker, cal, artifact).reviewer == "cal"


@pytest.mark.parametrize("to", ["", "nobody", "cal", "dis"])
def test_a_receiver_must_be_somebody_else_who_can_sign_in(tracker: Tracker, cal: Actor, eva: Actor, to: str) -> None:
    gone = somebody(tracker, "dis")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, gone.id or 0)
    with pytest.raises(Invalid) as caught:
        _own(tracker, cal, to)
    assert list(caught.value.fields) == ["to"]


def test_an_administrator_hands_over_for_somebody_who_is_disabled_and_nobody_else_does(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _, _, asked = _busy(tracker, cal)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, cal.id or 0)
    assert look(tracker, eva, asked).stuck
    with tracker.write(eva) as work, pytest.raises(Forbidden):
        handover.hand_over_of(work, cal.id or 0, "eva")
    with tracker.write(OPERATOR) as work, pytest.raises(NotFound):
        handover.hand_over_of(work, 999, "eva")
    with tracker.write(OPERATOR) as work:
        assert sum(handover.hand_over_of(work, cal.id or 0, "eva").went.values()) == 4
    assert look(tracker, eva, asked).stuck == ""


def test_the_log_says_who_gave_what_to_whom(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    owned, _, asked = _busy(tracker, cal)
    _own(tracker, cal, "eva")
    with tracker.read() as work:
        row = work.row(select(audit).where(audit.c.action == "duties:handed_over"))
        edits = work.rows(select(audit).where(audit.c.entity == f"artifact:{owned}").order_by(audit.c.id))
        assert work.row(select(artifacts.c.version).where(artifacts.c.id == owned)).version == 2
        assert members.names(work, {cal.id})
    assert row.entity == f"user:{cal.id}"
    assert f'"asked":[{asked}]' in row.detail
    assert '"from":"cal"' in row.detail
    assert '"to":"eva"' in row.detail
    assert edits[-1].action == "artifact:edited"


# Assignments, and what is shown before


def _assigned(tracker: Tracker, who: Actor, *assignments_: tuple[str, str]) -> None:
    """Duties of requirements, and that of the affirming official."""
    with tracker.write(OPERATOR) as work:
        for duty, requirement in assignments_:
            title = "President" if duty == "affirming_official" else ""
            values = {"system_id": 1, "duty": duty, "requirement": requirement, "user_id": who.id, "title": title}
            work.db.execute(insert(assignments).values(**values, contact="12", assigned_at=work.now))


def _held(tracker: Tracker, who: Actor) -> list[tuple[str, str, str, str]]:
    with tracker.read() as work:
        query = select(assignments).where(assignments.c.user_id == who.id)
        rows = work.rows(query.order_by(assignments.c.duty, assignments.c.requirement))
    return [(row.duty, row.requirement, row.title, row.contact) for row in rows]


ASSIGNED = (("owner", "AC.L2-3.1.1"), ("owner", "AC.L2-3.1.2"), ("reviewer", "AC.L2-3.1.1"))


def test_requirements_that_somebody_answers_for_go_along_with_one_entry_for_each_duty(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _assigned(tracker, cal, *ASSIGNED)
    assert _count(tracker, cal.id, eva.id) == [3, 0]
    assert _own(tracker, cal, "eva").said == "Handed over to eva: requirements owned: 2, requirements reviewed: 1."
    assert [(duty, requirement) for duty, requirement, *_ in _held(tracker, eva)] == list(ASSIGNED)
    assert _held(tracker, cal) == []
    with tracker.read() as work:
        query = select(audit).where(audit.c.action == "assignment:made").order_by(audit.c.id)
        told = [json.loads(row.detail) for row in work.rows(query)]
    assert [(one["duty"], one["requirements"]) for one in told] == [
        ("owner", ["AC.L2-3.1.1", "AC.L2-3.1.2"]),
        ("reviewer", ["AC.L2-3.1.1"]),
    ]
    assert told[0]["before"] == {"AC.L2-3.1.1": "cal", "AC.L2-3.1.2": "cal"}
    assert told[0]["after"]["person"] == "eva"


def _of(tracker: Tracker, who: Actor, organization: str) -> None:
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(users).where(users.c.id == who.id).values(organization=organization))


def test_170_4_the_affirming_official_is_handed_on_with_a_title_by_who_may_name_one(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _assigned(tracker, cal, ("affirming_official", ""))
    done = _own(tracker, cal, "eva")
    assert done.stayed == ["The affirming official of Main enclave stays: who may approve there names the next one."]
    give(tracker, cal.id or 0, may_approve=True)
    cal = acting(tracker, cal.id or 0, "cal")
    done = _own(tracker, cal, "eva")
    assert done.stayed == ["The affirming official of Main enclave stays: give the title of eva to hand that over."]
    assert _held(tracker, cal) == [("affirming_official", "", "President", "12")]
    with tracker.write(cal) as work, pytest.raises(Invalid) as caught:
        handover.hand_over_own(work, "eva", title="x" * 201)
    assert list(caught.value.fields) == ["title"]
    _of(tracker, eva, "provider")
    with tracker.write(cal) as work:
        stayed = handover.hand_over_own(work, "eva", title="Owner").stayed
    assert stayed == ["The affirming official of Main enclave stays: eva is not of our own organization."]
    _of(tracker, eva, "ours")
    with tracker.write(cal) as work:
        assert handover.hand_over_own(work, "eva", title=" Owner ").said == "Handed over to eva: affirming official: 1."
    assert _held(tracker, eva) == [("affirming_official", "", "Owner", "")], "how to reach cal is not how to reach eva"


def test_an_administrator_who_is_no_member_hands_no_authority_on(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    _assigned(tracker, cal, *ASSIGNED, ("affirming_official", ""))
    with tracker.write(OPERATOR) as work:
        done = handover.hand_over_of(work, cal.id or 0, "eva", title="Owner")
    assert done.stayed == ["The affirming official of another system stays: who may approve there names the next one."]
    assert [duty for duty, *_ in _held(tracker, cal)] == ["affirming_official"]
    assert len(_held(tracker, eva)) == 3


def test_assignments_go_to_nobody_who_is_no_member(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    _assigned(tracker, cal, *ASSIGNED)
    with tracker.write(OPERATOR) as work:
        work.db.execute(delete(memberships).where(memberships.c.user_id == eva.id))
    done = _own(tracker, cal, "eva")
    assert done.stayed == ["3 duties stay in Main enclave: eva does not work there, or may only look."]
    assert _held(tracker, eva) == []


def test_what_is_shown_before_is_what_goes_and_showing_changes_nothing(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _busy(tracker, cal)
    _assigned(tracker, cal, *ASSIGNED)
    with tracker.read(cal) as work:
        shown = handover.preview_own(work, "eva")
    assert shown.goes == {
        "owned": ["owned by cal"],
        "reviewed": ["reviewed"],
        "asked": ["AC.L2-3.1.1[a]"],
        "questions": ["Where is the plan?"],
        "owner": ["AC.L2-3.1.1", "AC.L2-3.1.2"],
        "reviewer": ["AC.L2-3.1.1"],
    }
    assert (shown.giver, shown.receiver, shown.elsewhere, shown.asks_title) == ("cal", "eva", 0, False)
    assert _count(tracker, cal.id, eva.id) == [7, 0]
    with tracker.write(cal) as work:
        done = handover.hand_over_own(work, "eva", seen=shown.version)
    assert {kind: len(names) for kind, names in shown.goes.items()} == done.went


def test_what_changed_since_it_was_shown_is_not_handed_over(tracker: Tracker, cal: Actor, eva: Actor) -> None:
    _assigned(tracker, cal, ASSIGNED[0])
    with tracker.read(cal) as work:
        shown = handover.preview_own(work, "eva")
    _assigned(tracker, cal, ASSIGNED[1])
    with pytest.raises(Stale), tracker.write(cal) as work:
        handover.hand_over_own(work, "eva", seen=shown.version)
    assert len(_held(tracker, cal)) == 2


def test_an_administrator_is_shown_no_names_of_systems_that_they_are_no_member_of(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _busy(tracker, cal)
    _assigned(tracker, cal, *ASSIGNED)
    with tracker.read(OPERATOR) as work:
        shown = handover.preview_of(work, cal.id or 0, "eva")
    assert (shown.elsewhere, [name for names in shown.goes.values() for name in names]) == (7, [])
    with tracker.read(eva) as work, pytest.raises(Forbidden):
        handover.preview_of(work, cal.id or 0, "eva")
    with tracker.read(OPERATOR) as work, pytest.raises(NotFound):
        handover.preview_of(work, 999, "eva")


def _planned(tracker: Tracker, owner: str, *steps: tuple[str, str, str]) -> int:
    """An item of a requirement that is NOT MET; a step is its text, its owner, and when it was done."""
    milestones = [{"text": text, "owner": who, "done_on": done} for text, who, done in steps]
    given = {"requirement": "3.1.3", "weakness": "Flows are open.", "owner": owner, "milestones": milestones}
    with tracker.write(OPERATOR) as work:
        main = systems.all_of(work)["main"]
        work.db.execute(update(findings).where(findings.c.requirement == "AC.L2-3.1.3").values(status="not_met"))
    with tracker.write(replace(OPERATOR, systems={"main": main})) as work:
        return keeping.add(work, main, given)


def test_items_of_the_plans_that_name_the_account_go_along_with_their_steps_that_are_not_done(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    steps = (("Look", "CAL", "2026-01-02"), ("Mend", "cal", ""), ("Test", "Mr Smith of Acme", ""))
    owned, helped = _planned(tracker, "Cal", *steps), _planned(tracker, "Mr Smith of Acme", ("Order", "cal", ""))
    other = _planned(tracker, "Mr Smith of Acme")
    assert _count(tracker, cal.id, eva.id) == [2, 0]
    with tracker.read(cal) as work:
        shown = handover.preview_own(work, "eva")
    assert shown.goes == {"items": ["AC.L2-3.1.3: Flows are open.", "AC.L2-3.1.3: Flows are open."]}
    assert _own(tracker, cal, "eva").said == "Handed over to eva: items of the plans: 2."
    assert _count(tracker, cal.id, eva.id) == [0, 2]
    with tracker.read(eva) as work:
        found = {one.id: one.plan for one in plan_reading.register(work, eva.systems["main"]).items}
        history = plan_reading.detail(work, eva.systems["main"], owned).history
    assert (found[owned].owner, [one.owner for one in found[owned].milestones]) == (
        "eva",
        ["CAL", "eva", "Mr Smith of Acme"],
    )
    assert (found[helped].owner, [one.owner for one in found[helped].milestones]) == ("Mr Smith of Acme", ["eva"])
    assert found[other].owner == "Mr Smith of Acme"
    assert (history[0].actor, history[0].action) == ("cal", "poam_item:edited")


def test_items_stay_where_the_receiver_may_only_look_and_closed_ones_with_who_did_them(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    closed = _planned(tracker, "cal")
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(plan_items).where(plan_items.c.id == closed).values(status="closed"))
    assert _own(tracker, cal, "eva").said == "Nothing was handed over."
    _planned(tracker, "cal")
    give(tracker, eva.id or 0, may_contribute=False)
    assert _own(tracker, cal, "eva").stayed == [
        "1 duty stays in Main enclave: eva does not work there, or may only look."
    ]


def test_a_name_in_the_plans_of_a_system_that_one_never_worked_in_is_somebody_else(
    tracker: Tracker, cal: Actor, eva: Actor
) -> None:
    _planned(tracker, "cal")
    with tracker.write(OPERATOR) as work:
        work.db.execute(delete(memberships).where(memberships.c.user_id == cal.id))
    assert _count(tracker, cal.id) == [0]
