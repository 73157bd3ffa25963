"""The page of what is open, its hints, and the same by the API."""

import re
from typing import Any

import pytest
from sqlalchemy import event

from cmmc_tracker.domain.readiness import CHECKS
from cmmc_tracker.services import systems
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.test_snapshots import fill

PAGE = "/systems/main/readiness"
HINT = f"{PAGE}/checks/24"  # no owner


def version(who: Person) -> str:
    """The version that the page's forms carry."""
    found = re.search(r'name="version" value="(\d+)"', who.get(PAGE).text)
    assert found
    return found[1]


def test_a_new_install_is_told_what_stands_open_and_where_it_is_mended(admin: Person) -> None:
    page = admin.get(PAGE).text
    assert "of our 31 checks are open" in page
    assert "%" not in re.sub(r"<[^>]*>", "", page.split("<main", 1)[1])
    assert 'href="/systems/main/requirements/AC.L2-3.1.1?objective=a#objective-a"' in page
    assert 'href="/systems/main/people"' in page
    assert 'href="/systems/main/scope"' in page
    assert "and 98 more" in page
    whole = admin.get(f"{PAGE}?by=check&group=20").text
    assert whole.count("Nothing of it is assessed.") == 110
    assert "and 98 more" not in whole


@pytest.mark.parametrize("by", ["requirement", "person"])
def test_it_is_grouped_by_requirement_and_by_person_too(admin: Person, by: str) -> None:
    admin.post("/systems/main/people", {"duty": "owner", "what": "AC", "person": "ada"})
    page = admin.get(f"{PAGE}?by={by}").text
    assert ("AC.L2-3.1.1 <span" if by == "requirement" else "ada <span") in page
    assert admin.get(f"{PAGE}?by=mood").status_code == 404
    assert "Nothing is open there" in admin.get(f"{PAGE}?group=nope").text


def test_a_hint_is_switched_off_and_on_again_and_the_log_says_who(admin: Person, user: Person) -> None:
    assert admin.post(HINT, {"wanted": "off", "version": version(admin)}).status_code == 302
    page = admin.get(PAGE).text
    assert "Switched off here" in page
    assert "of our 30 checks are open" in page
    assert "1 more is switched off" in page
    assert "Nobody is named who answers" not in page
    assert user.call("GET", "/systems/main/readiness").get_json()["switched_off"] == [24]
    assert user.post(HINT, {"wanted": "on", "version": version(user)}).status_code == 302
    assert "Nobody is named who answers" in admin.get(PAGE).text
    entries = admin.call("GET", "/audit?action=check:switched").get_json()["items"]
    assert [(e["actor"], e["detail"]["after"]) for e in entries] == [("bo", []), ("ada", [24])]


def test_a_check_that_rests_on_the_rule_is_never_switched_off(admin: Person) -> None:
    answer = admin.post(f"{PAGE}/checks/1", {"wanted": "off", "version": version(admin)})
    assert answer.status_code == 409
    assert "rests on the rule" in answer.text
    assert admin.post(f"{PAGE}/checks/99", {"wanted": "off"}).status_code == 404
    assert admin.post(HINT, {"wanted": "perhaps"}).status_code == 400


def test_a_switch_on_an_old_page_changes_nothing(admin: Person) -> None:
    seen = version(admin)
    admin.post(HINT, {"wanted": "off", "version": seen})
    answer = admin.post(f"{PAGE}/checks/19", {"wanted": "off", "version": seen})
    assert answer.status_code == 412
    assert "Somebody else changed this system meanwhile" in answer.text
    assert "of our 30 checks" in answer.text


def test_it_is_nobodys_but_the_members(outsider: Person) -> None:
    for method, path in (("GET", PAGE), ("POST", HINT), ("GET", "/api/v1/systems/main/readiness")):
        answer = outsider.client.open(path, method=method, headers={"X-CSRF-Token": outsider.token})
        assert answer.status_code == 404


def test_the_api_tells_each_finding_with_its_check_and_why(user: Person) -> None:
    found: dict[str, Any] = user.call("GET", "/systems/main/readiness").get_json()
    assert found["checks"] == len(CHECKS)
    first = next(one for one in found["findings"] if one["check"] == 20)
    assert (first["requirement"], first["objective"], first["level"]) == ("AC.L2-3.1.1", "AC.L2-3.1.1[a]", "stops")
    assert "32 CFR" in first["why"]


def test_the_pages_of_an_assessment_take_a_fixed_number_of_statements(admin: Person, tracker: Tracker) -> None:
    paths = {
        PAGE: 19,
        "/api/v1/systems/main/readiness": 19,
        "/systems/main/placemat": 8,
        "/systems/main/worksheet": 8,
        "/systems/main/assess": 14,
        "/systems/main/people": 6,
        "/systems/main/worksheet/interviews": 8,
    }
    before = {path: _statements(admin, tracker, path) for path in paths}
    assert admin.upload("a.txt", b"a", objectives="3.1.1[a]").status_code == 201
    with tracker.read() as work:
        main = systems.all_of(work)["main"]
    fill(tracker, main, 200, 1_000, 300, first=10)
    for path, most in paths.items():
        assert before[path] <= most, path
        assert _statements(admin, tracker, path) <= most, path


def _statements(who: Person, tracker: Tracker, path: str) -> int:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(tracker.engine, "before_cursor_execute", note)
    assert who.get(path).status_code == 200
    event.remove(tracker.engine, "before_cursor_execute", note)
    return len([one for one in seen if one.lstrip().upper().startswith("SELECT")])
