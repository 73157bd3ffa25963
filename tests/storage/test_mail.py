"""Mail: what arrives, and what becomes of a message that is refused."""

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.storage.mail import Message, Refused, Smtp
from tests.storage.smtp_server import HELLO, SENDER, Box
from tests.storage.test_scanner import free_port


def test_a_message_arrives_whole_with_sender_date_and_id_and_says_that_a_program_sent_it(box: Box, plain: str) -> None:
    Smtp(plain, SENDER).send(HELLO)
    (found,) = box.arrived
    assert (found.sender, found.to) == (SENDER, ["ada@example.com"])
    assert found.letter["From"] == f"CMMC Artifact Tracker <{SENDER}>"
    assert found.letter["To"] == "ada@example.com"
    assert found.letter["Subject"] == "1 thing to do"
    assert found.letter["Auto-Submitted"] == "auto-generated"
    assert abs(found.letter["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.letter["Message-ID"].endswith("@contractor.example>")
    assert found.text == HELLO.text
    assert not found.encrypted


def test_neither_the_machine_s_name_nor_its_time_zone_is_told(
    box: Box, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "inner-name.corp.example")
    monkeypatch.setattr(socket, "gethostname", lambda: "inner-name")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        Smtp(plain, SENDER).send(HELLO)
    finally:
        monkeypatch.undo()
        time.tzset()
    (found,) = box.arrived
    assert found.client == "contractor.example"
    assert b"inner-name" not in found.raw
    assert found.letter["Date"].endswith("+0000")


def test_two_messages_have_two_ids(box: Box, plain: str) -> None:
    assert Smtp(plain, SENDER).send_all([HELLO, HELLO]) == [None, None]
    assert len({one.letter["Message-ID"] for one in box.arrived}) == 2


def test_letters_of_every_alphabet_and_lines_that_look_like_commands_arrive_as_they_were(box: Box, plain: str) -> None:
    text = "Grüße, Zoë 世界 🙂\n.\n..\nFrom me\nQUIT\n" + "x" * 3_000 + "\n\nthe end\n"
    Smtp(plain, SENDER).send(Message("ada@example.com", "Grüße 世界 " + "ä" * 150, text))
    (found,) = box.arrived
    assert found.text == text
    assert found.letter["Subject"] == "Grüße 世界 " + "ä" * 150
    assert found.raw.isascii()
    assert max(map(len, found.raw.splitlines())) < 100


def test_several_messages_go_by_one_connection_each_to_its_own_addressee(box: Box, plain: str) -> None:
    several = [Message(f"{name}@example.com", f"for {name}", "x\n") for name in ("ada", "bo", "cy")]
    assert Smtp(plain, SENDER).send_all(several) == [None, None, None]
    assert [(one.to, str(one.letter["To"])) for one in box.arrived] == [([m.to], m.to) for m in several]
    assert len(box.clients) == 1


def test_without_messages_nobody_is_connected_to() -> None:
    assert Smtp(f"smtp://127.0.0.1:{free_port()}", SENDER).send_all([]) == []


@pytest.mark.parametrize(
    "subject", ["", "a\nBcc: x@evil.example", "a\r\n\r\nbody", "a\rb", "a\x85b", "a\u2028b", "x" * 201]
)
def test_a_subject_cannot_become_a_second_header(subject: str) -> None:
    with pytest.raises(Invalid, match="one line"):
        Message("ada@example.com", subject, "x")


@pytest.mark.parametrize(
    "to", ["", "ada@example.com\r\nRCPT TO:<x@evil.example>", "a@example.com,x@evil.example", "Ada <a@example.com>"]
)
def test_an_addressee_is_one_plain_address(to: str) -> None:
    with pytest.raises(Invalid, match="no mail address"):
        Message(to, "x", "x")
    with pytest.raises(ValueError, match="plain mail address"):
        Smtp("smtp://localhost", to)


def test_text_that_cannot_be_sent_is_refused_before_anything_is_sent() -> None:
    for text in ("a\0b", "a\ud800b"):
        with pytest.raises(Invalid, match="cannot be sent"):
            Message("ada@example.com", "x", text)


def test_one_addressee_that_is_refused_holds_up_no_other(box: Box, plain: str) -> None:
    box.answers["gone@example.com"] = "550 5.1.1 no such user"
    found = Smtp(plain, SENDER).send_all([HELLO, Message("gone@example.com", "x", "x"), HELLO])
    assert found[0] is None
    assert found[2] is None
    assert isinstance(found[1], Refused)
    assert not found[1].whole
    assert found[1].message == "The mail server does not take mail for this address (550 5.1.1 no such user)."
    assert len(box.arrived) == 2


def test_one_message_that_is_refused_holds_up_no_other(box: Box, plain: str) -> None:
    box.answers["spam"] = "554 no"
    found = Smtp(plain, SENDER).send_all([Message("ada@example.com", "spam", "x"), HELLO])
    assert isinstance(found[0], Refused)
    assert (found[0].whole, found[1]) == (False, None)


def test_an_addressee_that_is_put_off_is_tried_again_later(box: Box, plain: str) -> None:
    box.answers["ada@example.com"] = "450 4.2.0 greylisted"
    with pytest.raises(Busy, match=r"450 4\.2\.0 greylisted\)\. Try again"):
        Smtp(plain, SENDER).send(HELLO)


def test_a_sender_that_is_refused_ends_it_and_names_the_setting(box: Box, plain: str) -> None:
    box.answers[SENDER] = "553 not yours"
    found = Smtp(plain, SENDER).send_all([HELLO] * 3)
    assert len(found) == 3
    for one in found:
        assert isinstance(one, Refused)
        assert one.whole
        assert "MAIL_FROM" in one.message
    assert box.arrived == []


def test_a_server_that_goes_away_half_way_has_taken_the_first_and_not_the_rest(box: Box, plain: str) -> None:
    box.answers["bo@example.com"] = "421 closing"
    found = Smtp(plain, SENDER).send_all([HELLO, Message("bo@example.com", "x", "x"), HELLO])
    assert found[0] is None
    assert [type(one) for one in found[1:]] == [Busy, Busy]
    assert len(box.arrived) == 1


def test_nobody_there_is_told_at_once_and_may_pass() -> None:
    for place in (f"127.0.0.1:{free_port()}", f"[::1]:{free_port()}"):
        for act in (lambda one: one.send(HELLO), lambda one: one.check()):
            with pytest.raises(Busy, match="cannot be reached"):
                act(Smtp(f"smtp://{place}", SENDER))
