"""The audit log under attack: many writers, names that want to be lines, secrets that must not stand in it."""

import ast
import io
import json
import logging
import multiprocessing
import re
import time
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask, request
from sqlalchemy import event, select

from cmmc_tracker.cli.lines import LineFormatter
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services import audit, logins
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.tables import audit as table
from cmmc_tracker.storage.tables import second_factors
from tests.conftest import OPERATOR, PASSWORD, Clock, Person, person
from tests.services.test_audit import fill

SRC = Path("src/cmmc_tracker")
WORKERS, ENTRIES = 4, 25


def _append(url: str, folder: str, name: str, go: Any) -> None:
    """A worker process of its own: its own engine, its own connections."""
    engine = make_engine(url)
    tracker = Tracker(engine, FolderBlobs(Path(folder)))
    go.wait(60)
    for number in range(ENTRIES):
        with tracker.write(OPERATOR) as work:
            work.record(Event.SETTINGS_CHANGED, f"setting:{name}-{number}")
            work.record(Event.SETTINGS_CHANGED, f"setting:{name}-{number}b")
        time.sleep(0.004)  # SQLite's waiters sleep: without a pause one worker would write all it has in one go
    engine.dispose()


def test_processes_that_append_at_once_make_one_unbroken_chain(
    tracker: Tracker, database_url: str, tmp_path: Path
) -> None:
    with tracker.read() as work:
        before = audit.length(work)
    spawn = multiprocessing.get_context("spawn")
    go = spawn.Barrier(WORKERS)
    given = [(database_url, str(tmp_path / "uploads"), f"w{n}", go) for n in range(WORKERS)]
    workers = [spawn.Process(target=_append, args=one) for one in given]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * WORKERS
    with tracker.read() as work:
        assert audit.broken(work) is None
        assert audit.length(work) == before + WORKERS * ENTRIES * 2
        names = [row.entity[8:10] for row in work.rows(select(table.c.entity).order_by(table.c.id))][before:]
    turns = sum(one != other for one, other in pairwise(names))
    assert turns >= WORKERS, "the workers did not write at once"


HOSTILE = "eve\r\nINFO: 200 for admin\x00\x1b[2J\x85\u2028\u202e"


def _is_one_line(text: str) -> bool:
    return "\x1b" not in text and "\u202e" not in text and len((text + "x").splitlines()) == 1


def test_a_name_or_a_file_name_cannot_make_a_second_line_in_the_audit_log(
    admin: Person, user: Person, stranger: Person, tracker: Tracker
) -> None:
    form = {"username": HOSTILE, "password": "no"}
    assert stranger.post("/login", form, token=stranger.token_of("/login")).status_code == 401
    assert admin.post("/admin/users", {**form, "password": PASSWORD, "role": "user"}).status_code in {302, 422}
    made = user.call("POST", "/systems", {"name": f"Lab {HOSTILE}", "level": 2})
    assert made.status_code in {201, 422}
    data = {"title": f"T {HOSTILE}", "file": (io.BytesIO(b"evidence"), f"{HOSTILE}.txt"), "system": "main"}
    user.client.post("/api/v1/artifacts", data=data, headers={"X-CSRF-Token": user.token})
    user.post("/profile/tokens", {"token_name": HOSTILE, "scope": "read", "days": "9", "confirm_password": PASSWORD})
    user.client.get(f"/audit?x={HOSTILE.encode().hex()}")
    user.client.post(f"/admin/users/1/disable%0aINFO%3a{1}", headers={"X-CSRF-Token": user.token})
    with tracker.read() as work:
        rows = work.rows(select(table))
    assert {"login:failed", "token:created"} <= {row.action for row in rows}
    for row in rows:
        for text in (row.actor, row.address, row.entity, row.detail):
            assert _is_one_line(text), row
    export = admin.get("/audit/export.json").text
    assert len(export.splitlines()) == len(rows) + 3 - 1


