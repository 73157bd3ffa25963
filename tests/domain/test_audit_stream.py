"""Audit entries as a SIEM reads them: nothing in a name, a thing or a detail can end a field, a message or a line."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.audit import GENESIS, Entry, Event, canonical, digest
from cmmc_tracker.domain.audit_stream import Numbered, Sender, cef, cef_in_syslog, rfc5424, severity

HERE = Sender("tracker.example.com", "0.1.0")
ENTRY = Entry(
    "2026-11-28T14:00:00.123456Z", 7, "ada", "192.0.2.9", "login:failed", "user:7", canonical({"why": "é"}), GENESIS
)
MOST = 8_192


def _numbered(entry: Entry, number: int = 4711) -> Numbered:
    return Numbered(number, entry, digest(entry))


_SYSLOG = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>-) (?P<msg>[!-~]{1,32}) "
    r'\[cmmcAudit@32473(?P<sd>(?: [A-Za-z0-9]+="(?:[^"\\\]]|\\["\\\]])*")*)\] (?P<text>.*)',
    re.DOTALL,
)
_PARAM = re.compile(r' ([A-Za-z0-9]+)="((?:[^"\\\]]|\\["\\\]])*)"')


def _read(message: str) -> tuple[dict[str, str], dict[str, str]]:
    """A message as RFC 5424's grammar reads it: header and text, and the structured data."""
    found = _SYSLOG.fullmatch(message)
    assert found, message
    return found.groupdict(), {n: re.sub(r'\\(["\\\]])', r"\1", v) for n, v in _PARAM.findall(found["sd"])}


def test_a_message_carries_when_who_what_the_number_and_both_hashes() -> None:
    head, data = _read(rfc5424(_numbered(ENTRY), HERE, MOST))
    assert (head["pri"], head["at"], head["host"]) == (str(13 * 8 + 4), ENTRY.at, "tracker.example.com")
    assert (head["app"], head["msg"]) == ("cmmc-tracker", "login:failed")
    assert data == {
        "entry": "4711",
        "hash": digest(ENTRY),
        "previous": GENESIS,
        "actor": "ada",
        "actorId": "7",
        "address": "192.0.2.9",
        "action": "login:failed",
        "entity": "user:7",
    }
    assert json.loads(head["text"]) == {"why": "é"}
    assert head["text"].isascii()


@given(st.text(max_size=80), st.text(max_size=120), st.text(max_size=200))
def test_whatever_stands_in_an_entry_is_one_line_that_the_grammar_reads(actor: str, entity: str, why: str) -> None:
    entry = replace(ENTRY, actor=actor, entity=entity, detail=canonical({"why": why}))
    message = rfc5424(_numbered(entry), HERE, MOST)
    head, data = _read(message)
    assert message.isprintable()
    assert (data["entry"], data["hash"]) == ("4711", digest(entry))
    assert json.loads(head["text"]) == {"why": why}
    if actor.isprintable():
        assert data["actor"] == actor


@given(st.text(alphabet='a|=\\\n\r"] é\u2028', max_size=60))
def test_a_cef_event_keeps_each_sign_in_its_field(odd: str) -> None:
    entry = replace(ENTRY, actor=odd, entity=odd, detail=canonical({"why": odd}))
    event = cef(_numbered(entry), HERE, MOST)
    assert event.isprintable()
    header = re.split(r"(?<!\\)\|", event, maxsplit=7)
    assert header[:7] == [
        "CEF:0",
        "CMMC Artifact Tracker",
        "cmmc-tracker",
        "0.1.0",
        "login:failed",
        "login failed",
        "6",
    ]
    names = re.findall(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", header[7])
    assert names == [n for n in names if n in _CEF_NAMES]
    assert len(names) == len(set(names))


_CEF_NAMES = (
    *("rt", "externalId", "act", "suser", "suid", "src", "dvchost", "cs1Label", "cs1", "cs2Label", "cs2"),
    *("cs3Label", "cs3", "msg"),
)


def test_a_cef_event_carries_the_number_and_both_hashes_and_behind_a_syslog_header_the_same() -> None:
    event = cef(_numbered(ENTRY), HERE, MOST)
    for part in ("externalId=4711", f"cs1={digest(ENTRY)}", f"cs2={GENESIS}", "src=192.0.2.9", "suser=ada"):
        assert f" {part}" in event or f"|{part}" in event, part
    assert "rt=1795874400123" in event
    wrapped = cef_in_syslog(_numbered(ENTRY), HERE, MOST)
    assert wrapped == f"<108>1 {ENTRY.at} tracker.example.com cmmc-tracker - login:failed - {event}"


def test_an_address_that_is_none_is_no_source() -> None:
    assert " src=" not in cef(_numbered(replace(ENTRY, address="")), HERE, MOST)
    assert " src=" not in cef(_numbered(replace(ENTRY, address="x=y")), HERE, MOST)


@pytest.mark.parametrize("most", [2_048, 8_192])
@pytest.mark.parametrize("sign", ["x", "é", "\\", '"', "=", "\n"])
def test_a_long_detail_is_cut_and_says_so_and_its_hash_is_of_the_whole(most: int, sign: str) -> None:
    entry = replace(ENTRY, detail=canonical({"why": sign * 20_000}))
    message = rfc5424(_numbered(entry), HERE, most)
    _, data = _read(message)
    assert most - 20 < len(message.encode()) <= most
    assert int(data["cut"]) > 20_000
    assert data["hash"] == digest(entry)
    for form in (cef, cef_in_syslog):
        event = form(_numbered(entry), HERE, most)
        assert most - 40 < len(event.encode()) <= most
        assert event.endswith(" cn1Label=cut cn1=1")
        assert digest(entry) in event


def test_what_was_refused_is_a_warning_and_broken_bytes_are_critical() -> None:
    graded = {event: severity(event) for event in Event}
    assert graded[Event.INTEGRITY_BROKEN] == 2
    assert {e for e, grade in graded.items() if grade == 4} == {
        *(Event.LOGIN_FAILED, Event.LOGIN_REFUSED, Event.PASSWORD_REFUSED, Event.REQUEST_REFUSED),
        *(Event.TOKEN_REFUSED, Event.UPLOAD_LINK_REFUSED, Event.UPLOAD_REFUSED),
        *(Event.ARTIFACT_QUARANTINED, Event.ARTIFACT_REJECTED, Event.BACKUP_FAILED),
    }
    assert graded[Event.ARTIFACT_CREATED] == 5


def test_a_detail_that_somebody_altered_is_sent_all_the_same() -> None:
    entry = replace(ENTRY, detail='{"broken')
    head, _ = _read(rfc5424(_numbered(entry), HERE, MOST))
    assert json.loads(head["text"]) == '{"broken'
