"""The score as a page: explained, with what if, the shortest way, and its history."""

import re

import pytest
from sqlalchemy import event

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock, Person
from tests.services.plan_steps import BARRED, MAY_WAIT, judge

SCORE = "/systems/main/score"


def everything_met(person: Person) -> None:
    for requirement in load(2).requirements:
        judge(person, requirement.id, "met")


def would(page: str) -> tuple[str, ...]:
    found = re.search(r"data-would>(.*?)<.*?data-supports>(.*?)<.*?data-poam>(.*?)<", page, flags=re.S)
    assert found
    return found.groups()


def test_each_lost_point_has_its_reason_and_its_clause(user: Person) -> None:
    everything_met(user)
    judge(user, BARRED)
    page = user.get(SCORE).text
    assert re.search(r"105 <span class=\"of\">of 110", page)
    assert "32 CFR 170.24(c)(2)(i)(B)" in page
    assert "32 CFR 170.21(a)(2)(ii)" in page
    assert "mend 1 requirement;" in page


def test_what_if_counts_and_saves_nothing(user: Person) -> None:
    everything_met(user)
    judge(user, BARRED)
    judge(user, MAY_WAIT)
    assert would(user.get(SCORE).text) == ("104 of 110", "No CMMC Status", "not possible")
    assert would(user.get(f"{SCORE}?mend={BARRED}").text) == ("109 of 110", "Conditional Level 2 (Self)", "possible")
    both = user.get(f"{SCORE}?mend={BARRED}&mend={MAY_WAIT}&mend=nonsense").text
    assert would(both) == ("110 of 110", "Final Level 2 (Self)", "possible")
    assert user.call("GET", "/systems/main/score").get_json()["score"] == 104


def test_without_a_plan_there_is_no_score_until_it_would_be_mended(user: Person) -> None:
    everything_met(user)
    judge(user, "CA.L2-3.12.4")
    assert would(user.get(SCORE).text)[0] == "no score"
    assert would(user.get(f"{SCORE}?mend=CA.L2-3.12.4").text) == ("110 of 110", "Final Level 2 (Self)", "possible")


def test_the_history_is_a_line_with_a_point_for_each_day(user: Person, clock: Clock) -> None:
    assert "Nothing has been judged yet" in user.get(SCORE).text
    everything_met(user)
    for days, requirement in ((3, BARRED), (4, MAY_WAIT)):
        clock.forward(days=days)
        user.sign_in()
        judge(user, requirement)
    page = user.get(SCORE).text
    assert page.count("<circle") == 3
    assert [int(n) for n in re.findall(r'data-label="Score">(\d+)', page)] == [104, 105, 110]


def test_the_history_is_of_this_system_alone(user: Person) -> None:
    slug = user.call("POST", "/systems", {"name": "main two", "level": 2}).get_json()["slug"]
    judge(user, BARRED, system=slug)
    assert "Nothing has been judged yet" in user.get(SCORE).text


@pytest.mark.parametrize("level", [1, 3])
def test_other_levels_have_their_page(user: Person, level: int) -> None:
    slug = user.call("POST", "/systems", {"name": "Other", "level": level}).get_json()["slug"]
    first = load(level).requirements[0].id
    judge(user, first, system=slug)
    page = user.get(f"/systems/{slug}/score?mend={first}")
    assert page.status_code == 200
    assert ("Final Level 2 (C3PAO)" in page.text) is (level == 3)


def test_strangers_find_nothing(outsider: Person) -> None:
    assert outsider.get(SCORE).status_code == 404


def test_the_page_takes_few_statements_whatever_was_judged(user: Person, tracker: Tracker) -> None:
    seen: list[str] = []
    judge(user, BARRED)
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert user.get(SCORE).status_code == 200
    few = len(seen)
    judge(user, MAY_WAIT)
    seen.clear()
    assert user.get(SCORE).status_code == 200
    assert len(seen) == few


def test_the_module_and_the_server_are_given_the_same_facts(user: Person) -> None:
    everything_met(user)
    judge(user, "SC.L2-3.13.11")
    page = user.get(SCORE).text
    form = re.search(r"<form[^>]*data-what-if[^>]*>", page)
    assert form
    told = dict(re.findall(r'data-([\w-]+)="([^"]*)"', form[0]))
    assert told == {
        "base": "105",
        "conditional": "Conditional Level 2 (Self)",
        "final": "Final Level 2 (Self)",
        "max": "110",
        "none": "No CMMC Status",
        "threshold": "88",
    }
    assert re.search(r'value="SC.L2-3.13.11"[^>]*data-points="5" data-unassessed="0" data-not-met data-barred', page)
