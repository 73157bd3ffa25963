"""Who works in which system: administrators say so, each change is recorded, and it holds from the next request on."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.errors import Forbidden, Invalid, NotFound
from cmmc_tracker.services import audit, memberships
from cmmc_tracker.services.memberships import Wanted
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Clock, add_account
from tests.services.evidence import acting, other_system, somebody

TODAY = datetime.now(UTC).date()


def put(tracker: Tracker, system: int, person: str, *rights: str, until: str = "") -> bool:
    with tracker.write(OPERATOR) as work:
        return memberships.put(work, system, Wanted.parse(person, list(rights), until, TODAY))


def test_a_person_is_let_into_a_system_with_just_these_rights(tracker: Tracker) -> None:
    bo = add_account(tracker, "bo")
    lab = other_system(tracker).system_id
    assert "lab" not in acting(tracker, bo, "bo").systems
    assert put(tracker, lab, "BO", "judge") is True
    assert acting(tracker, bo, "bo").systems["lab"].rights == {Right.VIEW, Right.JUDGE}
    assert put(tracker, lab, "bo", "approve") is True
    assert acting(tracker, bo, "bo").systems["lab"].rights == {Right.VIEW, Right.APPROVE}
    assert put(tracker, lab, "bo", "approve") is False
    with tracker.read() as work:
        entries = [one for one in audit.history(work, "system:lab") if one.action == Event.MEMBERSHIP_CHANGED]
    assert [one.detail["person"] for one in entries] == ["bo", "bo"]


def test_a_membership_ends_with_its_last_day(tracker: Tracker, clock: Clock) -> None:
    bo = add_account(tracker, "bo")
    assert put(tracker, 1, "bo", "contribute", until=TODAY.isoformat())
    assert "main" in acting(tracker, bo, "bo").systems
    clock.forward(days=1)
    assert "main" not in acting(tracker, bo, "bo").systems


def test_who_is_taken_out_sees_the_system_no_more(tracker: Tracker) -> None:
    bo = add_account(tracker, "bo")
    with tracker.write(OPERATOR) as work:
        memberships.end(work, 1, bo)
    assert "main" not in acting(tracker, bo, "bo").systems
    with pytest.raises(NotFound), tracker.write(OPERATOR) as work:
        memberships.end(work, 1, bo)


@pytest.mark.parametrize(
    ("person", "rights", "until", "field"),
    [
        ("", [], "", "person"),
        ("nobody", [], "", "person"),
        ("bo", ["view"], "", "rights"),
        ("bo", ["admin"], "", "rights"),
        ("bo", [], "tomorrow", "until"),
        ("bo", [], (TODAY - timedelta(days=1)).isoformat(), "until"),
    ],
)
def test_what_is_said_wrongly_is_named_and_changes_nothing(
    tracker: Tracker, person: str, rights: list[str], until: str, field: str
) -> None:
    bo = add_account(tracker, "bo")
    before = acting(tracker, bo, "bo").systems
    with pytest.raises(Invalid) as refused:
        put(tracker, 1, person, *rights, until=until)
    assert list(refused.value.fields) == [field]
    assert acting(tracker, bo, "bo").systems == before


def test_only_administrators_say_who_works_where(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo", may_approve=True)
    with tracker.write(bo) as work, pytest.raises(Forbidden):
        memberships.put(work, 1, Wanted("bo", frozenset(), None))
    with tracker.write(bo) as work, pytest.raises(Forbidden):
        memberships.end(work, 1, bo.id or 0)
    with tracker.read(bo) as work, pytest.raises(Forbidden):
        memberships.all_systems(work)


def test_no_such_system_is_said(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    with pytest.raises(NotFound):
        put(tracker, 99, "bo")


def test_two_administrators_who_let_the_same_person_in_at_once_make_one_membership(tracker: Tracker) -> None:
    add_account(tracker, "bo")
    lab = other_system(tracker).system_id
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(put(tracker, lab, "bo", "judge")))
    with tracker.write(OPERATOR) as work:
        memberships.put(work, lab, Wanted.parse("bo", ["contribute"], "", TODAY))
        thread.start()
        time.sleep(0.4)  # to come to where it must wait
    thread.join(20)
    assert done == [True]
    with tracker.read(OPERATOR) as work:
        (found,) = [one for one in memberships.all_systems(work) if one.id == lab]
    assert [one.rights for one in found.people if one.name == "bo"] == [{Right.JUDGE}]
