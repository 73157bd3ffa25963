"""Finding artifacts: by what is said of them and in them, by people, numbers and hashes; the likeliest first."""

import hashlib

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql

from cmmc_tracker.services import findable
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person


@pytest.fixture
def shelf(user: Person, tracker: Tracker) -> Person:
    """Five artifacts, read."""
    user.upload("a.txt", b"the firewall is mentioned here", title="Network policy", kind="policy")
    user.upload("b.txt", b"nothing", title="Firewall rules", kind="configuration_export", objectives="3.1.1[a]")
    user.upload("c.txt", b"firewall again", title="Review", kind="log", collected_on="2025-01-10")
    user.upload("d.txt", b"else", title="Firewall photo", kind="screenshot", owner="bo")
    user.upload("e.txt", b"quarterly", title="Log review", cadence="quarterly", covers_until="2026-01-31")
    texts.turn(House(tracker))
    return user


def _ids(person: Person, text: str, **more: object) -> list[int]:
    answer = person.get("/api/v1/artifacts", query_string={"q": text, **more})
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.get_json()["items"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("firewall", [4, 2, 3, 1]),
        ("fire", [4, 2, 3, 1]),
        ("firewall mentioned", [1]),
        ("firewall kind:policy", [1]),
        ("kind:log", [3]),
        ("owner:bo", [4]),
        ("bo", [4]),
        ("objective:3.1.1[a]", [2]),
        ("3.1.1", [2]),
        ("stale:yes", [5]),
        ("stale:2026-01-01", []),
        ("before:2025-06-01", [3]),
        ("after:2025-06-01 firewall", [4, 2, 1]),
        ("state:draft", []),
        ("zebra", []),
        ("…", []),
    ],
)
def test_it_is_found_and_titles_come_first(shelf: Person, text: str, found: list[int]) -> None:
    assert _ids(shelf, text) == found


def test_an_index_that_is_written_anew_as_after_a_restore_finds_the_same(shelf: Person, tracker: Tracker) -> None:
    assert shelf.call("DELETE", "/artifacts/3").status_code == 204
    words = ("firewall", "mentioned", "again", "bo", "else", "quarterly", "b.txt", "network", "photo", "e txt")
    before = {one: _ids(shelf, one) for one in words}
    assert before["mentioned"] == [1]
    with tracker.write() as work:
        work.db.execute(sql("DELETE FROM artifact_search"))
    assert [_ids(shelf, one) for one in words] == [[]] * len(words)
    with tracker.write() as work:
        findable.remember_all(work, step=2)
    assert {one: _ids(shelf, one) for one in words} == before
    assert shelf.post("/trash/3/restore", {}).status_code == 302
    assert _ids(shelf, "again") == [3]


def test_a_work_about_very_many_artifacts_holds_few_locks(shelf: Person, tracker: Tracker) -> None:
    """PostgreSQL has room for some 6,400 of them in all: beyond that nothing could be restored or handed over."""
    with tracker.write() as work:
        for number in range(1, 2_000):
            findable.remember(work, number)
        if work.db.dialect.name == "postgresql":
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            assert 0 < work.db.execute(sql(held)).scalar_one() <= 256
    assert _ids(shelf, "mentioned") == [1]


def test_a_hash_is_found_whole_by_its_beginning_and_with_spaces_and_capitals(shelf: Person) -> None:
    sha256 = hashlib.sha256(b"else").hexdigest()
    spaced = " ".join(sha256[i : i + 8] for i in range(0, 64, 8)).upper()
    for text in (sha256, sha256[:8], sha256[:12].upper(), spaced):
        assert _ids(shelf, text) == [4], text


def test_eight_digits_that_are_no_hash_are_a_word(shelf: Person) -> None:
    shelf.upload("f.txt", b"x", title="Backup 20261124")
    assert _ids(shelf, "20261124") == [6]


def test_pages_go_from_titles_to_the_rest_and_miss_and_repeat_nothing(shelf: Person) -> None:
    seen, cursor = [], ""
    for _ in range(6):
        answer = shelf.get(f"/api/v1/artifacts?q=firewall&limit=1&cursor={cursor}").get_json()
        seen += [one["id"] for one in answer["items"]]
        if answer["next_cursor"] is None:
            break
        cursor = answer["next_cursor"]
    assert seen == [4, 2, 3, 1]


@pytest.mark.parametrize("limit", [2, 3])
def test_a_page_may_have_the_end_of_one_step_and_the_beginning_of_the_other(shelf: Person, limit: int) -> None:
    first = shelf.get(f"/api/v1/artifacts?q=firewall&limit={limit}").get_json()
    rest = shelf.get(f"/api/v1/artifacts?q=firewall&limit={limit}&cursor={first['next_cursor']}").get_json()
    assert [one["id"] for one in first["items"] + rest["items"]] == [4, 2, 3, 1]


def test_who_is_no_member_finds_nothing(shelf: Person, outsider: Person) -> None:
    assert shelf.id != outsider.id
    for text in ("firewall", "kind:log", hashlib.sha256(b"else").hexdigest()):
        assert _ids(outsider, text) == []


def test_the_page_marks_what_was_found_and_shows_where_it_stands(shelf: Person) -> None:
    page = shelf.get("/artifacts?q=firewall").text
    assert "<mark>Firewall</mark> rules" in page
    assert "the <mark>firewall</mark> is mentioned here" in page


def test_what_the_text_says_is_shown_as_text_never_as_markup(user: Person, tracker: Tracker) -> None:
    user.upload("x.txt", b"zebra <script>alert(1)</script> zebra")
    texts.turn(House(tracker))
    page = user.get("/artifacts?q=zebra").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_an_operator_that_cannot_be_read_is_told_at_the_field(shelf: Person) -> None:
    answer = shelf.get("/artifacts?q=kind:potato")
    assert answer.status_code == 422
    assert "There is no kind" in answer.text
    assert shelf.get("/api/v1/artifacts?q=kind:potato").status_code == 422


def test_the_number_of_an_objective_offers_to_go_there(shelf: Person) -> None:
    assert 'href="/systems/main/requirements/AC.L2-3.1.1?objective=a"' in shelf.get("/artifacts?q=3.1.1[a]").text


def test_signs_of_the_search_language_are_only_signs(shelf: Person) -> None:
    for text in ('" OR 1', "title:firewall*", "NOT firewall", "a AND", "(", "*", "firewall NEAR/1 rules", "x:*A & !y"):
        assert shelf.get("/artifacts", query_string={"q": text}).status_code == 200, text


def test_a_search_takes_few_statements(shelf: Person, tracker: Tracker) -> None:
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    assert shelf.get("/artifacts?q=firewall").status_code == 200
    assert len(seen) <= 10, seen