def test_a_request_cannot_make_a_second_line_in_the_servers_log(
    admin: Person, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = LineFormatter("%(levelname)s: %(message)s")
    with caplog.at_level(logging.INFO):
        admin.client.get("/no/such%0d%0aERROR:%20forged%1b[2J%e2%80%a8page")
        admin.client.open("/no/such", method="GE\u2028T")
    said = [record for record in caplog.records if record.name == "cmmc_tracker"]
    assert len(said) == 2
    for record in said:
        assert _is_one_line(record.getMessage())
        assert _is_one_line(formatter.format(record))


class Secrets:
    """What was typed and shown while every writing address was used."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    def new(self, text: str) -> str:
        """Remember a secret."""
        assert len(text) >= 6
        self.known.add(text)
        return text

    def password(self, number: int) -> str:
        """A password that the rules take."""
        return self.new(f"Zebra-{number}-Secret-Xylophone-{number * 7}")


def _drive_accounts(app: Flask, tracker: Tracker, clock: Clock, hidden: Secrets) -> Person:
    """Set-up, sign-in, second factor, tokens, password: as one person's browser does."""
    link = hidden.new(logins.make_setup_link(tracker) or "")
    ada = Person("ada", app.test_client())
    first, second = hidden.password(1), hidden.password(2)
    form = {"username": "ada", "password": first, "password_repeat": first}
    ada.token = ada.token_of(f"/setup/{link}")
    assert ada.post(f"/setup/{link}", form).status_code == 302
    ada.token = hidden.new(ada.token_of("/"))
    ada.post(
        "/profile/password", {"old_password": hidden.password(3), "new_password": second, "password_repeat": second}
    )
    form = {"old_password": first, "new_password": second, "password_repeat": second}
    assert ada.post("/profile/password", form).status_code == 302
    for wrong in (
        {"username": "ada", "password": hidden.password(4)},
        {"username": hidden.password(5), "password": "x"},
    ):
        assert ada.post("/login", wrong, token=ada.token_of("/login")).status_code == 401
    assert ada.sign_in(second).status_code == 302
    form = {"token_name": "ci", "scope": "write", "days": "5", "confirm_password": second}
    token = re.search(r"cmmc[\w-]{30,}", ada.post("/profile/tokens", form).text)
    assert token
    hidden.new(token[0])
    hidden.new(token[0].removeprefix("cmmc_"))
    bearer = {"Authorization": f"Bearer {token[0]}"}
    made = app.test_client().post("/api/v1/systems", json={"name": "By token", "level": 2}, headers=bearer)
    assert made.status_code == 201
    assert ada.post("/profile/tokens/1/revoke").status_code == 302
    assert app.test_client().get("/api/v1/systems", headers=bearer).status_code == 401
    _drive_second_factor(ada, tracker, clock, hidden, second)
    return ada


def _drive_second_factor(ada: Person, tracker: Tracker, clock: Clock, hidden: Secrets, password: str) -> None:
    assert ada.post("/profile/second-factor/begin").status_code == 302
    with tracker.read() as work:
        secret = hidden.new(work.row(select(second_factors.c.secret)).secret)
    code = hidden.new(pyotp.TOTP(secret).at(clock()))
    shown = ada.post("/profile/second-factor", {"code": code, "confirm_password": password})
    assert shown.status_code == 200, shown.text
    shown = ada.post("/profile/second-factor/codes", {"confirm_password": password})
    found = re.findall(r"<code>(\w{4}-\w{4}-\w{4}-\w{4})</code>", shown.text)
    assert len(found) == 10
    hidden.known |= set(found) | {one.replace("-", "") for one in found}
    ada.post("/logout")
    clock.forward(seconds=61)
    assert ada.sign_in(password).status_code == 302
    ada.post("/login/code", {"code": hidden.new("918273")}, token=ada.token_of("/login/code"))
    code = hidden.new(pyotp.TOTP(secret).at(clock()))
    assert ada.post("/login/code", {"code": code}, token=ada.token_of("/login/code")).status_code == 302
    ada.token = hidden.new(ada.token_of("/"))
    assert ada.post("/profile/second-factor/remove", {"confirm_password": password}).status_code == 302


def _drive_administration(ada: Person, hidden: Secrets) -> None:
    first = hidden.password(10)
    assert ada.post("/admin/users", {"username": "bo", "password": first, "role": "user"}).status_code == 302
    ada.post("/admin/users", {"username": hidden.password(11), "password": hidden.password(12), "role": "nonsense"})
    assert ada.post("/admin/users/2/password", {"password": hidden.password(13)}).status_code == 302
    for act in ("disable", "enable", "role", "second-factor", "delete"):
        ada.post(f"/admin/users/2/{act}", {"role": "user"})
    config = {"session_idle_minutes": "20", "session_longest_hours": "9", "scanner_away": "mark", "version": "1"}
    assert ada.post("/config", config).status_code == 302
    assert ada.post("/audit/check").status_code == 302


def _drive_the_rest(app: Flask, ada: Person, hidden: Secrets) -> None:
    """Every other writing address, as a page or a script does, with a file whose content is a secret."""
    content = hidden.new("content-of-the-file-8f2b").encode()
    headers = {"X-CSRF-Token": ada.token}
    for path in ("/artifacts/upload", "/api/v1/artifacts", "/artifacts"):
        data = {"title": "t", "objectives": "3.1.1[a]", "system": "main", "file": (io.BytesIO(content), "a.txt")}
        ada.client.post(path, data=data, headers=headers)
    _drive_imports(ada, content)
    _drive_requests(app, ada, hidden)
    _drive_assessment(ada)
    _drive_plans(ada, content)
    _drive_packages(app, ada, hidden)
    _drive_holds(ada)
    values = {"slug": "main", "requirement": "AC.L2-3.1.1", "letter": "a", "objective": "3.1.1[a]", "act": "enable"}
    values |= {"kind": "asset", "part": "people", "ending": "csv"}
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        # What ends the session or the membership of who drives comes last.
        ends = ("logout", "sessions", "/members/")
        for rule in sorted(app.url_map.iter_rules(), key=lambda one: any(word in one.rule for word in ends)):
            path = adapter.build(rule.endpoint, {n: values.get(n, 1) for n in rule.arguments})
            for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
                _one(ada, method, path, content)


def _drive_assessment(ada: Person) -> None:
    """What stands beside a finding: its basis, its second person; who owns it; a hint that is not asked."""
    place = "/systems/main/requirements/AC.L2-3.1.1/objectives/a"
    ada.post(place, {"status": "not_applicable", "note": "n"})
    assert ada.post(f"{place}/confirm").status_code == 302
    basis = {"basis": "inherited", "description": "n", "reference": "n"}
    assert ada.post(f"{place}/basis", basis).status_code == 302
    assert ada.post("/systems/main/people", {"duty": "owner", "what": "AC", "person": "ada"}).status_code == 302
    assert ada.post("/systems/main/readiness/checks/24", {"wanted": "off"}).status_code == 302


def _drive_imports(ada: Person, content: bytes) -> None:
    """An archive with a file whose content is a secret, and a register with a secret in a column that is not used."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("3.1.1[a] rules.txt", content)
    archive.seek(0)
    register = io.BytesIO(b"title,kind,password\nrules,policy," + content)
    for given in ((archive, "a.zip"), (register, "b.csv")):
        data = {"csrf_token": ada.token, "system": "main", "file": given}
        place = ada.client.post("/artifacts/import", data=data).headers["Location"]
        page, names = ada.get(place).text, ("member", "shown", "row", "digest")
        chosen = {name: re.findall(rf'name="{name}" value="(\w+)"', page) for name in names}
        assert ada.post(place, chosen).status_code in {200, 302}


def _drive_plans(ada: Person, content: bytes) -> None:
    """An item, moved on and reviewed; and a sheet with a secret in a column that is not used."""
    assert ada.call("PATCH", "/systems/main/requirements/3.1.3/objectives/a", {"status": "not_met"}).status_code == 200
    item = {"requirement": "3.1.3", "weakness": "flows", "kind": "poam"}
    place = ada.post("/systems/main/poam", item).headers["Location"]
    for path, form in (("act", {"act": "start"}), ("reviews", {"progress": "half"}), ("act", {"act": "ready"})):
        assert ada.post(f"{place}/{path}", form).status_code == 302
    assert ada.post(place, {**item, "weakness": "flows are open"}).status_code == 302
    sheet = b"requirement,weakness,password\n3.1.3,all flows are open," + content
    data = {"csrf_token": ada.token, "file": (io.BytesIO(sheet), "poam.csv")}
    place = ada.client.post("/systems/main/poam/import", data=data).headers["Location"]
    chosen = {name: re.findall(rf'name="{name}" value="(\w+)"', ada.get(place).text) for name in ("row", "digest")}
    assert ada.post(place, chosen).status_code == 302


def _drive_holds(ada: Person) -> None:
    """A package, a hold on it that is lifted, a later date."""
    place = ada.post("/systems/main/packages", {"name": "n", "purpose": "final", "reason": "n"}).headers["Location"]
    assert ada.post(f"{place}/holds", {"reason": "n"}).status_code == 303
    assert ada.post(f"{place}/holds/1/lift", {"reason": "n"}).status_code == 303
    assert ada.post(f"{place}/keep", {"retained_until": "2099-01-01", "version": "1"}).status_code == 303


def _drive_requests(app: Flask, ada: Person, hidden: Secrets) -> None:
    """A request, two links of it, and a file that comes by one of them, whose content and link are secrets."""
    due = (datetime.now(UTC) + timedelta(days=99)).date().isoformat()  # the drive's clock goes ahead
    form = {"objective": "3.1.1[a]", "wanted": "a list", "outside": "Northwind", "first_due": due}
    place = ada.post("/systems/main/requests", form).headers["Location"]
    for _ in range(2):
        link = re.search(r'data-copy="http://localhost(/link/([\w-]{43}))"', ada.post(f"{place}/links").text)
        assert link
        hidden.new(link[2])
    guest = Person("", app.test_client())
    data = {
        "csrf_token": hidden.new(guest.token_of(link[1])),
        "file": (io.BytesIO(hidden.new("content-of-the-guest-3c9e").encode()), "a.txt"),
    }
    assert guest.client.post(link[1], data=data).status_code == 200


def _drive_packages(app: Flask, ada: Person, hidden: Secrets) -> None:
    """A package that may be released; a link to it, whose secret and word are secrets; a question that came by it."""
    form = {"name": "n", "purpose": "final", "reason": "n", "releasable": "on"}
    place = ada.post("/systems/main/packages", form).headers["Location"] + "/viewers"
    day = (datetime.now(UTC) + timedelta(days=99)).date().isoformat()
    made = ada.post(f"{place}/links", {"whom": "Kim", "until": day}).text
    link, word = re.search(r"(/link/([\w-]{64})/package)", made), re.search(r">(\w{4}(?:-\w{4}){3})<", made)
    assert link
    assert word
    hidden.new(link[2])
    hidden.new(word[1])
    guest = Person("", app.test_client())
    guest.token = hidden.new(guest.token_of(f"{link[1]}/word"))
    assert guest.post(f"{link[1]}/word", {"word": hidden.new("nope-nope-nope-nope")}).status_code == 401
    assert guest.post(f"{link[1]}/word", {"word": word[1]}).status_code == 303
    assert guest.post(f"{link[1]}/questions", {"text": "why"}).status_code == 303
    assert ada.post(f"{place}/questions/1", {"answer": "so", "version": "1"}).status_code == 303


def _one(ada: Person, method: str, path: str, content: bytes) -> None:
    headers = {"X-CSRF-Token": ada.token}
    if path.startswith("/api/"):
        for body in ({"status": "met", "note": "n"}, {"narrative": "n"}, {"title": "n"}):
            ada.client.open(path, method=method, json=body, headers=headers)
    data = {"note": "n", "status": "met", "version": "1", "file": (io.BytesIO(content), "b.txt")}
    ada.client.open(path, method=method, data=data, headers=headers)


def test_the_log_holds_no_password_token_secret_or_content_whatever_is_written(
    app: Flask, tracker: Tracker, clock: Clock
) -> None:
    reached: set[tuple[str, str]] = set()
    statements: list[str] = []
    app.after_request(lambda answer: reached.add((request.endpoint or "", request.method)) or answer)
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    hidden = Secrets()
    ada = _drive_accounts(app, tracker, clock, hidden)
    _drive_administration(ada, hidden)
    _drive_the_rest(app, ada, hidden)
    writing = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert writing - reached == set(), "an address that writes was not used here"
    with tracker.read() as work:
        rows = work.rows(select(table))
        assert audit.broken(work) is None
    seen = {row.action for row in rows}
    assert {
        *("setup:finished", "login:failed", "login:succeeded", "login:code_asked", "user:password_changed"),
        *("user:password_reset", "token:created", "token:revoked", "token:refused", "second_factor:set"),
        *("second_factor:changed", "second_factor:removed", "settings:changed", "artifact:created", "user:deleted"),
        *(
            "evidence_request:made",
            "upload_link:made",
            "upload_link:opened",
            "upload_link:used",
            "artifact:quarantined",
        ),
        *("package:frozen", "package:held", "package:released", "package:kept_longer"),
        *("package:view_given", "package:unlocked", "package:word_refused", "package:asked", "package:answered"),
        *("objective:confirmed", "special:recorded", "assignment:made", "check:switched"),
        *("poam_item:added", "poam_item:edited", "poam_item:readied", "poam_item:removed", "poam_item:reviewed"),
        *("objective:judged", "requirement:edited", "system:created", "import:begun", "import:taken", "import:done"),
    } <= seen
    assert len(hidden.known) > 25
    for row in rows:
        everything = json.dumps([row.actor, row.address, row.entity, row.detail, json.loads(row.detail)])
        assert [one for one in hidden.known if one in everything] == [], row
    # No statement of the whole drive did anything to the log but read it and append to it.
    about = [one for one in statements if re.search(r"\baudit\b", one)]
    assert {one.split()[0].upper() for one in about} == {"SELECT", "INSERT"}


def test_no_code_but_the_work_appends_to_the_log_and_none_alters_it() -> None:
    """Read in the source: `insert(audit)` in `services/work.py` only, `update` and `delete` of it nowhere."""
    appends, alters = set(), set()
    for module in SRC.rglob("*.py"):
        name = str(module.relative_to(SRC))
        text = module.read_text()
        if re.search(r"(?i)\b(update|delete\s+from|truncate(\s+table)?|replace\s+into|drop\s+table)\s+audit\b", text):
            alters.add(name)
        if re.search(r"(?i)\binsert\s+(or\s+\w+\s+)?into\s+audit\b", text):
            appends.add(name)
        for node in ast.walk(ast.parse(text)):
            verb, about = _statement(node)
            if about and verb == "insert":
                appends.add(name)
            elif about and verb in {"update", "delete"}:
                alters.add(name)
    assert appends == {"services/work.py"}
    assert alters == set()


def _statement(node: ast.AST) -> tuple[str, bool]:
    """The verb of a call such as `insert(tables.audit)` or `audit.delete()`, and whether it is about the log."""
    if not isinstance(node, ast.Call):
        return "", False
    verb = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    about = [*node.args[:1], *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
    return verb, any(re.fullmatch(r"(.*\.)?audit(_table)?", ast.unparse(one)) for one in about)


def test_a_reader_of_the_log_is_not_held_up_by_a_writer(tracker: Tracker) -> None:
    fill(tracker, 3)
    with tracker.write(OPERATOR) as work:
        work.record(Event.SETTINGS_CHANGED, "setting:x")
        with tracker.read(OPERATOR) as reading:
            assert audit.broken(reading) is None
            assert audit.length(reading) == 4


def test_an_account_of_a_strange_name_is_found_by_the_filter_of_its_own_name(
    app: Flask, tracker: Tracker, admin: Person
) -> None:
    person(app, tracker, "@eve+x.y")
    found = admin.call("GET", "/audit?actor=%40eve%2Bx.y").get_json()["items"]
    assert [one["action"] for one in found] == ["login:succeeded"]
