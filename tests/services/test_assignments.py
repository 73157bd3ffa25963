"""Who answers for what in a system, and the way through its objectives."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from cmmc_tracker.domain import assignments as rules
from cmmc_tracker.domain.assessment import Judgement, Status
from cmmc_tracker.domain.assignments import Duty
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.errors import Forbidden, Invalid, Stale
from cmmc_tracker.services import assessment, assignments, audit, walking
from cmmc_tracker.services.assignments import People
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import users
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, acting, give, made, other_system, somebody


def assign(tracker: Tracker, who: Actor, seen: int | None = None, **given: str) -> int:
    wanted = rules.parse({"duty": "owner", **given}, load(2))
    with tracker.write(who) as work:
        return assignments.assign(work, who.systems["main"], wanted, seen)


def people(tracker: Tracker, who: Actor) -> People:
    with tracker.read(who) as work:
        return assignments.of(work, who.systems["main"])


@pytest.fixture
def ada(tracker: Tracker) -> Actor:
    """Ada approves in `main`."""
    return somebody(tracker, "ada", may_approve=True)


@pytest.fixture
def bo(tracker: Tracker, ada: Actor) -> Actor:
    """Bo works there."""
    return somebody(tracker, "bo")


def test_a_family_is_given_to_somebody_in_one_act_and_one_entry(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    assert assign(tracker, ada, what="AC", person="bo") == 22
    assert assign(tracker, ada, what="AC", person="bo") == 0
    assert assign(tracker, ada, what="3.1.5", person="ada") == 1
    found = people(tracker, ada)
    owner = found.owner("AC.L2-3.1.5")
    assert owner is not None
    assert owner.person == "ada"
    assert [o.person for o in found.by_duty[Duty.OWNER].values()].count("bo") == 21
    assert found.by_duty[Duty.REVIEWER] == {}
    with tracker.read(replace(OPERATOR)) as work:
        entries = [e for e in audit.history(work, "system:main") if e.action == "assignment:made"]
    assert len(entries) == 2
    assert entries[0].detail["before"] == {"AC.L2-3.1.5": "bo"}


def test_an_empty_name_takes_the_duty_away(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    assign(tracker, ada, what="IR", person="bo")
    assert assign(tracker, ada, what="all", person="") == 3
    assert people(tracker, ada).by_duty[Duty.OWNER] == {}


def test_the_official_has_title_and_contact_and_there_is_one(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    given = {"duty": "affirming_official", "title": "CEO", "contact": "x@y.example"}
    assign(tracker, ada, person="bo", **given)
    assert assign(tracker, ada, person="bo", **given) == 0
    assign(tracker, ada, person="ada", **{**given, "title": "President"})
    official = people(tracker, ada).official
    assert official is not None
    assert (official.person, official.title) == ("ada", "President")


def test_only_approvers_and_administrators_who_are_members_name_people(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    with pytest.raises(Forbidden):
        assign(tracker, bo, what="3.1.1", person="bo")
    assert assign(tracker, replace(bo, role=Role.ADMIN), what="3.1.1", person="bo") == 1
    foreign = replace(bo.systems["main"], rights=frozenset())
    with tracker.write(replace(bo, role=Role.ADMIN)) as work, pytest.raises(Forbidden):
        assignments.assign(work, foreign, rules.parse({"duty": "owner", "what": "AC"}, load(2)), None)


def test_only_members_who_can_sign_in_are_named(tracker: Tracker, ada: Actor) -> None:
    for name in ("nobody", "CAL"):
        with pytest.raises(Invalid) as wrong:
            assign(tracker, ada, what="3.1.1", person=name)
        assert set(wrong.value.fields) == {"person"}


def test_two_people_who_assign_at_once_never_overwrite_one_another(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    seen = people(tracker, ada).version
    assign(tracker, ada, seen, what="3.1.1", person="bo")
    with pytest.raises(Stale):
        assign(tracker, ada, seen, what="3.1.2", person="bo")
    assign(tracker, ada, people(tracker, ada).version, what="3.1.2", person="bo")


def test_the_way_goes_on_from_what_was_judged_meanwhile(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    with tracker.read(ada) as work:
        begun = walking.place(walking.steps(work, ada.systems["main"]), "open")
    assert begun is not None
    assert (begun.step.objective.id, begun.number, begun.of, begun.before) == ("AC.L2-3.1.1[a]", 1, 320, None)
    with tracker.write(ada) as work:
        assessment.judge(work, ada.systems["main"], FIRST, Judgement.parse(FIRST, "met", "", ["examine"]))
    assign(tracker, ada, what="3.1.2", person="ada")
    made(tracker, ada, to=(FIRST,))
    with tracker.read(ada) as work:
        steps = walking.steps(work, ada.systems["main"])
    here = walking.place(steps, "open", "AC.L2-3.1.1[a]")
    assert here is not None
    assert here.after is not None
    assert (here.number, here.of, here.after.objective.id) == (0, 319, "AC.L2-3.1.1[b]")
    counts = {name: sum(map(fits, steps)) for name, (_, fits) in walking.WAYS.items()}
    assert counts == {"all": 320, "open": 319, "not-met": 0, "bare": 0, "mine": 2}
    assert steps[0].status is Status.MET
    assert steps[0].files == 1
    assert walking.place(steps, "not-met") is None
    last = walking.place(steps, "all", steps[-1].objective.id)
    assert last is not None
    assert last.after is None


def test_objectives_are_found_by_number_title_and_words(tracker: Tracker, ada: Actor) -> None:
    with tracker.read(ada) as work:
        steps = walking.steps(work, ada.systems["main"])
    assert [s.objective.id for s in walking.matching(steps, "3.5.3[a]")] == ["IA.L2-3.5.3[a]"]
    assert walking.matching(steps, "multifactor")
    assert walking.matching(steps, "  ") == []
    assert len(walking.matching(steps, "3.")) == 40


def test_nothing_of_another_system_shows(tracker: Tracker, ada: Actor) -> None:
    lab = other_system(tracker, ada.id)
    assert ada.id is not None
    give(tracker, ada.id, may_approve=True)
    who = acting(tracker, ada.id, "ada")
    with tracker.write(who) as work:
        assignments.assign(
            work, who.systems[lab.slug], rules.parse({"duty": "owner", "what": "AC", "person": "ada"}, load(2)), None
        )
    assert people(tracker, who).by_duty[Duty.OWNER] == {}


def test_170_4_the_affirming_official_is_of_our_own_organization(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(users).where(users.c.id == bo.id).values(organization="provider"))
    assert assign(tracker, ada, what="3.1.1", person="bo") == 1
    with pytest.raises(Invalid, match="not of our own organization"):
        assign(tracker, ada, person="bo", duty="affirming_official", title="CEO")
