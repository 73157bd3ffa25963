"""What an operator sees of it running: `/metrics`, one line a request, and an answer that another version stopped."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.gate import versions
from cmmc_tracker.gate.doors import installation_of
from cmmc_tracker.gate.logs import JsonLines, Lines, numbered
from cmmc_tracker.gate.metrics import Counts
from cmmc_tracker.services.figures import Kept
from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person, person

TOKEN = "monitor-" * 4
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def watched(settings: config.Settings, tracker: Tracker) -> Flask:
    """The application with a token for `/metrics`."""
    return build(replace(settings, metrics_token=TOKEN), tracker)


def _figures(app: Flask) -> str:
    answer = app.test_client().get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    return answer.text


def _value(told: str, sample: str) -> float:
    found = [line for line in told.splitlines() if line.startswith(f"{sample} ")]
    assert len(found) == 1, (sample, told)
    return float(found[0].rsplit(" ", 1)[1])


def test_without_a_token_in_the_settings_there_is_no_such_page(app: Flask, admin: Person) -> None:
    assert app.test_client().get("/metrics", headers=BEARER).status_code == 404
    assert admin.get("/metrics").status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_only_the_token_opens_the_figures(watched: Flask, given: str) -> None:
    answer = watched.test_client().get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status_code == 401
    assert "cmmc_" not in answer.text.replace("cmmc_tracker", "")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_administrators_session_and_token_do_not_open_them(watched: Flask, tracker: Tracker) -> None:
    ada = person(watched, tracker, "ada", "admin")
    assert ada.get("/metrics").status_code == 401


def test_guessing_is_limited_and_the_right_token_never_waits(watched: Flask) -> None:
    guesses = [watched.test_client().get("/metrics", headers={"Authorization": "Bearer x"}) for _ in range(31)]
    assert guesses[0].status_code == 401
    assert guesses[-1].status_code == 429
    assert "Retry-After" in guesses[-1].headers
    told = _figures(watched)
    assert _value(told, 'cmmc_limit_refusals_total{endpoint="health.figures"}') == 1.0


def test_requests_are_counted_by_endpoint_and_no_path_person_or_title_is_a_label(
    watched: Flask, tracker: Tracker
) -> None:
    ada = person(watched, tracker, "ada", "admin")
    ada.upload("zebrafish.txt", b"narwhal", title="Zebrafish")
    ada.get("/artifacts/1")
    ada.get("/artifacts/1")
    ada.get("/no/such/place")
    ada.client.open("/", method="BREW")
    told = _figures(watched)
    assert _value(told, 'cmmc_requests_total{endpoint="artifacts.show",method="GET",status="200"}') == 2.0
    assert _value(told, 'cmmc_request_seconds_count{endpoint="artifacts.show",method="GET"}') == 2.0
    assert _value(told, 'cmmc_requests_total{endpoint="none",method="GET",status="404"}') == 1.0
    assert 'method="other"' in told
    assert _value(told, 'cmmc_request_body_bytes_total{endpoint="api.create_artifact"}') > 100
    assert not re.search(rf"zebrafish|narwhal|ada\b|/artifacts|such|BREW|{TOKEN}|{PASSWORD}", told, re.IGNORECASE)


def test_how_the_installation_stands_is_told_in_numbers(watched: Flask, tracker: Tracker) -> None:
    ada = person(watched, tracker, "ada", "admin")
    ada.upload("a.txt", b"some evidence")
    ada.post("/login", {"username": "ada", "password": "wrong"}, token=ada.token_of("/profile"))
    stranger = Person("ada", watched.test_client())
    stranger.post("/login", {"username": "ada", "password": "wrong"}, token=stranger.token_of("/login"))
    told = _figures(watched)
    for sample, value in (
        ("cmmc_database_up", 1.0),
        ("cmmc_contents", 1.0),
        ("cmmc_contents_damaged", 0.0),
        ("cmmc_texts_waiting", 1.0),
        ("cmmc_quarantine_waiting", 0.0),
    ):
        assert _value(told, sample) == value, sample
    assert _value(told, 'cmmc_refusals_total{action="login:failed"}') >= 1.0
    assert _value(told, "cmmc_audit_entries") > 3
    assert _value(told, "cmmc_oldest_check_timestamp_seconds") > 1.7e9
    assert _value(told, 'cmmc_free_bytes{place="store"}') > 0
    assert "cmmc_backup_last_timestamp_seconds" not in told, "there is none yet: absence is what an alert looks for"
    assert "cmmc_audit_stream" not in told


def test_while_the_database_does_not_answer_the_figures_say_so(
    watched: Flask, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmmc_tracker.errors import Busy
    from cmmc_tracker.services import figures

    def gone(*_: object) -> None:
        raise Busy("gone")

    monkeypatch.setattr(figures, "read", gone)
    assert _value(_figures(watched), "cmmc_database_up") == 0.0


def test_many_scrapes_at_once_ask_the_database_once() -> None:
    asked: list[int] = []
    kept = Kept(lambda: asked.append(1), seconds=60)  # type: ignore[arg-type,return-value,func-returns-value]
    kept._found = "something"
    kept._at = float("inf")
    assert [kept.get() for _ in range(3)] == ["something"] * 3
    assert asked == []
    kept._at = float("-inf")
    kept.get()
    assert asked == [1]


def test_every_number_that_the_docs_tell_to_alert_on_exists(watched: Flask) -> None:
    told = _figures(watched)
    known = set(re.findall(r"^# TYPE (\w+)", told, re.MULTILINE))
    known |= {"cmmc_audit_stream_behind_entries", "cmmc_audit_stream_failures"}
    known |= {"cmmc_backup_last_timestamp_seconds", "cmmc_oldest_check_timestamp_seconds"}
    named = set(re.findall(r"`?\b(cmmc_[a-z_]+[a-z])\b", Path("docs/operate.md").read_text())) - {"cmmc_tracker"}
    unknown = {n for n in named if n not in known and n.removesuffix("_count").removesuffix("_bucket") not in known}
    assert unknown == set()
    assert len(named) > 8


def test_the_parent_and_its_workers_share_their_counts(tmp_path: Path) -> None:
    from prometheus_client import values

    patch = pytest.MonkeyPatch()
    patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    patch.setattr(values, "ValueClass", values.MultiProcessValue())  # type: ignore[no-untyped-call]
    try:
        counts = Counts(TOKEN, tmp_path)
        import os

        for _ in range(2):
            child = os.fork()
            if child == 0:
                counts.at_door("POST", 401)
                os._exit(0)
            os.waitpid(child, 0)
        told = counts.exposed().decode()
        assert _value(told, 'cmmc_requests_total{endpoint="door",method="POST",status="401"}') == 2.0
    finally:
        patch.undo()


class _Kept(logging.Handler):
    """Keeps every line as a server would write it, in both forms."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(numbered)
        self.text: list[str] = []
        self.json: list[str] = []
        self._inner = logging.Formatter("%(levelname)s: %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(Lines(self._inner).format(record))
        self.json.append(JsonLines().format(record))


@pytest.fixture
def lines() -> _Kept:
    """What is logged."""
    kept = _Kept()
    root = logging.getLogger("cmmc_tracker")
    before = root.level
    root.addHandler(kept)
    root.setLevel(logging.INFO)
    yield kept
    root.removeHandler(kept)
    root.setLevel(before)


def _requests(lines: _Kept) -> list[dict[str, object]]:
    return [one for one in map(json.loads, lines.json) if one["logger"] == "cmmc_tracker.access"]


def test_each_request_has_one_line_with_its_number_which_the_answer_carries(user: Person, lines: _Kept) -> None:
    answer = user.get("/artifacts?q=zebrafish")
    (line,) = _requests(lines)
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{16}", str(line["request_id"]))
    told = {name: line[name] for name in ("method", "endpoint", "path", "status", "user", "address", "level")}
    assert told == {
        "method": "GET",
        "endpoint": "artifacts.index",
        "path": "/artifacts",
        "status": 200,
        "user": user.id,
        "address": "127.0.0.1",
        "level": "info",
    }
    assert isinstance(line["ms"], float)
    assert lines.text[-1].endswith(f", request {line['request_id']}")
    assert user.get("/artifacts").headers["X-Request-Id"] != line["request_id"]


def test_the_reference_that_a_person_sees_leads_to_the_number(user: Person, lines: _Kept) -> None:
    answer = user.get("/api/v1/artifacts/999")
    reference = answer.get_json()["reference"]
    about = [one for one in map(json.loads, lines.json) if reference in one["message"]]
    assert [one["request_id"] for one in about] == [answer.headers["X-Request-Id"]]


def test_a_trusted_proxys_number_is_taken_and_a_strangers_is_not(
    app: Flask, settings: config.Settings, tracker: Tracker
) -> None:
    behind = build(replace(settings, trusted_proxies=1), tracker)
    given = {"X-Request-Id": "proxy-0123456789"}
    assert behind.test_client().get("/healthz", headers=given).headers["X-Request-Id"] == "proxy-0123456789"
    assert app.test_client().get("/healthz", headers=given).headers["X-Request-Id"] != "proxy-0123456789"
    for bad in ("short", "x" * 65, "a b c d e f g h", 'quote"quote"'):
        answer = behind.test_client().get("/healthz", headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] != bad


def test_no_line_of_a_walk_holds_a_secret(watched: Flask, tracker: Tracker, lines: _Kept) -> None:
    ada = person(watched, tracker, "ada", "admin")
    made = ada.post("/profile/tokens", {"name": "t", "scope": "read", "days": "30", "password": PASSWORD})
    tokens = re.findall(r"cmmc_[A-Za-z0-9_-]{30,}", made.text)
    ada.client.get("/api/v1/systems", headers={"Authorization": "Bearer cmmc_hunter2hunter2"})
    ada.client.get("/setup/hunter2-set-up")
    ada.client.get("/link/hunter2-link")
    ada.get(f"/login?next=/&password={PASSWORD}")
    ada.post("/login", {"username": PASSWORD, "password": "hunter2"}, token="f" * 64)
    watched.test_client().get("/metrics", headers=BEARER)
    watched.test_client().get("/metrics", headers={"Authorization": "Bearer hunter2"})
    written = "\n".join([*lines.text, *lines.json])
    assert len(_requests(lines)) > 8
    cookies = [one.value for one in ada.client._cookies.values()]
    for secret in (PASSWORD, "hunter2", TOKEN, ada.token, *tokens, *cookies):
        assert secret not in written, secret[:8]


def test_a_line_is_one_line_of_json_whatever_stands_in_a_path(user: Person, lines: _Kept) -> None:
    odd = '/no\r\n{"level":"x"}\u2028\x1b[2K'.encode().decode("latin-1")
    user.client.get("/no", environ_overrides={"PATH_INFO": odd})
    assert lines.json
    for one in lines.json:
        assert one.isascii()
        assert one.isprintable()
        assert json.loads(one)["level"] == "info"


def test_a_server_that_was_told_to_stop_is_not_ready_and_answers_on(app: Flask, user: Person) -> None:
    assert app.test_client().get("/readyz").status_code == 200
    installation_of(app).stopping.set()
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200
    assert user.get("/artifacts").status_code == 200


def test_an_older_program_answers_no_more_once_a_newer_one_upgraded_the_database(
    app: Flask, user: Person, tracker: Tracker
) -> None:
    look: versions.Look = app.extensions[versions.EXTENSION]
    look.seconds = 0.0
    assert user.get("/artifacts").status_code == 200
    _set(tracker, "9999")
    refused = user.upload("a.txt", b"some evidence")
    assert refused.status_code == 503
    assert "another version" in refused.get_json()["detail"]
    assert app.test_client().get("/readyz").status_code == 503
    assert app.test_client().get("/healthz").status_code == 200
    _set(tracker, versions_head())
    assert user.get("/artifacts").status_code == 200
    assert user.get("/api/v1/artifacts").get_json()["items"] == []


def versions_head() -> str:
    """The newest migration of this version."""
    from cmmc_tracker.storage.database import HEAD

    return HEAD


def _set(tracker: Tracker, revision: str) -> None:
    with tracker.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = :found"), {"found": revision})
