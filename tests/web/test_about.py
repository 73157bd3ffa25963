"""/.well-known/security.txt (RFC 9116): there when a contact is set, for strangers too."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.services import settings as keeping
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR, Clock, Person

PATH = "/.well-known/security.txt"


def _set_contact(tracker: Tracker, contact: str) -> None:
    with tracker.write(OPERATOR) as work:
        keeping.change(work, Preferences(security_contact=contact), None)


def _fields(text: str) -> dict[str, str]:
    """The file's fields; each stands once."""
    assert text.endswith("\n")
    pairs = [line.split(": ", 1) for line in text.splitlines()]
    assert len({name for name, _ in pairs}) == len(pairs)
    return {pair[0]: pair[1] for pair in pairs}


def test_without_a_contact_there_is_no_such_file(stranger: Person) -> None:
    assert stranger.get(PATH).status_code == 404


@pytest.mark.parametrize("contact", ["mailto:security@example.com", "https://example.com/report"])
def test_with_a_contact_a_stranger_reads_how_to_report(stranger: Person, tracker: Tracker, contact: str) -> None:
    _set_contact(tracker, contact)
    answer = stranger.get(PATH)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    fields = _fields(answer.text)
    assert fields["Contact"] == contact
    assert fields["Preferred-Languages"] == "en"
    assert "Canonical" not in fields


def test_it_expires_within_a_year_and_not_at_once(stranger: Person, tracker: Tracker, clock: Clock) -> None:
    _set_contact(tracker, "mailto:security@example.com")
    for _ in range(2):
        told = _fields(stranger.get(PATH).text)["Expires"]
        until = datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert timedelta(days=30) < until - clock() < timedelta(days=365)
        clock.forward(days=400)


def test_its_own_address_comes_from_the_setting_and_never_from_the_host_header(
    settings: config.Settings, tracker: Tracker
) -> None:
    _set_contact(tracker, "mailto:security@example.com")
    app: Flask = build(replace(settings, public_url="https://tracker.example.com"), tracker)
    answer = app.test_client().get(PATH, headers={"Host": "evil.example"})
    assert _fields(answer.text)["Canonical"] == f"https://tracker.example.com{PATH}"
    assert "evil" not in answer.text


def test_a_contact_cannot_slip_in_a_field_of_its_own(admin: Person, stranger: Person) -> None:
    form = {"session_idle_minutes": "30", "session_longest_hours": "12", "scanner_away": "refuse", "version": "1"}
    answer = admin.post(
        "/config", {**form, "security_contact": "mailto:a@example.com\nContact: mailto:evil@example.com"}
    )
    assert answer.status_code in {302, 422}
    assert "evil" not in stranger.get(PATH).text
