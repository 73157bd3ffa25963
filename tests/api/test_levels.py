"""Systems of Levels 1 and 3 through both doors."""

import pytest

from tests.conftest import Person

FIRST = {1: "AC.L1-b.1.i", 3: "AC.L3-3.1.2e"}


def made(person: Person, level: int) -> str:
    answer = person.call("POST", "/systems", {"name": f"Level {level}", "level": level})
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["level"] == level
    return str(answer.get_json()["slug"])


@pytest.mark.parametrize(("level", "requirements", "objectives"), [(1, 15, 59), (3, 24, 24)])
def test_a_system_of_another_level_has_its_requirements_and_objectives(
    user: Person, level: int, requirements: int, objectives: int
) -> None:
    slug = made(user, level)
    items = user.call("GET", f"/systems/{slug}/requirements").get_json()["items"]
    assert len(items) == requirements
    assert sum(one["objectives_total"] for one in items) == objectives
    assert user.call("GET", f"/systems/{slug}/requirements/AC.L2-3.1.1").status_code == 404
    assert user.call("GET", f"/systems/main/requirements/{FIRST[level]}").status_code == 404


@pytest.mark.parametrize("level", [1, 3])
def test_its_objectives_are_judged_and_carry_evidence(user: Person, level: int) -> None:
    slug, first = made(user, level), FIRST[level]
    at = f"/systems/{slug}/requirements/{first}/objectives/a"
    assert user.call("PATCH", at, {"status": "met"}).get_json()["status"] == "met"
    sent = user.upload("e.txt", b"evidence", system=slug, objectives=f"{first}[a]")
    assert sent.status_code == 201, sent.text
    assert sent.get_json()["objectives"][0]["id"] == f"{first}[a]"
    assert user.upload("f.txt", b"other", system=slug, objectives="AC.L2-3.1.1[a]").status_code == 422


@pytest.mark.parametrize("level", [1, 3])
def test_its_pages_open(user: Person, level: int) -> None:
    slug, first = made(user, level), FIRST[level]
    for path in (f"/?system={slug}", f"/systems/{slug}/requirements", f"/systems/{slug}/requirements/{first}"):
        assert user.get(path).status_code == 200, path
    form = {"status": "not_met", "note": "No.", "version": "1"}
    assert user.post(f"/systems/{slug}/requirements/{first}/objectives/a", form).status_code == 302


def test_level_1_has_no_score_and_says_why(user: Person) -> None:
    found = user.call("GET", f"/systems/{made(user, 1)}/score").get_json()
    assert (found["score"], found["max"], found["poam"]["threshold"]) == (None, None, None)
    assert "Level 1 has no score" in found["reason"]
    assert found["poam"]["possible"] is False


def test_level_3_counts_from_24_and_names_what_comes_before(user: Person) -> None:
    found = user.call("GET", f"/systems/{made(user, 3)}/score").get_json()
    assert (found["score"], found["max"], found["min"], found["poam"]["threshold"]) == (0, 24, 0, 20)
    assert "Final Level 2 (C3PAO)" in found["before"]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_system_of_any_level_is_made_on_its_page(user: Person, level: int) -> None:
    assert "no POA&amp;M" in user.get("/systems/new").text
    answer = user.post("/systems/new", {"name": "Shop floor", "level": str(level)})
    assert answer.headers["Location"] == "/systems/shop-floor/requirements"
    assert user.get("/systems/shop-floor/requirements").status_code == 200


@pytest.mark.parametrize("form", [{"name": "", "level": "2"}, {"name": "Kept", "level": "9"}, {"name": "Kept"}])
def test_a_form_that_is_not_right_is_shown_again(user: Person, form: dict[str, str]) -> None:
    answer = user.post("/systems/new", form)
    assert answer.status_code == 422
    assert form["name"] in answer.text
