"""What waits for a second person stands on My work of those who may confirm it, and of nobody else."""

from datetime import UTC, datetime
from itertools import product

import pytest
from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.plans import Act
from cmmc_tracker.errors import Conflict, Forbidden
from cmmc_tracker.services import assessment, confirmations, duties, specials
from cmmc_tracker.services.plans import closing, keeping
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import findings, users
from cmmc_tracker.storage.tables import specials as specials_table
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, SECOND, acting, give, linked_artifact, other_system, somebody

WAITS = "AC.L2-3.1.3"


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo judges in `main`."""
    return somebody(tracker, "bo")


@pytest.fixture
def eva(tracker: Tracker, bo: Actor) -> Actor:
    """So does eva."""
    return somebody(tracker, "eva")


def judge(tracker: Tracker, who: Actor, status: str, objective: ObjectiveId = FIRST) -> None:
    with tracker.write(who) as work:
        found = Judgement.parse(objective, status, "No such thing here.", ["examine"], {})
        assessment.judge(work, who.systems["main"], objective, found)


def listed(tracker: Tracker, who: Actor) -> list[str]:
    """What waits for somebody, and that the dashboard counts as many."""
    with tracker.read(who) as work:
        mine = duties.mine(work)
        assert mine.count == work.db.execute(select(duties.counted(work))).scalar_one()
    return [
        *(f"{one.requirement}{''.join(f'[{letter}]' for letter in one.letters)}" for one in mine.confirm),
        *(f"item {one.id}" for one in mine.close),
    ]


def refused(tracker: Tracker, who: Actor) -> bool:
    try:
        with tracker.write(who) as work:
            specials.confirm(work, who.systems["main"], FIRST, None)
    except (Conflict, Forbidden):
        return True
    return False


def test_na_waits_for_everybody_who_judges_but_who_said_it(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    reader = somebody(tracker, "cal", may_judge=False)
    judge(tracker, bo, "not_applicable")
    assert listed(tracker, eva) == ["AC.L2-3.1.1[a]"]
    assert (listed(tracker, bo), listed(tracker, reader)) == ([], [])
    with tracker.read(eva) as work:
        (one,) = confirmations.to_confirm(work)
    assert (one.made_by, one.system.slug, one.status.label) == ("bo", "main", "N/A")
    with tracker.write(eva) as work:
        specials.confirm(work, eva.systems["main"], FIRST, None)
    assert listed(tracker, eva) == []


def test_what_is_met_or_not_met_waits_for_nobody(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    judge(tracker, bo, "met")
    judge(tracker, bo, "not_met", SECOND)
    assert listed(tracker, eva) == []


def test_findings_of_one_requirement_by_one_person_stand_in_one_line(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    for letter in "ab":
        judge(tracker, bo, "not_applicable", ObjectiveId("AC.L2-3.1.1", letter))
    assert listed(tracker, eva) == ["AC.L2-3.1.1[a][b]"]
    judge(tracker, eva, "not_applicable", ObjectiveId("AC.L2-3.1.1", "c"))
    assert (listed(tracker, eva), listed(tracker, bo)) == (["AC.L2-3.1.1[a][b]"], ["AC.L2-3.1.1[c]"])


def test_what_the_command_line_judged_waits_for_everybody_who_judges(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    with tracker.write(OPERATOR) as work:
        at = findings.c.requirement == "AC.L2-3.1.1"
        work.db.execute(update(findings).where(at, findings.c.letter == "a").values(status="not_applicable"))
    assert listed(tracker, bo) == listed(tracker, eva) == ["AC.L2-3.1.1[a]"]


def test_where_one_person_judges_alone_their_own_waits_for_them(tracker: Tracker, bo: Actor) -> None:
    judge(tracker, bo, "not_applicable")
    assert listed(tracker, bo) == ["AC.L2-3.1.1[a]"]
    eva = somebody(tracker, "eva")
    assert listed(tracker, bo) == []
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(users).where(users.c.id == eva.id).values(disabled_at=datetime.now(UTC)))
    assert listed(tracker, bo) == ["AC.L2-3.1.1[a]"], "who cannot sign in confirms nothing"


def test_a_strangers_system_shows_nothing(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    other_system(tracker, bo.id)
    bo = acting(tracker, bo.id or 0, "bo")
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(findings).where(findings.c.system_id != 1).values(status="not_applicable"))
    assert listed(tracker, eva) == []
    assert len(listed(tracker, bo)) == 110


@pytest.mark.parametrize("third", [True, False])
def test_who_is_shown_a_finding_may_confirm_it_and_who_is_not_may_not(
    tracker: Tracker, bo: Actor, eva: Actor, third: bool
) -> None:
    ids = {"bo": bo.id, "eva": eva.id, "": None}
    people = [bo, eva, *([somebody(tracker, "cal")] if third else [])]
    at = {"system_id": 1, "requirement": FIRST.requirement, "letter": FIRST.letter}
    seen = set()
    for status, by, recorded_by in product(("met", "not_applicable", "not_met"), ids, ("none", *ids)):
        with tracker.write(OPERATOR) as work:
            where = (findings.c.requirement == FIRST.requirement, findings.c.letter == FIRST.letter)
            work.db.execute(update(findings).values(confirmed_at=None, confirmed_by=None))
            work.db.execute(update(findings).where(*where).values(status=status, judged_by=ids[by], judged_at=work.now))
            work.db.execute(delete(specials_table))
            if recorded_by != "none":
                said = {"basis": "temporary_deficiency", "description": "x", "recorded_by": ids[recorded_by]}
                work.db.execute(insert(specials_table).values(**at, **said, recorded_at=work.now))
        shown = {one.name: bool(listed(tracker, one)) for one in people}
        for one in people:
            with tracker.write(OPERATOR) as work:
                work.db.execute(update(findings).values(confirmed_at=None, confirmed_by=None))
            assert shown[one.name] != refused(tracker, one), (one.name, status, by, recorded_by)
            seen.add(shown[one.name])
    assert seen == {True, False}


# Closing


def mended(tracker: Tracker, who: Actor, **more: str) -> int:
    """An item of a plan that is mended, as somebody says; everything is MET with evidence."""
    home = who.systems["main"]
    with tracker.write(OPERATOR) as work:
        of = findings.c.requirement == WAITS
        work.db.execute(update(findings).where(of).values(status="not_met"))
    with tracker.write(who) as work:
        made = keeping.add(work, home, {"requirement": WAITS, "weakness": "weak", **more})
        closing.act(work, home, made, Act.READY, None)
        work.db.execute(update(findings).where(of).values(status="met"))
        letters = [row.letter for row in work.rows(select(findings.c.letter).where(of))]
    linked_artifact(tracker, who, "Proof", ("a.txt", b"a"), *(ObjectiveId(WAITS, letter) for letter in letters))
    return made


def _keep_nothing() -> None:
    raise InterruptedError


def closes(tracker: Tracker, who: Actor, item: int) -> bool:
    try:
        with tracker.write(who) as work:
            closing.act(work, who.systems["main"], item, Act.CLOSE, None)
            _keep_nothing()
    except (Conflict, Forbidden):
        return False
    except InterruptedError:
        return True


@pytest.mark.parametrize("approver", ["", "bo", "eva"])
@pytest.mark.parametrize("owner", ["", "Eva", "bo", "somebody"])
@pytest.mark.parametrize("alone", [True, False])
def test_who_is_shown_an_item_may_close_it_and_who_is_not_may_not(
    tracker: Tracker, bo: Actor, approver: str, owner: str, alone: bool
) -> None:
    people = {"bo": bo, **({} if alone else {"eva": somebody(tracker, "eva")})}
    if approver in people:
        give(tracker, people[approver].id or 0, may_approve=True)
        people[approver] = acting(tracker, people[approver].id or 0, approver)
    item = mended(tracker, people["bo"], owner=owner)
    for one in people.values():
        assert (f"item {item}" in listed(tracker, one)) == closes(tracker, one, item), one.name


def test_an_item_that_is_still_worked_on_or_closed_waits_for_nobody(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    item = mended(tracker, bo)
    assert listed(tracker, eva) == [f"item {item}"]
    with tracker.write(eva) as work:
        closing.act(work, eva.systems["main"], item, Act.CLOSE, None)
    assert listed(tracker, eva) == []
