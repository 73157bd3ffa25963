"""The house tests itself: what no single feature may forget."""

import ast
import hashlib
import json
import re
from pathlib import Path

import pytest
from flask import Flask

from cmmc_tracker import config
from cmmc_tracker.api.registry import OPERATIONS
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.gate.session import PUBLIC
from cmmc_tracker.services import tokens
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person
from tests.services.handoff.shown import assessor, browser, staged, view, wanted

SRC = Path("src/cmmc_tracker")
TEMPLATES = sorted(SRC.rglob("*.html"))
MODULES = sorted(SRC.rglob("*.py"))
BY_LINK = {"links.receive", "package_link.ask", "package_word.enter"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
ADMIN_ONLY = {
    *("users.index", "users.add", "users.change", "users.reset_password", "users.hand_over"),
    "users.preview_hand_over",
    *("settings.show", "settings.save", "audit.index", "api.list_audit"),
    *("audit.check", "audit.export_csv", "audit.export_json"),
    *("settings.rule_system", "settings.keep_row", "settings.welcome", "settings.answer"),
    *("memberships.index", "memberships.put", "memberships.end"),
}
VALUES = {
    "slug": "main",
    "requirement": "AC.L2-3.1.1",
    "letter": "a",
    "objective": "AC.L2-3.1.1[a]",
    "token": "x",
    "act": "disable",
    "kind": "asset",
    "remark_id": 1,
    "name": "a.txt",
    "report": "poam.xlsx",
    "filename": "app.css",
    "which": "boundary",
    "part": "people",
    "ending": "csv",
    "change_id": 1,
    "number": 1,
}


def _addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every (endpoint, method, path) of the app, with values that have the right form."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            values = {name: VALUES.get(name, 1) for name in rule.arguments}
            path = app.url_map.bind("localhost").build(rule.endpoint, values)
            found += [(rule.endpoint, method, path) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return found


def test_every_address_but_the_public_ones_turns_a_stranger_away(app: Flask, stranger: Person) -> None:
    seen = 0
    for endpoint, method, path in _addresses(app):
        if endpoint in PUBLIC:
            continue
        answer = stranger.client.open(path, method=method)
        if path.startswith("/api/"):
            assert answer.status_code == 401, (method, path)
        else:
            assert answer.status_code == 302, (method, path)
            assert answer.headers["Location"].startswith("/login?next="), (method, path)
        seen += 1
    assert seen > 30


def test_the_public_addresses_are_few_and_known() -> None:
    assert {
        "about.security_txt",
        "accounts.login",
        "accounts.second_step",
        "accounts.set_up",
        "accounts.sign_in",
        "health.alive",
        "health.figures",
        "health.ready",
        "links.receive",
        "links.show",
        *(f"package_link.{name}" for name in ("artifact", "ask", "content_of", "download", "home", "questions_page")),
        *("package_link.requirement", "package_link.search", "package_link.sheet"),
        *("package_word.enter", "package_word.show"),
        "static",
    } == PUBLIC


def test_every_write_without_a_csrf_token_is_refused_and_changes_nothing(app: Flask, admin: Person) -> None:
    seen = 0
    for endpoint, method, path in _addresses(app):
        if method in UNSAFE and endpoint not in BY_LINK:  # a bad link is not found, whatever comes with it
            answer = admin.client.open(path, method=method, data={"username": "x"})
            assert answer.status_code == 403, (endpoint, method, path)
            assert "page had expired" in answer.get_data(as_text=True), (endpoint, method, path)
            seen += 1
    assert seen > 20
    assert admin.get("/").status_code == 200


def test_every_write_with_a_token_of_another_session_is_refused(app: Flask, admin: Person, user: Person) -> None:
    for endpoint, method, path in _addresses(app):
        if method in UNSAFE and endpoint not in BY_LINK:
            answer = admin.client.open(path, method=method, headers={"X-CSRF-Token": user.token})
            assert answer.status_code == 403, (method, path)


def test_addresses_of_administrators_are_closed_to_users(app: Flask, user: Person) -> None:
    found = {
        endpoint
        for endpoint, _, path in _addresses(app)
        if "/admin/" in path or "/audit" in path or path.startswith(("/config", "/welcome"))
    }
    assert found == ADMIN_ONLY
    for endpoint, method, path in _addresses(app):
        if endpoint in ADMIN_ONLY:
            answer = user.client.open(path, method=method, headers={"X-CSRF-Token": user.token})
            assert answer.status_code == 403, (method, path)


def test_every_address_of_a_system_is_unknown_to_an_outsider(app: Flask, outsider: Person, user: Person) -> None:
    made = user.upload("evidence.txt", b"some evidence", objectives="3.1.1[a]").get_json()
    assert made["id"] == 1
    own = {"about", "accounts", "dashboard", "static", "health", "api_about", "profile", "second_factor"}
    own |= {"package_link", "package_word"}  # of nobody: a bad link is told to be one
    listing = {
        *("artifacts.index", "artifacts.upload", "artifacts.receive", "artifacts.picker"),
        *(
            "duties.mine",
            "duties.calendar",
            "duties.hand_over",
            "duties.preview_hand_over",
            "trash.index",
            "imports.new",
            "imports.receive",
        ),
        *(
            "quarantine.index",
            "links.show",
            "links.receive",
            "rules.show",
            "portfolio.show",
            "systems.new",
            "systems.create",
        ),
        *("triage.show", "triage.move", "artifacts.act_on_selection", "artifacts.undo"),
        *("api.list_systems", "api.create_system", "api.list_artifacts", "api.create_artifact"),
    }
    seen = 0
    for endpoint, method, path in _addresses(app):
        if endpoint in listing | ADMIN_ONLY or endpoint.split(".")[0] in own:
            continue
        json = {} if endpoint.startswith("api.") else None
        answer = outsider.client.open(
            f"{path}?system=main", method=method, json=json, headers={"X-CSRF-Token": outsider.token}
        )
        assert answer.status_code in {404, 422}, (method, path, answer.status_code)
        assert "evidence" not in answer.get_data(as_text=True).lower().replace("as evidence", ""), (method, path)
        seen += 1
    assert seen > 15
    assert outsider.call("GET", "/artifacts").get_json()["items"] == []
    assert outsider.call("GET", "/systems").get_json()["items"] == []


# What an assessor's account may open beside its package: what is its own, and what anybody may.
ASSESSORS = {
    *("dashboard.show", "accounts.logout", "profile.show", "profile.change_password", "profile.end_session"),
    *("second_factor.show", "second_factor.begin", "second_factor.confirm", "second_factor.renew"),
}


def test_every_address_but_its_package_and_its_own_is_unknown_to_an_assessor(
    app: Flask, tracker: Tracker, admin: Person
) -> None:
    assert admin.upload("evidence.txt", b"some evidence", objectives="3.1.1[a]").get_json()["id"] == 1
    stage = staged(tracker)
    assessor(tracker)
    view(tracker, stage, wanted(tracker, may_download=True))
    asa = browser(app, tracker)
    other = staged(tracker, name="cy").package.id
    seen = 0
    for endpoint, method, path in _addresses(app):
        if endpoint in PUBLIC | ASSESSORS or endpoint.startswith("assessor."):
            continue
        for slugs in ("?system=main", ""):
            answer = asa.client.open(f"{path}{slugs}", method=method, headers={"X-CSRF-Token": asa.token})
            assert answer.status_code == 404, (method, path, answer.status_code)
            assert "evidence" not in answer.text.lower(), (method, path)
        seen += 1
    assert seen > 200
    assert asa.get("/assessor/1").status_code == 200
    for path in (
        "/assessor/2",
        f"/systems/main/packages/{other}/download",
        f"/systems/main/packages/{stage.package.id}",
    ):
        assert asa.get(path).status_code == 404, path
    with tracker.write(Actor(asa.id, "asa", Role.USER)) as work:
        token = tokens.make(work, tokens.Wanted.parse("program", "write", "30"))
    for _, method, path in _addresses(app):
        if path.startswith("/api/"):
            answer = app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 404, (method, path)


def test_every_environment_variable_is_in_the_readme() -> None:
    readme = Path("README.md").read_text()
    missing = [v.name for v in config.VARIABLES if f"`{v.name}`" not in readme]
    assert missing == []


def test_every_operation_is_in_openapi(app: Flask, user: Person) -> None:
    described = user.get("/api/openapi.json").get_json()["paths"]
    for one in OPERATIONS:
        assert one.method.lower() in described[f"/api/v1{one.path}"], one.path
    served = [r for r in app.url_map.iter_rules() if r.endpoint.startswith("api.")]
    assert len(served) == len(OPERATIONS)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(SRC)))
