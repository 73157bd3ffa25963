"""The page of the audit log: filters, the chain, and the log as a file."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from cmmc_tracker.domain.audit import GENESIS, Event
from cmmc_tracker.services import audit
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Person, person
from tests.services.test_audit import fill, rewrite, tamper

EXPORTS = ("/audit/export.csv", "/audit/export.json")


def _things(page: str) -> list[str]:
    return re.findall(r'data-label="Thing">([^<]*)<', page)


def test_the_filters_narrow_the_page_and_stay_in_its_form(admin: Person, user: Person) -> None:
    user.upload("a.txt", b"first")
    user.upload("the <b> best.txt", b"second")
    assert _things(admin.get("/audit?entity=artifact:2").text) == ["artifact:2"]
    assert _things(admin.get("/audit?actor=bo&action=artifact:created").text) == ["artifact:2", "artifact:1"]
    assert _things(admin.get("/audit?entity=artifact:*&q=BEST").text) == ["artifact:2"]
    assert _things(admin.get("/audit?since=2000-01-01&until=2000-01-02").text) == []
    nothing = admin.get("/audit?q=%25%27%20OR%201=1").text
    assert "No entry fits this filter." in nothing
    assert 'value="%&#39; OR 1=1"' in nothing
    assert '<option value="artifact:*" selected>' in admin.get("/audit?action=artifact:*").text


@pytest.mark.parametrize("path", ["/audit", *EXPORTS])
def test_what_is_no_date_is_told_and_nothing_is_listed(admin: Person, path: str) -> None:
    answer = admin.get(f"{path}?since=yesterday&until=9999-12-31")
    assert answer.status_code == (200 if path == "/audit" else 422)
    assert answer.text.count("This is not a date; write it as 2026-11-24.") == 2 or path in EXPORTS
    assert _things(answer.text) == []


def test_pages_follow_each_other_with_the_filter_kept(admin: Person, tracker: Tracker) -> None:
    fill(tracker, 70)
    seen: list[str] = []
    path = "/audit?entity=setting:*&q=NUMBER"
    while path:
        page = admin.get(path).text
        seen += _things(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"setting:{n}" for n in range(69, -1, -1)]


def test_the_chain_is_told_with_its_last_entry_and_head(admin: Person, tracker: Tracker) -> None:
    page = admin.get("/audit").text
    with tracker.read() as work:
        newest = audit.newest(work)
    assert re.search(rf"Chain intact</span> up to entry {newest.entry},\s+HEAD", page)
    assert f'title="{newest.hash}">{newest.hash[:8]}…</code>' in page
    assert "Every entry was checked" in page


def test_a_broken_chain_is_told_in_words_with_the_number_of_the_entry(admin: Person, tracker: Tracker) -> None:
    fill(tracker, 5)
    tamper(tracker, "UPDATE audit SET detail = '[1]' WHERE id = 5")
    page = admin.get("/audit").text
    assert "The chain is broken at entry 5:</strong> its content is not what was recorded" in page
    assert "Entries 1 to 4 are intact" in page
    assert page.count("altered</span>") == 1
    assert "Chain intact" not in page
    assert admin.post("/audit/check").status_code == 302
    after = admin.get("/audit").text
    assert "broken at entry 5" in after
    assert "was checked, entry by entry" not in after


def test_of_a_long_log_the_page_says_what_was_not_checked_yet_and_the_button_checks_it(
    admin: Person, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tracker, 20)
    monkeypatch.setattr(audit.Watch.look, "__defaults__", (10,))
    with tracker.read() as work:
        last = audit.newest(work).entry
    assert f"The {last - 10} after it are not checked yet" in admin.get("/audit").text
    assert admin.post("/audit/check").status_code == 302
    page = admin.get("/audit").text
    assert f"The whole log was checked, entry by entry: intact up to entry {last}." in page
    assert "Every entry was checked" in page


def test_a_log_that_was_written_anew_as_a_whole_is_told_by_a_server_that_saw_it_before(
    admin: Person, tracker: Tracker
) -> None:
    with tracker.read() as work:
        last = audit.newest(work).entry
    assert "Chain intact" in admin.get("/audit").text
    rewrite(tracker)
    assert f"The chain is broken at entry {last}:</strong> it is not what this server process saw there" in (
        admin.get("/audit").text
    )
    assert "are intact." not in admin.get("/audit").text


def _chain(rows: list[dict[str, object]]) -> Iterator[str]:
    """Compute the chain again with nothing but SHA-256, as the documentation says."""
    previous = "0" * 64
    for row in rows:
        fields = [previous, *(row[n] for n in ("at", "actor_id", "actor", "address", "action", "entity", "detail"))]
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        yield previous


def test_the_chain_can_be_computed_again_from_the_json_export(
    admin: Person, user: Person, app: Flask, tracker: Tracker
) -> None:
    user.upload("Prüfung \u2028 “quoted” \\ back.txt", b"evidence", description="two\nlines\t=1+1")
    person(app, tracker, "Ève")
    with tracker.read() as work:
        newest = audit.newest(work)
    answer = admin.get("/audit/export.json")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="audit-log-to-{newest.entry}.json"'
    rows = json.loads(answer.data)
    assert [row["id"] for row in rows] == list(range(1, newest.entry + 1))
    assert list(_chain(rows)) == [row["hash"] for row in rows]
    assert [GENESIS, *(row["hash"] for row in rows)][:-1] == [row["previous"] for row in rows]
    assert rows[-1]["hash"] == newest.hash
    assert rows[-1]["at"] == newest.at
    assert len(answer.text.splitlines()) == len(rows) + 2


def test_the_csv_export_has_all_columns_and_no_formula(admin: Person, tracker: Tracker, app: Flask) -> None:
    person(app, tracker, "@bo")
    made = admin.get("/audit/export.csv?actor=@bo")
    assert made.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(made.text, newline="")))
    assert [(row["actor"], row["action"]) for row in rows] == [("'@bo", "login:succeeded")]
    assert list(rows[0]) == [
        *("id", "at", "actor_id", "actor", "address", "action", "entity", "detail", "previous", "hash")
    ]
    with tracker.read() as work:
        kept = work.rows(audit.select(audit.audit).where(audit.audit.c.actor == "@bo"))
    assert (rows[0]["at"], rows[0]["hash"]) == (kept[0].at, kept[0].hash)


@pytest.mark.parametrize("path", EXPORTS)
def test_an_export_keeps_the_filter_of_the_page_and_is_in_the_log_itself(
    admin: Person, user: Person, path: str
) -> None:
    user.upload("a.txt", b"first")
    page = admin.get("/audit?entity=artifact:*&q=A.TXT").text
    address = re.search(rf'href="({re.escape(path)}\?[^"]+)" download', page)
    assert address
    text = admin.get(address[1].replace("&amp;", "&")).text
    assert "artifact:created" in text
    assert "login:succeeded" not in text
    noted = admin.call("GET", "/audit?action=audit:exported").get_json()["items"]
    assert [(one["actor"], one["detail"]["filter"], one["detail"]["format"]) for one in noted] == [
        ("ada", {"entity": "artifact:*", "text": "A.TXT"}, path.rpartition(".")[2])
    ]


def test_an_export_of_nothing_is_still_a_file_that_can_be_read(admin: Person) -> None:
    assert json.loads(admin.get("/audit/export.json?actor=nobody").data) == []
    assert len(list(csv.reader(io.StringIO(admin.get("/audit/export.csv?actor=nobody").text)))) == 1


def test_an_export_is_sent_while_it_is_read(admin: Person, tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        for number in range(3 * audit.EXPORT_STEP):
            work.record(Event.SETTINGS_CHANGED, f"setting:{number}")
    answer = admin.client.get("/audit/export.json")
    pieces = iter(answer.response)
    first = next(pieces)
    last = f'"entity": "setting:{3 * audit.EXPORT_STEP - 1}"'.encode()
    with tracker.write(OPERATOR) as work:
        work.record(Event.SETTINGS_CHANGED, "setting:later")
    rest = b"".join(pieces)
    assert last not in first
    assert last in rest
    assert b"setting:later" not in rest
    assert len(json.loads(first + rest)) > 3 * audit.EXPORT_STEP


@pytest.mark.parametrize("path", EXPORTS)
def test_an_export_is_refused_to_users_and_strangers(user: Person, stranger: Person, path: str) -> None:
    refused = user.get(path)
    assert refused.status_code == 403
    assert "login:succeeded" not in refused.text
    assert stranger.get(path).status_code == 302
    assert user.post("/audit/check").status_code == 403
