"""What people say of evidence and objectives, and the questions that stay open until they are settled."""

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Forbidden, Invalid, NotFound
from cmmc_tracker.services import accounts, duties, links, remarks, trash
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, SECOND, made, other_system, somebody


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


@pytest.fixture
def eva(tracker: Tracker) -> Actor:
    """Eva works in `main`, too."""
    return somebody(tracker, "eva")


def _said(tracker: Tracker, actor: Actor, artifact_id: int, text: str, ask: str = "") -> int:
    with tracker.write(actor) as work:
        return remarks.write_on_artifact(work, artifact_id, text, ask)


def _settled(tracker: Tracker, actor: Actor, remark_id: int) -> None:
    with tracker.write(actor) as work:
        remarks.settle(work, remark_id)


def _read(tracker: Tracker, actor: Actor, artifact_id: int) -> list[remarks.Remark]:
    with tracker.read(actor) as work:
        return remarks.of_artifact(work, artifact_id)


def test_remarks_stay_in_the_order_in_which_they_were_written(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact, other = made(tracker, bo), made(tracker, bo)
    _said(tracker, bo, artifact, " One\r\nmore line ")
    _said(tracker, eva, artifact, "Two")
    _said(tracker, eva, other, "Elsewhere")
    found = _read(tracker, bo, artifact)
    assert [(one.written_by, one.text) for one in found] == [("bo", "One\nmore line"), ("eva", "Two")]
    assert not any(one.asked_of or one.open_to_me for one in found)


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "x" * 5_001, "a\0b"])
def test_a_remark_that_says_nothing_or_too_much_is_refused(tracker: Tracker, bo: Actor, text: str) -> None:
    artifact = made(tracker, bo)
    with pytest.raises(Invalid):
        _said(tracker, bo, artifact, text)
    assert _read(tracker, bo, artifact) == []


def test_the_longest_remark_is_kept_whole(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo)
    _said(tracker, bo, artifact, "x" * 5_000)
    assert len(_read(tracker, bo, artifact)[0].text) == 5_000


def test_a_question_is_open_to_who_asked_and_who_was_asked_and_to_nobody_else(
    tracker: Tracker, bo: Actor, eva: Actor
) -> None:
    dan = somebody(tracker, "dan")
    artifact = made(tracker, bo)
    _said(tracker, bo, artifact, "Is this current?", "EVA")
    assert [_read(tracker, who, artifact)[0].open_to_me for who in (bo, eva, dan)] == [True, True, False]
    assert _read(tracker, bo, artifact)[0].asked_of == "eva"


@pytest.mark.parametrize("settles", ["bo", "eva"])
def test_who_asked_and_who_was_asked_may_settle_a_question(
    tracker: Tracker, bo: Actor, eva: Actor, settles: str
) -> None:
    artifact = made(tracker, bo)
    question = _said(tracker, bo, artifact, "Is this current?", "eva")
    who = {"bo": bo, "eva": eva}[settles]
    _settled(tracker, who, question)
    _settled(tracker, eva, question)
    found = _read(tracker, bo, artifact)[0]
    assert (found.settled_by, found.open_to_me) == (settles, False)
    assert found.settled_at is not None
    with tracker.read() as work:
        assert len(work.rows(select(audit).where(audit.c.action == "remark:settled"))) == 1


def test_nobody_else_settles_a_question(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    dan = somebody(tracker, "dan", may_approve=True)
    question = _said(tracker, bo, made(tracker, bo), "Is this current?", "eva")
    with pytest.raises(Forbidden, match="Only who asked"):
        _settled(tracker, dan, question)


def test_what_is_no_question_cannot_be_settled(tracker: Tracker, bo: Actor) -> None:
    said = _said(tracker, bo, made(tracker, bo), "Good.")
    with pytest.raises(Forbidden):
        _settled(tracker, bo, said)


def test_who_is_no_member_settles_writes_and_learns_nothing(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo)
    question = _said(tracker, bo, artifact, "Is this current?", "eva")
    gone = Actor(eva.id, "eva", eva.role)
    for one in (question, 99):
        with pytest.raises(NotFound):
            _settled(tracker, gone, one)
    with pytest.raises(NotFound):
        _said(tracker, gone, artifact, "No.")
    with tracker.read(gone) as work:
        assert duties.questions(work) == []


def test_who_reads_by_a_link_of_another_system_writes_nothing_at_its_home(tracker: Tracker, bo: Actor) -> None:
    lab = other_system(tracker, bo.id)
    artifact = made(tracker, bo)
    with tracker.write(Actor(bo.id, "bo", bo.role, {**bo.systems, "lab": lab})) as work:
        links.link(work, artifact, links.Target(lab, FIRST))
    with pytest.raises(NotFound, match="another system"):
        _said(tracker, Actor(bo.id, "dan", bo.role, {"lab": lab}), artifact, "Hello?")


def test_who_may_only_look_writes_nothing(tracker: Tracker, bo: Actor) -> None:
    dan = somebody(tracker, "dan", may_contribute=False)
    with pytest.raises(Forbidden):
        _said(tracker, dan, made(tracker, bo), "No.")


def test_nobody_is_asked_who_is_no_member_or_disabled(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, int(eva.id or 0))
    for name in ("eva", "nobody", "x" * 500):
        with pytest.raises(Invalid) as refused:
            _said(tracker, bo, artifact, "Is this current?", name)
        assert set(refused.value.fields) == {"ask"}


def test_an_objective_has_its_remarks_by_its_letter_and_only_in_its_system(tracker: Tracker, bo: Actor) -> None:
    lab = other_system(tracker, bo.id)
    main = bo.systems["main"]
    both = Actor(bo.id, "bo", bo.role, {"main": main, "lab": lab})
    for system, objective, text in ((main, FIRST, "Here"), (lab, FIRST, "There"), (main, SECOND, "Other")):
        with tracker.write(both) as work:
            remarks.write_on_objective(work, system, objective, text)
    with tracker.read(both) as work:
        found = remarks.of_requirement(work, main, FIRST.requirement)
        assert {letter: [one.text for one in said] for letter, said in found.items()} == {"a": ["Here"]}
        assert remarks.of_requirement(work, main, "AC.L2-3.1.3") == {}


def test_a_question_lies_with_who_was_asked_until_it_is_settled(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo)
    main = bo.systems["main"]
    first = _said(tracker, bo, artifact, "Is this current?", "eva")
    with tracker.write(bo) as work:
        remarks.write_on_objective(work, main, FIRST, "Who does this?", "eva")
    with tracker.read(eva) as work:
        found = duties.questions(work)
        assert [(q.text, q.asked_by, q.system, q.artifact_id, q.objective) for q in found] == [
            ("Is this current?", "bo", "main", artifact, None),
            ("Who does this?", "bo", "main", None, FIRST),
        ]
    _settled(tracker, eva, first)
    with tracker.read(eva) as work:
        assert [q.text for q in duties.questions(work)] == ["Who does this?"]
    with tracker.read(bo) as work:
        assert duties.questions(work) == []


def test_a_question_about_what_is_in_the_trash_bothers_nobody(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo)
    _said(tracker, bo, artifact, "Is this current?", "eva")
    with tracker.write(bo) as work:
        trash.remove(work, artifact)
    with tracker.read(eva) as work:
        assert duties.questions(work) == []
        assert work.db.execute(select(duties.counted(work))).scalar_one() == 0
    with tracker.write(bo) as work:
        trash.restore(work, artifact)
    with tracker.read(eva) as work:
        assert len(duties.questions(work)) == work.db.execute(select(duties.counted(work))).scalar_one() == 1
