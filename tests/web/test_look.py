"""What templates and scripts share: words for times and devices, and scripts that never make markup from text."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cmmc_tracker.web import look

STATIC = Path("src/cmmc_tracker/web/static")
SCRIPTS = sorted(STATIC.glob("*.js"))
# What would make markup or code from text. No script needs any of it, so there is no escapeHtml() to forget: text
# is set as text, and parts of pages come from the server, escaped there.
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc|setHTML|\beval\b"
    r"|new Function|javascript:|set(?:Timeout|Interval)\(\s*['\"`]|setAttribute\(\s*['\"`]on|\.on\w+\s*=\s*['\"`]"
)
# Where an answer of the server is read as a page (nothing runs in it), and why.
PARSED = {
    "narrative.js": 1,  # what the search for something to refer to found
    "choose.js": 1,  # the choice of objectives, as its page has it
    "shared.js": 2,  # the token of a fresh page; the sentence of a page that tells of a failure
    "requirement.js": 4,  # one objective as the server draws it, after each saving and a change of its evidence
    "upload.js": 2,  # what the search for an artifact found; why several files that belong together were refused
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_or_code_from_text(script: Path) -> None:
    text = script.read_text()
    assert FORBIDDEN.findall(text) == []
    assert text.count("new DOMParser") == PARSED.get(script.name, 0)


def test_what_the_rule_for_scripts_forbids_it_also_finds() -> None:
    for text in (
        "a.innerHTML = b",
        "a.insertAdjacentHTML('beforeend', b)",
        "setTimeout('go()', 5)",
        "a.setAttribute('onclick', b)",
        "a.onclick = 'go()'",
        "new Function(b)",
        "location = 'javascript:go()'",
    ):
        assert FORBIDDEN.search(text), text
    assert not FORBIDDEN.search("setTimeout(() => go(), 5); a.onclick = () => go(); retrieval(b);")


def test_numbers_that_become_part_of_an_address_are_read_as_numbers_first() -> None:
    for script in SCRIPTS:
        for value in re.findall(r"`/[a-z/]*\$\{([^}]*)\}", script.read_text()):
            assert value.startswith("parseInt("), (script.name, value)


@pytest.mark.parametrize(("value", "shown"), [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1.0 KB")])
def test_a_size_is_said_as_people_say_it(value: int, shown: str) -> None:
    assert look.size(value) == shown


def test_browsers_are_called_what_people_call_them() -> None:
    windows, like = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "AppleWebKit/537.36 (KHTML, like Gecko)"
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"
    assert look.device(f"{windows} {like} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0") == "Edge on Windows"
    assert look.device(f"{windows} {like} Chrome/140.0.0.0 Safari/537.36") == "Chrome on Windows"
    assert look.device(f"{phone} {like} Version/18.0 Mobile/15E148 Safari/604.1") == "Safari on an iPhone"
    assert look.device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0") == "Firefox on Linux"


def test_a_program_that_is_not_known_is_shown_as_it_calls_itself() -> None:
    assert look.device("curl/8.5.0") == "curl/8.5.0"
    assert look.device("") == "unknown"


def test_a_moment_has_its_day_its_minute_and_its_zone() -> None:
    at = datetime(2026, 11, 24, 9, 5, 7, tzinfo=UTC)
    shown = look.moment(at)
    assert ">24 Nov 2026, 09:05 UTC<" in shown
    assert "2026-11-24 09:05:07 UTC" in shown
    assert look.moment(None) == ""
