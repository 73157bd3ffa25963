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


def test_every_word_that_the_description_names_for_a_field_is_taken_and_any_other_is_refused(user: Person) -> None:
    models = user.get("/api/openapi.json").get_json()["components"]["schemas"]
    requirement, objective = "/systems/main/requirements/3.1.1", "/systems/main/requirements/3.1.1/objectives/a"
    seen = 0
    for model, path in (("RequirementChange", requirement), ("ObjectiveChange", objective)):
        for field, schema in models[model]["properties"].items():
            listed = schema["type"] == "array"
            for word in (schema["items"] if listed else schema).get("enum", []):
                sent = {field: [word] if listed else word} | ({"note": "why"} if model == "ObjectiveChange" else {})
                assert user.call("PATCH", path, sent).status_code == 200, sent
                seen += 1
            assert user.call("PATCH", path, {field: None}).status_code == 422, field
            if "enum" in (schema["items"] if listed else schema):
                assert user.call("PATCH", path, {field: ["x"] if listed else "x"}).status_code == 422, field
    assert seen == 16
    levels = models["NewSystem"]["properties"]["level"]["enum"]
    for level in range(5):
        made = user.call("POST", "/systems", {"name": f"Level {level}", "level": level})
        assert made.status_code == (201 if level in levels else 422), level


def test_bytes_are_described_as_of_any_type_for_each_file_has_its_own(user: Person) -> None:
    paths = user.get("/api/openapi.json").get_json()["paths"]
    content = paths["/api/v1/artifacts/{artifact_id}/versions/{number}/content"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["*/*"]


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


def test_it_says_how_one_signs_in_and_what_may_come_of_it(user: Person) -> None:
    found = user.get("/api/openapi.json").get_json()
    assert found["security"] == [{"session": []}, {"bearer": []}]
    schemes = found["components"]["securitySchemes"]
    assert (schemes["bearer"]["type"], schemes["bearer"]["scheme"]) == ("http", "bearer")
    assert "cmmc_" in schemes["bearer"]["description"]
    assert "X-CSRF-Token" in schemes["session"]["description"]
    for methods in found["paths"].values():
        for method, call in methods.items():
            assert {"401", "403", "429", "503"} <= set(call["responses"])
            assert "Retry-After" in call["responses"]["429"]["headers"]
            body = call.get("requestBody", {}).get("content", {})
            assert "application/json" not in body or {"400", "415"} <= set(call["responses"])
            assert (method == "get") != any(p["name"] == "X-CSRF-Token" for p in call["parameters"])
