"""The documents on security say nothing that is not there: tests, files, counts. Fed a wrong document, they say so."""

import re
from pathlib import Path

import pytest

from tests.security_doc import known_tests, left_to_do, wrong_lines, wrong_names, wrong_paths, wrong_table

DOCS = Path("docs")
SECURITY, THREATS, ASVS = (DOCS / name for name in ("security.md", "threats.md", "asvs.md"))
KNOWN = known_tests()
# The security document's headings and lines, in its order; lines without a name of their own have one of ours.
DOCUMENT = {
    "Authentication & Session Management": (
        "Password hashing",
        "Password policy",
        "Session fixation prevention",
        "Secure cookies",
        "Login rate limiting",
        "Route protection",
    ),
    "CSRF Protection": (
        "Session-based CSRF tokens",
        "Form protection",
        "API protection",
        "Multipart uploads",
        "Validation",
    ),
    "XSS Prevention": (
        "Jinja2 auto-escaping",
        "JavaScript context escaping",
        "innerHTML sanitization",
        "Integer coercion",
        "JSON.stringify",
    ),
    "Content Security Policy": (
        "default-src",
        "script-src",
        "style-src",
        "img-src",
        "font-src",
        "form-action",
        "frame-ancestors",
    ),
    "Security Headers": (
        "X-Content-Type-Options",
        "X-Frame-Options",
        "X-XSS-Protection",
        "Referrer-Policy",
        "Content-Security-Policy",
        "Strict-Transport-Security",
    ),
    "File Upload Security": ("Extension whitelist", "File size limit", "Path traversal protection", "No execution"),
    "SQL Injection Prevention": ("Parameters only", "Migrations", "Audit log filtering"),
    "Secrets Management": ("FLASK_SECRET", "Random key", "Debug mode"),
    "Error Handling": ("Own pages for errors", "JSON and HTML", "No debug in production"),
    "Authorization": ("Admin routes", "Self-protection", "Role validation"),
    "Deployment Recommendations": (
        "A strong secret",
        "Production mode",
        "Reverse proxy with TLS",
        "Folder permissions",
        "Backup",
        "Watch the audit log",
    ),
    "Reporting Vulnerabilities": ("Issue tracker",),
}
# What goes past it.
PAST = {
    "Past the document: people and sessions": (
        *("Unknown names", "Sessions end", "Waiting accounts", "Other limits", "Second factor", "API tokens"),
        *("First set-up", "Upload links", "Deleted in name", "Things of others"),
    ),
    "Past the document: requests": (
        *("Hosts and links", "Proxies", "Redirects", "Bad input", "Weight", "Two at once", "Spreadsheets", "Markdown"),
        "Outgoing connections",
    ),
    "Past the document: files": (
        *(
            "Temporary files",
            "Uploads at once",
            "Examination",
            "Location in pictures",
            "Virus scanner",
            "Quarantine",
            "Previews",
        ),
    ),
    "Past the document: log and machine": (
        *("What the log says", "One chain", "The head outside", "Export", "One line", "doctor", "The unit"),
        *("Libraries", "Scan"),
    ),
}


def _levels() -> dict[int, list[str]]:
    """The numbers of the ASVS 5.0.0 by their level: 70 of level 1, 183 of level 2."""
    lines = Path("tests/asvs-5.0.0.txt").read_text().splitlines()
    return {int(line.partition(": ")[0]): line.partition(": ")[2].split() for line in lines}


def test_every_line_of_the_security_document_stands_in_ours_with_a_test_that_is_there() -> None:
    assert wrong_lines(SECURITY.read_text(), KNOWN, {**DOCUMENT, **PAST}) == []


def test_every_test_and_file_that_the_documents_name_is_there() -> None:
    for document in (SECURITY, THREATS, ASVS):
        text = document.read_text()
        assert wrong_names(text, KNOWN) == [], document
        assert wrong_paths(text) == [], document


def test_the_table_of_the_asvs_is_whole_and_its_counts_are_right() -> None:
    levels = _levels()
    assert [len(levels[1]), len(levels[2])] == [70, 183]
    assert wrong_table(ASVS.read_text(), levels) == []


def test_what_is_not_met_is_listed_at_the_end_and_nothing_else() -> None:
    assert left_to_do(ASVS.read_text()) == []


