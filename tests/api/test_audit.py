"""The audit log by the API."""

import pytest

from tests.conftest import Person

KEYS = {"id", "at", "actor", "address", "action", "entity", "detail", "hash"}


def _items(who: Person, query: str) -> list[dict[str, object]]:
    answer = who.call("GET", f"/audit?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.get_json()["items"]
    return items


def test_entries_come_newest_first_page_by_page(admin: Person) -> None:
    for number in range(60):
        admin.call("POST", "/systems", {"name": f"System {number}", "level": 2})
    first = admin.call("GET", "/audit?action=system:created").get_json()
    ids = [one["id"] for one in first["items"]]
    assert len(ids) == 50
    assert set(first["items"][0]) == KEYS
    rest = admin.call("GET", f"/audit?action=system:created&cursor={first['next_cursor']}").get_json()
    assert rest["next_cursor"] is None
    both = ids + [one["id"] for one in rest["items"]]
    assert both == sorted(both, reverse=True)
    assert len(both) == 61


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("actor=bo&action=artifact:created", 2),
        ("action=artifact:*&actor=bo", 2),
        ("entity=artifact:1", 1),
        ("entity=artifact:*&q=SECOND", 1),
        ("q=second&actor=ada", 0),
        ("q=second&since=2000-01-01T00:00:00Z&action=artifact:created", 1),
        ("q=second&until=2000-01-01", 0),
        ("actor=nobody", 0),
        ("action=no:such", 0),
        ("entity=x%27%20OR%201=1--", 0),
        ("q=%25", 0),
        ("q=%00%0a", 5),
    ],
)
def test_filters_narrow_and_what_matches_nothing_gives_no_items(
    admin: Person, user: Person, query: str, count: int
) -> None:
    user.upload("first.txt", b"1")
    user.upload("second.txt", b"2")
    found = _items(admin, query)
    assert len(found) == count if count < 5 else len(found) >= count


def test_a_time_that_is_none_is_refused_and_users_are_refused(admin: Person, user: Person, stranger: Person) -> None:
    assert set(admin.call("GET", "/audit?since=soon").get_json()["errors"]) == {"since"}
    assert admin.call("GET", "/audit?cursor=-1").status_code == 400
    assert user.call("GET", "/audit").status_code == 403
    assert stranger.client.get("/api/v1/audit").status_code == 401


def test_the_text_filter_is_described(user: Person) -> None:
    described = user.get("/api/openapi.json").get_json()["paths"]["/api/v1/audit"]["get"]["parameters"]
    assert {"actor", "action", "entity", "since", "until", "q", "cursor"} <= {one["name"] for one in described}
