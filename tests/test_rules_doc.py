"""`docs/rules.md`: every rule is listed with a clause, and the function and test that it names exist."""

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

from cmmc_tracker.domain.lifecycle import MOVES
from cmmc_tracker.domain.readiness import CHECKS
from cmmc_tracker.domain.rulebook import sections

DOC = Path("docs/rules.md").read_text()
# How many rules each section of the rules has; from the sixth on a section is one rule.
NUMBERED = {1: 10, 2: 4, 3: 4, 4: 9, 5: 4}
NUMBERS = [f"{section}.{n}" for section, many in NUMBERED.items() for n in range(1, many + 1)]
NUMBERS += [str(section) for section in range(6, 15)]
ROWS = {row[1]: row for row in re.finditer(r"^\| ([0-9.]+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", DOC, re.M)}
NOTHING = {"13"}  # roll-out phases are data: nothing is computed


def test_every_rule_is_on_the_page_and_in_the_document_once_and_in_order() -> None:
    assert [rule.number for one in sections() for rule in one.rules] == NUMBERS
    assert list(ROWS) == NUMBERS
    keys = [rule.key for one in sections() for rule in one.rules]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("number", NUMBERS)
def test_page_and_document_say_the_same(number: str) -> None:
    rule = next(rule for one in sections() for rule in one.rules if rule.number == number)
    row = ROWS[number]
    for words in (rule.title, rule.text, rule.ours):
        assert words in row[2]
    assert row[3] == rule.clause
    assert ("**Ours:**" in row[2]) == bool(rule.ours)
    assert ("†" in row[2]) == rule.secondary


@pytest.mark.parametrize("number", [one for one in NUMBERS if one not in NOTHING])
def test_the_function_and_the_test_that_are_named_exist(number: str) -> None:
    module, _, name = ROWS[number][4].strip("`").partition(":")
    assert reduce(getattr, name.split("."), importlib.import_module(f"cmmc_tracker.{module}")) is not None
    place, _, test = ROWS[number][5].strip("`").partition("::")
    assert f"def {test}(" in (Path("tests") / place).read_text()


def test_the_machine_of_statuses_is_listed_move_by_move() -> None:
    part = DOC.partition("| from | act | to | clause |")[2].partition("## ")[0]
    listed = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| ([^|]+) \|$", part, re.M)
    assert {(one[0], one[1]): (one[2], one[3]) for one in listed} == {
        (stage.value, act.value): (move.after.value, move.clause) for (stage, act), move in MOVES.items()
    }
    assert len(listed) == len(MOVES)


STATED = re.findall(r"^\| `domain\.(\w+):(\w+)` \| ([^|]+) \| ([^|]+) \| `([^|`]+)` \|$", DOC, re.M)


@pytest.mark.parametrize("module", ["status", "lifecycle", "recording", "clocks"])
def test_everything_that_states_a_rule_of_status_closeout_or_affirmation_is_listed(module: str) -> None:
    code = importlib.import_module(f"cmmc_tracker.domain.{module}")
    stated = {
        name for name, one in vars(code).items() if name[0] != "_" and getattr(one, "__module__", "") == code.__name__
    }
    assert {name for of, name, *_ in STATED if of == module} == stated


@pytest.mark.parametrize(("clause", "test"), [(one[3], one[4]) for one in STATED])
def test_each_of_them_has_a_clause_and_a_test_that_exists(clause: str, test: str) -> None:
    assert re.search(r"32 CFR 170\.\d|3\.12\.4", clause)
    place, _, name = test.partition("::")
    assert f"def {name}(" in (Path("tests") / place).read_text()


def test_every_check_of_readiness_is_listed_with_its_level() -> None:
    listed = re.findall(r"^\| (\d+) \| ([^|]+) \| (stops|risk|hint) \| ", DOC, re.M)
    assert listed == [(str(one.number), one.title, one.level.value) for one in CHECKS]