def test_the_documents_name_no_place_of_a_machine_and_fit_into_their_width() -> None:
    for document in (SECURITY, THREATS, ASVS):
        text = document.read_text()
        assert not re.search(r"(?<![\w/])/(?:home|work|root|tmp|Users)/", text), document
        prose = [line for line in text.splitlines() if not line.startswith(("|", "- `tests/", "  `tests/"))]
        assert [line for line in prose if len(line) > 150] == [], document


GOOD = """# T

## One

### First
What is done about it, in words.
- `tests/test_x.py::test_there`

### Second
What is done about it, in words.
- `tests/test_x.py::test_there`
"""
OUTLINE = {"One": ("First", "Second")}
THERE = {"tests/test_x.py::test_there"}


def test_a_right_document_has_nothing_wrong() -> None:
    assert wrong_lines(GOOD, THERE, OUTLINE) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("test_there`\n\n", "test_gone`\n\n", "One, First: there is no test tests/test_x.py::test_gone"),
        ("- `tests/test_x.py::test_there`\n\n", "\n", "One, First: no test is named"),
        ("### Second\n", "### Other\n", "One: the line Second is missing"),
        ("### First", "### Second", "One: the lines are not in the document's order"),
        ("## One", "## Two", "the headings are not those of the document, in their order"),
        ("What is done about it, in words.\n- ", "- ", "One, First: nothing is said"),
        (GOOD[GOOD.index("### First") :], "", "One: no line stands under it"),
    ],
)
def test_a_wrong_document_is_found_out(old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in wrong_lines(GOOD.replace(old, new, 1), THERE, OUTLINE)


def test_a_name_or_a_file_that_is_not_there_is_found_out() -> None:
    text = "`test_there` `test_gone` `tests/test_x.py::test_lost` `gate/csrf.py` `gate/gone.py` `tests/conftest.py`"
    assert wrong_names(text, THERE) == ["tests/test_x.py::test_lost", "test_gone"]
    assert wrong_paths(text) == ["gate/gone.py"]


TABLE = """
| level | met | not met | n/a | in all |
|-------|-----|---------|-----|--------|
| 1     |   1 |       0 |   2 |      3 |
| 2     |   0 |       1 |   0 |      1 |
| both  |   1 |       1 |   2 |      4 |

| number | L | what | state   | where, or why |
|--------|---|------|---------|-------|
| 1.1.1  | 1 | a    | met     | `gate/csrf.py` |
| 1.1.2  | 2 | b    | not met | needs a thing |
| 9      | 1 | all  | n/a     | there is none |

## What is left to do
To be built: 1.1.2.
"""
LEVELS = {1: ["1.1.1", "9.1.1", "9.1.2"], 2: ["1.1.2"]}


def test_a_right_table_has_nothing_wrong() -> None:
    assert wrong_table(TABLE, LEVELS) == []
    assert left_to_do(TABLE) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("| 1.1.2  | 2 |", "| 1.1.2  | 1 |", "1.1.2: the standard has no such number at level 1"),
        ("| 1.1.2  |", "| 1.1.7  |", "1.1.2 is missing"),
        ("| 1.1.2  | 2 | b    | not met |", "| 1.1.1  | 1 | b    | not met |", "1.1.1 stands there twice"),
        ("| not met | needs", "| perhaps | needs", "1.1.2: perhaps is no state"),
        ("`gate/csrf.py`", "somewhere in it", "1.1.1: met, but nothing says where"),
        ("needs a thing", "no", "1.1.2: not met, but nothing says why"),
        ("| 1     |   1 |", "| 1     |   2 |", "the counts of level 1 are [1, 0, 2, 3], not [2, 0, 2, 3]"),
        ("| both  |   1 |", "| both  |   3 |", "the counts of level both are [1, 1, 2, 4], not [3, 1, 2, 4]"),
    ],
)
def test_a_wrong_table_is_found_out(old: str, new: str, said: str) -> None:
    assert old in TABLE
    assert said in wrong_table(TABLE.replace(old, new, 1), LEVELS)


def test_a_list_at_the_end_that_drifted_is_found_out() -> None:
    assert left_to_do(TABLE.replace("built: 1.1.2", "built: 1.1.3")) == ["1.1.2", "1.1.3"]
    assert left_to_do(TABLE.replace("built: 1.1.2", "built: 1.1.1 to 1.1.2")) == ["1.1.1"]


def test_tests_are_read_from_the_source_also_parametrised_ones() -> None:
    assert "tests/test_security_doc.py::test_a_wrong_document_is_found_out" in KNOWN
    assert len(KNOWN) > 600