def test_no_template_has_inline_script_style_or_handler_or_turns_escaping_off(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script"
    assert not re.search(r"<style|\sstyle=", text), "inline style"
    assert not re.search(r"\son[a-z]+\s*=(?!=)", text), "inline handler"
    assert not re.search(r"\|\s*safe\b|autoescape false", text), "escaping turned off"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda p: str(p.relative_to(SRC)))
def test_every_form_that_posts_carries_the_csrf_token(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", template.read_text(), flags=re.S)
    for form in re.findall(r"<form\b.*?</form>", text, flags=re.S):
        if 'method="post"' in form:
            assert "csrf" in form, form[:120]


def test_only_config_reads_the_environment() -> None:
    for module in MODULES:
        name = str(module.relative_to(SRC))
        if name not in {"config.py", "app.py", "opening.py"}:
            assert "os.environ" not in module.read_text(), name


def test_days_are_those_of_the_organization_and_not_of_utc() -> None:
    """The line of scores alone has days of UTC, as the log that it is replayed from."""
    found = [
        str(module.relative_to(SRC))
        for module in MODULES
        if re.search(r"(\bnow|clock\(\)|_at)\.date\(\)", module.read_text())
    ]
    assert found == ["services/scores.py", "web/score/views.py"]


ROOTS = {"Path", "root", "_root", "_folder", "folder", "place", "parent", "data_dir"}


def _joins(source: str) -> bool:
    """Whether a module joins a path with a name that does not stand in its source, as far as that can be read off."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            literal = isinstance(node.right, ast.Constant)
            if isinstance(node.right, ast.JoinedStr) or (_name(node.left) in ROOTS and not literal):
                return True
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "joinpath":
            of_the_product = _name(node.func.value) == "files"
            if not of_the_product and not all(isinstance(one, ast.Constant) for one in node.args):
                return True
    return "os.path.join" in source


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_only_four_rooms_of_the_storage_join_paths() -> None:
    rooms = {"storage/blobs.py", "storage/enclave.py", "storage/locks.py", "storage/places.py"}
    beside = {"reports/handoff/verify.py"}  # goes with a package, and runs without the product
    assert {str(module.relative_to(SRC)) for module in MODULES if _joins(module.read_text())} == rooms | beside


def test_no_sql_is_built_from_text() -> None:
    for module in MODULES:
        text = module.read_text()
        assert not re.search(r"(?:execute|text)\(\s*f[\"']", text), module
        assert not re.search(r"(?:execute|text)\(\s*[\"'][^\"']*[\"']\s*(?:%|\.format|\+)", text), module


def test_nothing_is_left_open() -> None:
    for path in [*MODULES, *TEMPLATES, *SRC.rglob("*.js"), *SRC.rglob("*.css"), *SRC.rglob("*.json")]:
        if "vendor" not in path.parts:
            assert not re.search(
                r"\b(TODO|FIXME|XXX|HACK|PLACEHOLDER)|raise NotImplementedError\b", path.read_text()
            ), path


def test_no_file_of_code_grew_past_400_lines() -> None:
    assert [str(p) for p in MODULES if len(p.read_text().splitlines()) > 400] == []


def test_vendored_files_are_those_that_their_list_names() -> None:
    for listing in Path().glob("*/**/VENDOR.json"):
        named = {
            name: sha256 for package in json.loads(listing.read_text()) for name, sha256 in package["files"].items()
        }
        there = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in listing.parent.iterdir() if p != listing}
        assert there == named, listing
