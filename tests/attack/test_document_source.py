"""Lines of the security document that are about how things are written: scripts, templates, imports, recipes."""

import ast
import re
import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask

from cmmc_tracker import create_app
from cmmc_tracker.gate.doors import installation_of
from cmmc_tracker.services import verify
from tests.conftest import Person, person

SRC = Path("src/cmmc_tracker")
MODULES = sorted(SRC.rglob("*.py"))
SCRIPTS = sorted((SRC / "web" / "static").glob("*.js"))
TEMPLATES = sorted(SRC.rglob("*.html"))
MIGRATIONS = sorted((SRC / "storage" / "migrations" / "versions").glob("0*.py"))


def files_touched(source: str) -> set[str]:
    """The calls of a module that open a file or make a path, as they are written; what the store gives is left out."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        said = ast.unparse(node)
        called = ast.unparse(node.func)
        if called in {"open", "Path", "send_file", "send_from_directory"} or called.startswith(("os.open", "shutil.")):
            found.add(said)
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"open", "joinpath", "read_bytes", "read_text"}:
            found.add(said)
    own = ("Path(__file__)", "(_STATIC / name).read_bytes()")  # files of the package, named by templates
    return {one for one in found if "blobs.open(" not in one and one not in own}


def test_no_page_and_no_call_reaches_a_file_but_by_the_store() -> None:
    assert files_touched("open(name)\nPath(root) / name\nblobs.open(x)") == {"open(name)", "Path(root)"}
    found = {
        str(module.relative_to(SRC)): files_touched(module.read_text())
        for room in ("web", "api", "gate")
        for module in sorted((SRC / room).rglob("*.py"))
    }
    left = {name: calls for name, calls in found.items() if calls}
    assert set(left) == {"gate/content.py"}
    (sent,) = left["gate/content.py"]
    assert sent.startswith("send_file(place or installation().blobs.open(file.sha256), mimetype=file.media_type,")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_scripts_keep_nothing_in_the_browser_but_the_colour_scheme_and_talk_to_no_other_window(script: Path) -> None:
    text = script.read_text()
    for kept in ("localStorage", "sessionStorage", "indexedDB", "caches.", "serviceWorker", "postMessage"):
        assert kept not in text, kept
    written = re.findall(r"document\.cookie\s*=\s*`([^=]+)=", text)
    assert written in ([], ["${name}"])
    assert not written or "['__Host-theme', '; secure'] : ['theme', '']" in text
    assert text.count("document.cookie") == len(re.findall(r"document\.cookie\s*=\s*`", text))


def test_every_request_of_a_script_carries_the_token_in_its_header() -> None:
    shared = (SRC / "web" / "static" / "shared.js").read_text()
    assert re.search(r"headers = \{ 'X-CSRF-Token': body\.dataset\.csrf", shared)
    for script in SCRIPTS:
        text = script.read_text()
        assert len(re.findall(r"\bfetch\(", text)) == (1 if script.name == "shared.js" else 0), script
        opened = text.count("new XMLHttpRequest")
        assert text.count("setRequestHeader('X-CSRF-Token', document.body.dataset.csrf)") == opened, script
    upload = (SRC / "web" / "static" / "upload.js").read_text()
    assert upload.index("data.append('csrf_token'") < upload.index("data.append('file'")


class _Fields(HTMLParser):
    """The input fields of a template, and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input":
            self.inputs.append(dict(attrs))


def test_every_password_field_is_masked_and_open_to_password_managers() -> None:
    seen = 0
    for template in TEMPLATES:
        text = template.read_text()
        for call in re.findall(r"field\(\"\w*password\w*\".*?\}\}", text, flags=re.S):
            assert 'type="password"' in call, call
            assert re.search(r'autocomplete="(?:current|new)-password"', call), call
            seen += 1
        reader = _Fields()
        reader.feed(text)
        for one in reader.inputs:
            assert "onpaste" not in one
            if "password" in (one.get("name") or ""):
                assert (one.get("type"), one.get("autocomplete")) in {
                    ("password", "current-password"),
                    ("password", "new-password"),
                }, one
                seen += 1
    assert seen >= 8


def test_every_template_escapes_by_default(app: Flask) -> None:
    with app.app_context():
        assert app.jinja_env.from_string("{{ one }}").render(one="<b>&'\"") == "&lt;b&gt;&amp;&#39;&#34;"
    for template in TEMPLATES:
        assert app.select_jinja_autoescape(template.name) is True, template
        assert not re.search(r"autoescape|\|\s*safe\b|Markup", template.read_text()), template


def test_scripts_get_data_by_attributes_only() -> None:
    for template in TEMPLATES:
        text = template.read_text()
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", text, flags=re.S):
            assert script.strip() == "", template
        assert not re.search(r"\bon\w+\s*=\s*[\"']|javascript:", text), template


def literal_only(source: str) -> list[int]:
    """The lines of a migration where a name or a statement is put together from parts."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        joined = isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add | ast.Mod)
            and any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right))
        )
        called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if joined or (called and node.func.attr in {"format", "join"}):  # type: ignore[attr-defined]
            wrong.append(node.lineno)  # type: ignore[attr-defined]
        if called and node.func.attr in {"Column", "add_column", "create_table", "drop_column"}:  # type: ignore[attr-defined]
            first = node.args[0]  # type: ignore[attr-defined]
            if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
                wrong.append(node.lineno)  # type: ignore[attr-defined]
    return wrong


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda p: p.stem)
def test_migrations_name_tables_and_columns_literally(migration: Path) -> None:
    assert literal_only(migration.read_text()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        'op.execute(f"DROP TABLE {name}")',
        'op.execute("DROP TABLE " + name)',
        'op.execute("DROP TABLE %s" % name)',
        'op.add_column(table, sa.Column("a"))',
        'op.add_column("users", sa.Column(name, sa.Text()))',
        'op.execute("DROP {}".format(name))',
    ],
)
def test_a_migration_that_puts_a_name_together_is_found(wrong: str) -> None:
    assert literal_only(wrong) == [1]


def test_a_copy_made_as_the_readme_says_is_whole(tmp_path: Path) -> None:
    for document in (Path("README.md"), Path("docs/deploy.md")):
        told = document.read_text().partition("## Backup")[2]
        assert "database" in told, document
        assert "uploads" in told, document
        assert "cmmc-tracker verify" in told, document
    before, after = tmp_path / "before", tmp_path / "after"
    given = {"FLASK_SECRET": "s" * 40}
    app = create_app({**given, "CMMC_DATA_DIR": before})
    tracker = installation_of(app).tracker
    user = person(app, tracker, "bo")
    assert user.upload("a.txt", b"evidence").status_code == 201
    after.mkdir()
    with closing(sqlite3.connect(before / "cmmc.db")) as source, closing(sqlite3.connect(after / "cmmc.db")) as target:
        source.backup(target)
    shutil.copytree(before / "uploads", after / "uploads")
    tracker.engine.dispose()
    restored = create_app({**given, "CMMC_DATA_DIR": after})
    again = Person("bo", restored.test_client())
    again.sign_in()
    assert again.get("/uploads/1/1/a.txt").data == b"evidence"
    report = verify.run(installation_of(restored).tracker)
    assert report.problems == []
    installation_of(restored).tracker.engine.dispose()


def test_the_way_to_report_a_weakness_is_told() -> None:
    told = Path("SECURITY.md").read_text()
    assert "label `security`" in told
    assert "private" in told
    assert "working days" in told
    assert "## Supported versions" in told
