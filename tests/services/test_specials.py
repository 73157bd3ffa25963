"""On what an objective counts as MET, and the second person: what is refused, what is kept, what goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from cmmc_tracker.domain import readiness
from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import Duty
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import assessment, snapshots, specials
from cmmc_tracker.services.finding_rows import Finding
from cmmc_tracker.services.scope import matrix, providers
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, users
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, SECOND, give, somebody, switch

YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
EXCEPTION = {
    "basis": "enduring_exception",
    "description": "A lathe of 1998",
    "mitigation": "own network",
    "reference": "§4",
}
DEFICIENCY = {
    "basis": "temporary_deficiency",
    "description": "Two laptops",
    "mitigation": "kept in the safe",
    "reference": "item 4",
    "reviewed_on": YESTERDAY,
}


def judge(tracker: Tracker, who: Actor, status: str, note: str = "why", **said: str) -> None:
    with tracker.write(who) as work:
        found = Judgement.parse(FIRST, status, note, ["examine"], said)
        assessment.judge(work, who.systems["main"], FIRST, found)


def record(tracker: Tracker, who: Actor, given: dict[str, Any], seen: int | None = None) -> None:
    with tracker.write(who) as work:
        specials.record(work, who.systems["main"], FIRST, given, seen)


def confirm(tracker: Tracker, who: Actor, seen: int | None = None) -> None:
    with tracker.write(who) as work:
        specials.confirm(work, who.systems["main"], FIRST, seen)


def now(tracker: Tracker, who: Actor) -> Finding:
    with tracker.read(who) as work:
        return assessment.finding(work, who.systems["main"], FIRST)


def waiting(tracker: Tracker, who: Actor) -> bool:
    """Whether check 7 lists the objective."""
    with tracker.read(who) as work:
        found = readiness.found(snapshots.of(work, who.systems["main"]))
    return any(one.check == 7 and one.requirement == FIRST.requirement for one in found)


@pytest.fixture
def ada(tracker: Tracker) -> Actor:
    """Ada judges."""
    return somebody(tracker, "ada")


@pytest.fixture
def bo(tracker: Tracker, ada: Actor) -> Actor:
    """Bo may judge too."""
    return somebody(tracker, "bo")


def test_an_exception_counts_while_the_finding_is_met_and_is_kept_without_effect_while_it_is_not(
    tracker: Tracker, ada: Actor
) -> None:
    judge(tracker, ada, "met")
    record(tracker, ada, EXCEPTION, 0)
    found = now(tracker, ada)
    assert found.bears
    assert found.special is not None
    assert (found.special.basis, found.special.reference) == (Basis.ENDURING_EXCEPTION, "§4")
    judge(tracker, ada, "not_met")
    assert now(tracker, ada).special is not None
    assert not now(tracker, ada).bears
    judge(tracker, ada, "met")
    assert now(tracker, ada).bears
    record(tracker, ada, {"basis": "plain"})
    assert now(tracker, ada).special is None


def test_a_deficiency_of_what_was_never_met_is_refused_with_the_clause(tracker: Tracker, ada: Actor) -> None:
    judge(tracker, ada, "not_met", note='somebody wrote "status":"met" here')
    with pytest.raises(Conflict) as refused:
        record(tracker, ada, DEFICIENCY)
    assert refused.value.clause == "32 CFR 170.24(b)(1)(ii)"
    assert now(tracker, ada).special is None
    judge(tracker, ada, "met")
    judge(tracker, ada, "not_met")
    record(tracker, ada, DEFICIENCY)  # it was MET once
    with tracker.write(ada) as work, pytest.raises(Conflict):
        specials.record(work, ada.systems["main"], SECOND, DEFICIENCY, None)


def test_what_a_basis_needs_is_named_field_by_field(tracker: Tracker, ada: Actor) -> None:
    with pytest.raises(Invalid) as wrong:
        record(tracker, ada, {"basis": "temporary_deficiency"})
    assert set(wrong.value.fields) == {"description", "mitigation", "reference", "reviewed_on"}
    with pytest.raises(Invalid):
        record(tracker, ada, {"basis": "wishful"})


def test_two_people_on_one_record_never_overwrite_one_another(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    judge(tracker, ada, "met")
    record(tracker, ada, EXCEPTION, 0)
    with pytest.raises(Stale, match="A lathe of 1998"):
        record(tracker, bo, {**EXCEPTION, "description": "mine"}, 0)
    seen = now(tracker, bo).special_version
    record(tracker, bo, {**EXCEPTION, "description": "mine"}, seen)
    with pytest.raises(Stale):
        record(tracker, ada, {"basis": "plain"}, seen)
    record(tracker, ada, {**EXCEPTION, "description": "mine"}, now(tracker, ada).special_version)  # says the same
    assert now(tracker, ada).special_version == seen + 1


def test_who_may_only_look_records_and_confirms_nothing(tracker: Tracker, ada: Actor) -> None:
    judge(tracker, ada, "not_applicable")
    guest = somebody(tracker, "cal", may_judge=False)
    with pytest.raises(Forbidden):
        record(tracker, guest, EXCEPTION)
    with pytest.raises(Forbidden):
        confirm(tracker, guest)
    unknown = ObjectiveId("AC.L2-3.1.1", "z")
    with tracker.write(ada) as work, pytest.raises(NotFound):
        specials.confirm(work, ada.systems["main"], unknown, None)


def test_an_unconfirmed_na_counts_and_is_listed_until_a_second_person_confirms_it(
    tracker: Tracker, ada: Actor, bo: Actor
) -> None:
    judge(tracker, ada, "not_applicable")
    assert waiting(tracker, ada)
    with pytest.raises(Conflict, match="another person"):
        confirm(tracker, ada)
    confirm(tracker, bo)
    found = now(tracker, ada)
    assert (found.confirmed_by, found.judged_by) == ("bo", "ada")
    assert not waiting(tracker, ada)


def test_a_new_judgement_or_another_basis_takes_the_confirmation_away(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    judge(tracker, ada, "met")
    record(tracker, ada, DEFICIENCY)
    confirm(tracker, bo)
    assert now(tracker, ada).confirmed_by == "bo"
    record(tracker, ada, {**DEFICIENCY, "mitigation": "switched off"})
    assert now(tracker, ada).confirmed_at is None
    confirm(tracker, bo)
    judge(tracker, ada, "met", note="looked again")
    assert now(tracker, ada).confirmed_at is None
    judge(tracker, ada, "met", note="looked again")
    assert waiting(tracker, ada)


def test_saying_the_same_again_keeps_the_confirmation(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    judge(tracker, ada, "not_applicable", examined="the building")
    confirm(tracker, bo)
    judge(tracker, ada, "not_applicable", examined="the building")
    assert now(tracker, ada).confirmed_by == "bo"
    confirm(tracker, bo)  # again: nothing happens


def test_whoever_recorded_the_deficiency_is_no_second_person_either(tracker: Tracker, ada: Actor, bo: Actor) -> None:
    judge(tracker, ada, "met")
    record(tracker, bo, DEFICIENCY)
    somebody(tracker, "cal")
    for who in (ada, bo):
        with pytest.raises(Conflict, match="another person"):
            confirm(tracker, who)


def test_where_one_person_works_alone_they_confirm_their_own_and_it_shows(tracker: Tracker, ada: Actor) -> None:
    judge(tracker, ada, "not_applicable")
    confirm(tracker, ada)
    assert now(tracker, ada).confirmed_by == "ada"
    with tracker.read(ada) as work:
        detail = work.db.execute(select(audit.c.detail).where(audit.c.action == "objective:confirmed")).scalar_one()
    assert '"same_person":true' in detail


@pytest.mark.parametrize("why", ["disabled", "may not judge", "setting"])
def test_who_cannot_confirm_is_nobody_to_wait_for(tracker: Tracker, ada: Actor, bo: Actor, why: str) -> None:
    judge(tracker, ada, "not_applicable")
    if why == "setting":
        switch(tracker, approve_own=True)
    elif why == "disabled":
        with tracker.write(OPERATOR) as work:
            work.db.execute(update(users).where(users.c.id == bo.id).values(disabled_at=datetime.now(UTC)))
    else:
        assert bo.id is not None
        give(tracker, bo.id, may_judge=False)
    confirm(tracker, ada)


def test_what_needs_no_second_person_is_not_confirmed_and_an_old_page_confirms_nothing(
    tracker: Tracker, ada: Actor, bo: Actor
) -> None:
    judge(tracker, ada, "met")
    with pytest.raises(Conflict, match="Only not applicable"):
        confirm(tracker, bo)
    judge(tracker, ada, "not_applicable")
    seen = now(tracker, bo).version
    judge(tracker, ada, "not_applicable", note="another reason")
    with pytest.raises(Stale):
        confirm(tracker, bo, seen)


def test_what_was_examined_who_was_asked_and_what_was_tried_are_kept_and_are_methods(
    tracker: Tracker, ada: Actor
) -> None:
    judge(tracker, ada, "met", interviewed="Bo, administrator", tested="tried a wrong password")
    found = now(tracker, ada)
    assert found.said == {"examined": "", "interviewed": "Bo, administrator", "tested": "tried a wrong password"}
    assert set(found.methods) == {"examine", "interview", "test"}
    judge(tracker, ada, "met", note="only the note changed")
    assert now(tracker, ada).said["tested"] == "tried a wrong password"
    with pytest.raises(Invalid) as wrong:
        Judgement.parse(FIRST, "met", "", [], {"examined": "x" * 5_001, "tested": 7})
    assert set(wrong.value.fields) == {"examined", "tested"}


def test_170_19_c_2_what_our_matrix_gives_back_to_us_is_not_inherited(tracker: Tracker, ada: Actor) -> None:
    main, given = ada.systems["main"], {"basis": "inherited", "description": "They do it.", "reference": "line 4"}
    with tracker.write(ada) as work:
        number = providers.add(work, main, ProviderEntry("Northwind"))
        matrix.put(work, main, number, FIRST, LineEntry(Duty.CUSTOMER), seen=0)
    judge(tracker, ada, "met")
    with pytest.raises(Conflict, match="each would rest on the other"):
        record(tracker, ada, given)
    with tracker.write(ada) as work:
        matrix.put(work, main, number, FIRST, LineEntry(Duty.SHARED), seen=1)
    record(tracker, ada, given)
    with tracker.write(ada) as work, pytest.raises(Conflict, match="each would rest on the other"):
        matrix.put(work, main, number, FIRST, LineEntry(Duty.CUSTOMER), seen=2)
