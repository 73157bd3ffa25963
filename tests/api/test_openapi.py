"""The description of the API, and the page that shows it."""

from openapi_spec_validator import validate

from tests.conftest import Person


def test_the_description_is_valid_openapi_3_1(user: Person) -> None:
    found = user.get("/api/openapi.json").get_json()
    assert found["openapi"].startswith("3.1")
    validate(found)


def test_every_path_value_has_an_example(user: Person) -> None:
    paths = user.get("/api/openapi.json").get_json()["paths"]
    values = [
        p for methods in paths.values() for call in methods.values() for p in call["parameters"] if p["in"] == "path"
    ]
    assert values
    assert all(v["example"] for v in values)


def test_every_operation_has_a_name_of_its_own_and_says_how_it_fails(user: Person) -> None:
    paths = user.get("/api/openapi.json").get_json()["paths"]
    calls = [call for methods in paths.values() for call in methods.values()]
    assert len({call["operationId"] for call in calls}) == len(calls)
    for call in calls:
        assert {"401", "403"} <= set(call["responses"])
        assert all("application/problem+json" in a["content"] for s, a in call["responses"].items() if s >= "400")


def test_the_readable_page_names_every_call(user: Person) -> None:
    page = user.get("/api/docs").text
    for path in user.get("/api/openapi.json").get_json()["paths"]:
        assert path in page


def test_the_audit_log_is_paged_and_narrowed_for_administrators(admin: Person, user: Person) -> None:
    for number in range(3):
        user.upload(f"f{number}.txt", b"x")
    found = admin.call("GET", "/audit?action=artifact:created&actor=bo").get_json()
    assert [i["entity"] for i in found["items"]] == ["artifact:3", "artifact:2", "artifact:1"]
    assert found["next_cursor"] is None
    assert set(found["items"][0]) == {"id", "at", "actor", "address", "action", "entity", "detail", "hash"}
    assert admin.call("GET", "/audit?action=nothing").get_json()["items"] == []
    assert admin.call("GET", "/audit?since=2999-01-01").get_json()["items"] == []
    assert admin.call("GET", "/audit?until=2020-01-01T00:00:00Z").get_json()["items"] == []
    assert admin.call("GET", "/audit?since=never").status_code == 422
    assert user.call("GET", "/audit").status_code == 403
    assert admin.call("GET", "/audit?entity=artifact:*").get_json()["items"]


def test_the_audit_page_shows_and_narrows(admin: Person, user: Person) -> None:
    user.upload("f.txt", b"x")
    page = admin.get("/audit?action=artifact:created").text
    assert "artifact:1" in page
    assert "login:succeeded</td>" not in page
    assert "No entry fits" in admin.get("/audit?actor=nobody").text
    assert "not a date" in admin.get("/audit?since=x").text
