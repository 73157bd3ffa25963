"""Views of a package: who may give one, how it ends, what is kept of its secrets, what the log and a spill do to it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from cmmc_tracker.domain.handoff.viewing import MOST_WRONG_WORDS, Asked
from cmmc_tracker.domain.permissions import Actor, Organization, Role
from cmmc_tracker.domain.requests import LinkState
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, NotSignedIn, Stale, TooMany
from cmmc_tracker.services import accounts, audit, duties, spill
from cmmc_tracker.services.handoff import browsing, opening, questions, views
from cmmc_tracker.services.handoff.opening import Opened
from cmmc_tracker.services.limits import DatabaseLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.spill_plan import Wanted as Spilled
from cmmc_tracker.services.spill_plan import plan
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit as log
from cmmc_tracker.storage.tables import package_questions, package_views
from tests.conftest import OPERATOR, Clock
from tests.services.evidence import somebody
from tests.services.handoff.shown import Stage, assessor, link, staged, view, wanted

VISITOR = Visitor("192.0.2.7", "192.0.2.7", "a browser")
WHOLE = Asked("Why?", None, None, None)


@pytest.fixture
def stage(tracker: Tracker) -> Stage:
    return staged(tracker)


def _opened(tracker: Tracker, token: str) -> Opened:
    return opening.check(tracker, DatabaseLimiter(tracker), VISITOR, token)


def _listed(tracker: Tracker, stage: Stage) -> list[views.View]:
    with tracker.read(stage.bea) as work:
        return views.listed(work, stage.bea.systems["main"], stage.package.id)


def _ask(tracker: Tracker, one: Opened, asked: Asked = WHOLE) -> int:
    with tracker.write(one.actor) as work:
        return questions.ask(work, one, browsing.frozen(work, one), asked)


def _answer(tracker: Tracker, actor: Actor, stage: Stage, question: int, text: str, seen: int) -> None:
    with tracker.write(actor) as work:
        questions.answer(work, actor.systems["main"], stage.package.id, question, text, seen=seen)


# Given


def test_a_links_secret_and_word_are_kept_as_hashes_only_and_stand_in_no_log(tracker: Tracker, stage: Stage) -> None:
    made = link(tracker, stage)
    assert opening.is_link_like(made.token)
    with tracker.read() as work:
        everything = " ".join(str(value) for value in work.db.execute(select(package_views)).one())
        said = " ".join(row.detail + row.actor + row.entity for row in work.rows(select(log)))
    for secret in (made.token, made.word, made.word.replace("-", "")):
        assert secret not in everything + said
    assert link(tracker, stage).token != made.token


def test_who_may_not_approve_gives_no_view(tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    bo = somebody(tracker, "bo")
    for act in (views.give, views.make_link):
        with pytest.raises(Forbidden), tracker.write(bo) as work:
            act(work, bo.systems["main"], stage.package.id, wanted(tracker))
    view(tracker, stage)
    with pytest.raises(Forbidden), tracker.write(bo) as work:
        views.revoke(work, bo.systems["main"], stage.package.id, 1)


def test_an_account_that_is_disabled_is_not_let_in(tracker: Tracker, stage: Stage) -> None:
    made = assessor(tracker)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, made)
    with pytest.raises(Invalid):
        view(tracker, stage)


def test_two_views_of_one_account_at_once_are_one_view(tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    done: list[object] = []

    def give() -> None:
        try:
            done.append(view(tracker, stage))
        except Conflict as error:
            done.append(error)

    threads = [threading.Thread(target=give) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(isinstance(one, int) for one in done) == [False, True]
    assert len(_listed(tracker, stage)) == 1


def test_a_package_has_a_bound_of_open_views(tracker: Tracker, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST_VIEWS", 2)
    link(tracker, stage)
    link(tracker, stage)
    with pytest.raises(Conflict, match="2 open views"):
        link(tracker, stage)
    with tracker.write(stage.bea) as work:
        views.revoke(work, stage.bea.systems["main"], stage.package.id, 1)
    link(tracker, stage)
    assert [one.state for one in _listed(tracker, stage)] == [LinkState.OPEN, LinkState.OPEN, LinkState.REVOKED]


# Opened


def test_a_link_dies_with_its_last_day_and_with_the_account_that_made_it(
    tracker: Tracker, stage: Stage, clock: Clock
) -> None:
    first, second = link(tracker, stage, wanted(tracker, "Kim", days=0)), link(tracker, stage)
    assert _opened(tracker, first.token).whom == "Kim"
    clock.forward(days=1)
    with pytest.raises(NotFound):
        _opened(tracker, first.token)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, stage.bea.id or 0)
    with pytest.raises(NotFound):
        _opened(tracker, second.token)
    assert [one.state for one in _listed(tracker, stage)] == [LinkState.ORPHANED, LinkState.EXPIRED]


def test_an_assessors_account_outlives_who_let_it_in(tracker: Tracker, stage: Stage) -> None:
    made = assessor(tracker)
    number = view(tracker, stage)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, stage.bea.id or 0)
    with tracker.read(_as(made)) as work:
        assert opening.of_account(work, number).package.id == stage.package.id


def _as(user_id: int) -> Actor:
    return Actor(user_id, "asa", Role.USER, organization=Organization.ASSESSOR)


def test_who_guesses_links_is_slowed_down_and_noted_once(tracker: Tracker, stage: Stage) -> None:
    made = link(tracker, stage)
    for number in range(10):
        with pytest.raises(NotFound):
            _opened(tracker, f"{number}" * 64)
    with pytest.raises(TooMany):
        _opened(tracker, "y" * 64)
    assert _opened(tracker, made.token).id == 1
    with tracker.read() as work:
        refused = select(func.count()).select_from(log).where(log.c.action == "package:link_refused")
        assert work.db.execute(refused).scalar_one() == 1


def test_words_tried_at_once_are_all_counted(tracker: Tracker, stage: Stage) -> None:
    one = _opened(tracker, link(tracker, stage).token)
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        for _ in range(4):
            try:
                opening.unlock(tracker, VISITOR, one, "wrong")
            except (NotFound, NotSignedIn) as error:
                outcomes.append(type(error))

    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes.count(NotSignedIn) == MOST_WRONG_WORDS - 1
    assert outcomes.count(NotFound) == 16 - (MOST_WRONG_WORDS - 1)
    assert _listed(tracker, stage)[0].locked


def test_the_log_tells_who_looked_at_what_and_the_chain_holds(tracker: Tracker, stage: Stage) -> None:
    one = _opened(tracker, link(tracker, stage, wanted(tracker, "Kim", may_download=True)).token)
    opening.look(tracker, one, "192.0.2.7", {"requirement": "AC.L2-3.1.1"})
    opening.look(tracker, one, "192.0.2.7", {"requirement": "AC.L2-3.1.1"})
    opening.take(tracker, one, "192.0.2.7", {"artifact": 1, "file": 1})
    opening.take(tracker, one, "192.0.2.7", {"artifact": 1, "file": 1})
    opening.take_package(tracker, one, "192.0.2.7")
    with tracker.read(stage.bea) as work:
        looks = views.looks(work, stage.bea.systems["main"], stage.package.id)
        assert audit.broken(work) is None
    assert [look.action for look in looks] == [
        "package:downloaded",
        "package:file_taken",
        "package:file_taken",
        "package:looked_at",
    ]
    assert {look.who for look in looks} == {"package link 1 (Kim)"}
    assert looks[-1].what["requirement"] == "AC.L2-3.1.1"


def test_nothing_is_taken_where_only_looking_is_allowed(tracker: Tracker, stage: Stage) -> None:
    one = _opened(tracker, link(tracker, stage).token)
    with pytest.raises(Conflict, match="looked at only"):
        opening.take(tracker, one, "", {"artifact": 1, "file": 1})
    with pytest.raises(Conflict, match="looked at only"):
        opening.take_package(tracker, one, "")


# Questions


def test_a_question_waits_for_every_contributor_until_somebody_answers(tracker: Tracker, stage: Stage) -> None:
    bo = somebody(tracker, "bo")
    viewer = somebody(tracker, "vi", may_contribute=False, may_judge=False)
    one = _opened(tracker, link(tracker, stage).token)
    number = _ask(tracker, one, Asked("Why?", "AC.L2-3.1.1", "a", None))

    def waiting(actor: Actor) -> tuple[int, int]:
        with tracker.read(actor) as work:
            counted = work.db.execute(select(duties.counted(work))).scalar_one()
            return len(duties.mine(work).assessors), counted

    assert [waiting(actor) for actor in (bo, stage.bea, viewer)] == [(1, 1), (1, 1), (0, 0)]
    _answer(tracker, bo, stage, number, "So.", 1)
    assert [waiting(actor) for actor in (bo, stage.bea)] == [(0, 0), (0, 0)]
    with pytest.raises(Stale):
        _answer(tracker, stage.bea, stage, number, "No.", 1)
    _answer(tracker, stage.bea, stage, number, "So indeed.", 2)
    with tracker.read() as work:
        (asked,) = questions.of_view(work, one)
    assert (asked.answer, asked.answered_by, asked.about) == ("So indeed.", "bea", "AC.L2-3.1.1[a]")


def test_one_view_reads_no_questions_of_another(tracker: Tracker, stage: Stage) -> None:
    first, second = (_opened(tracker, link(tracker, stage).token) for _ in range(2))
    _ask(tracker, first)
    with tracker.read() as work:
        assert questions.of_view(work, second) == []


def test_a_flood_of_questions_is_stopped(tracker: Tracker, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "MOST_OPEN", 2)
    one = _opened(tracker, link(tracker, stage).token)
    _ask(tracker, one)
    number = _ask(tracker, one)
    with pytest.raises(Conflict):
        _ask(tracker, one)
    _answer(tracker, stage.bea, stage, number, "So.", 1)
    _ask(tracker, one)


def test_who_only_views_and_who_is_of_another_system_answers_nothing(tracker: Tracker, stage: Stage) -> None:
    number = _ask(tracker, _opened(tracker, link(tracker, stage).token))
    viewer = somebody(tracker, "vi", may_contribute=False, may_judge=False)
    with pytest.raises(Forbidden):
        _answer(tracker, viewer, stage, number, "So.", 1)
    with tracker.read() as work:
        assert work.db.execute(select(package_questions.c.answer)).scalar_one() == ""


# Spilled


def test_of_what_was_spilled_nothing_is_shown_but_that_it_is_gone(tracker: Tracker, stage: Stage) -> None:
    one = _opened(tracker, link(tracker, stage, wanted(tracker, "Kim", may_download=True)).token)
    number = _ask(tracker, one, Asked("What of the zebras?", None, None, stage.policy))
    _answer(tracker, stage.bea, stage, number, "Zebras are fine.", 1)
    _spill(tracker, stage.policy)
    with tracker.read() as work:
        package = browsing.frozen(work, one)
        shown = package.artifact(stage.policy)
        row = work.db.execute(select(package_questions)).one()
        _, hits = browsing.find(work, package, "zebras")
        with pytest.raises(NotFound):
            browsing.file_of(work, shown, 1)
    assert shown.title == f"Artifact {stage.policy}"
    assert (shown.files, shown.description) == ((), "")
    assert "taken out" in shown.why_hidden
    assert "zebra" not in (row.text + row.answer).lower()
    assert hits == []
    with pytest.raises(Conflict, match="cannot be given out whole"):
        browsing.refuse_lacking(package)
    (evidence, *_) = package.objectives(_requirement(package))[0].evidence
    assert (evidence.artifact.title, evidence.locator, evidence.shows) == (f"Artifact {stage.policy}", "", "")


def _requirement(package: Any) -> Any:
    return package.lines[0].requirement


def _spill(tracker: Tracker, artifact_id: int) -> None:
    given = Spilled(artifact_id, None, "It should never have come.")
    spill.spill(tracker, OPERATOR, given, plan(tracker, OPERATOR, given), everywhere=True)


def test_the_last_day_is_a_day_of_its_own(tracker: Tracker, stage: Stage) -> None:
    made = link(tracker, stage, wanted(tracker, "Kim", days=3))
    one = _opened(tracker, made.token)
    assert one.last_day == tracker.today + timedelta(days=3)
    assert _listed(tracker, stage)[0].until == one.last_day
