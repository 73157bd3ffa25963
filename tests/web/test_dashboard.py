"""The dashboard: every way that it offers leads somewhere."""

import html
import re
from pathlib import Path

import pytest

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Busy
from cmmc_tracker.services import audit
from cmmc_tracker.services.backups import making
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.places import FolderPlace
from tests.conftest import OPERATOR, Clock, Person


def test_every_link_of_the_dashboard_opens_what_it_names(user: Person) -> None:
    last = catalog.load(2).requirements[-1]
    for objective in last.objectives:
        where = f"/systems/main/requirements/{last.id}/objectives/{objective.letter}"
        assert user.call("PATCH", where, {"status": "not_met"}).status_code == 200
    page = user.get("/").text
    links = {html.unescape(one) for one in re.findall(r'(?:data-href|href)="(/[^"]*)"', page)}
    assert not re.findall(r'href="(?!/|#|https?:|mailto:)[^"]*"', page)
    assert {f"/systems/main/requirements?family={family.code}" for family in catalog.load(2).families} <= links
    assert any("?status=" in one for one in links)
    for link in sorted(links - {"/logout"}):
        assert user.get(link).status_code == 200, link


def test_a_form_of_a_page_that_is_about_no_system_leads_back_into_the_one_that_was_open(
    admin: Person, tracker: Tracker
) -> None:
    admin.call("POST", "/systems", {"name": "Lab", "level": 1})
    page = admin.get("/config?system=lab").text
    assert 'action="/config/systems/lab?system=lab"' in page
    kept = admin.post("/config/systems/lab?system=lab", {"cui_never": "on", "version": "1"})
    assert kept.headers["Location"] == "/config?system=lab#systems"
    assert '<input type="hidden" name="system" value="lab">' in admin.get("/audit?system=lab").text
    with tracker.write(OPERATOR) as work:
        for number in range(audit.PAGE):
            work.record(Event.SYSTEM_CHANGED, f"system:{number}", {})
    following = re.search(r'href="(/audit\?[^"]*cursor=\d+)"', admin.get("/audit?system=lab").text)
    assert following
    assert re.fullmatch(r"/audit\?system=lab&cursor=\d+", html.unescape(following[1]))


def test_in_the_first_system_and_with_one_alone_addresses_name_none(user: Person) -> None:
    assert "system=" not in user.get("/systems/main/requirements").text
    user.call("POST", "/systems", {"name": "Lab", "level": 1})
    assert 'href="/calendar"' in user.get("/systems/main/requirements").text


def test_the_dashboard_leads_to_all_requirements_on_one_screen(user: Person) -> None:
    assert 'href="/systems/main/placemat"' in user.get("/").text


def test_who_works_in_several_systems_stays_in_the_one_that_is_open(user: Person) -> None:
    user.call("POST", "/systems", {"name": "Lab", "level": 1})
    page = user.get("/systems/lab/requirements").text
    for path in ("/", "/artifacts", "/my-work", "/artifacts/upload"):
        assert f'href="{path}?system=lab"' in page
        assert 'href="/systems/lab/scope"' in user.get(f"{path}?system=lab").text, path
    for path in ("/calendar", "/profile", "/systems", "/systems/new", "/quarantine", "/trash", "/rules"):
        assert f'href="{path}?system=lab"' in page
        there = user.get(f"{path}?system=lab").text
        assert 'href="/systems/lab/scope"' in there, path
        assert 'href="/calendar?system=lab"' in there, path
    user.upload("a.txt", b"one", system="main")
    assert "Nothing is assessed here yet" in user.get("/?system=lab").text
    assert 'href="/systems/main/scope"' in user.get("/my-work?system=nowhere").text


def _told(person: Person) -> str:
    """What the dashboard says beside Backup; empty where it says nothing of it."""
    found = re.search(r"<dt>Backup</dt>\s*<dd>(.*?)</dd>", person.get("/").text, re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""


def test_administrators_see_the_age_and_result_of_the_last_backup_and_nobody_else_does(
    admin: Person, user: Person, tracker: Tracker, tmp_path: Path
) -> None:
    assert _told(admin).startswith("none was made yet")
    user.upload("a.txt", b"words")
    assert _told(admin).startswith("▲ none was ever made")
    making.run(tracker, OPERATOR, FolderPlace(tmp_path / "backups"), told={})
    assert re.fullmatch(r"made on \d+ \w+ \d{4}, whole", _told(admin))
    assert _told(user) == ""


def test_a_backup_that_failed_or_lacks_something_shows_until_a_good_one_is_made(
    admin: Person, user: Person, tracker: Tracker, tmp_path: Path, clock: Clock
) -> None:
    user.upload("a.txt", b"words")
    (tmp_path / "a-file").write_text("x")
    with pytest.raises(Busy):
        making.run(tracker, OPERATOR, FolderPlace(tmp_path / "a-file"), told={})
    said = r"▲ the last try, on .*, failed The backup's place cannot be used: .*a-file\. None was ever made\."
    assert re.fullmatch(said, _told(admin))
    assert "backup:failed" in admin.get("/audit").text
    clock.forward(minutes=1)
    blob = next(path for path in (tmp_path / "uploads").rglob("*") if len(path.name) == 64)
    blob.rename(tmp_path / "aside")
    making.run(tracker, OPERATOR, FolderPlace(tmp_path / "backups"), told={})
    assert _told(admin).endswith("without 1 stored file")
    (tmp_path / "aside").rename(blob)
    clock.forward(minutes=1)
    making.run(tracker, OPERATOR, FolderPlace(tmp_path / "backups"), told={})
    assert _told(admin).endswith("whole")
