"""Mail over TLS and with a password: who is trusted with it, and that nobody else gets it."""

import base64
import ssl
from pathlib import Path
from typing import Any

import pytest

from cmmc_tracker.errors import Busy
from cmmc_tracker.storage.mail import Refused, Smtp
from tests.storage.smtp_server import (
    HELLO,
    QUICK,
    SENDER,
    Box,
    own_context,
    scripted,
    secure,
    serving,
    starttls,
)
from tests.storage.test_scanner import pretending


def test_mail_goes_by_starttls_with_a_password(box: Box, context: ssl.SSLContext) -> None:
    with serving(
        box, tls_context=context, require_starttls=True, authenticator=box.sign_in, auth_required=True
    ) as place:
        Smtp(f"smtp://tracker:hunter2@{place}?tls=starttls", SENDER).send(HELLO)
    (found,) = box.arrived
    assert (found.encrypted, found.signed_in) == (True, True)


def test_mail_goes_by_tls_from_the_start_with_a_password(box: Box, context: ssl.SSLContext) -> None:
    # The server counts only TLS by STARTTLS as TLS.
    with serving(box, ssl_context=context, authenticator=box.sign_in, auth_require_tls=False) as place:
        Smtp(f"smtps://tracker:hunter2@{place}", SENDER).send(HELLO)
    (found,) = box.arrived
    assert found.signed_in


def test_a_server_without_starttls_gets_a_greeting_and_nothing_more(box: Box) -> None:
    heard: list[bytes] = []
    with pretending(scripted(heard=heard)) as url, pytest.raises(Refused, match="no encryption") as told:
        Smtp(starttls(url, "tracker:hunter2@"), SENDER).send(HELLO)
    assert told.value.whole
    assert {line.split()[0].upper() for line in heard} <= {b"EHLO", b"QUIT"}
    with serving(box) as place, pytest.raises(Refused, match="nothing was sent"):
        Smtp(f"smtp://{place}?tls=starttls", SENDER).send(HELLO)
    assert box.arrived == []


@pytest.mark.parametrize(
    ("answer", "kind"), [(b"454 not now", Busy), (b"502 no", Refused), (b"220 go\r\n250 x", Refused)]
)
def test_a_server_that_does_not_do_the_starttls_that_it_offers_gets_no_password(answer: bytes, kind: type) -> None:
    heard: list[bytes] = []
    answers = {b"EHLO": b"250-x\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS", b"STARTTLS": answer}
    with pretending(scripted(answers, heard)) as url, pytest.raises(kind):
        Smtp(starttls(url, "tracker:hunter2@"), SENDER, QUICK).send(HELLO)
    assert not any(word in line.upper() for line in heard for word in (b"AUTH", b"MAIL FROM", b"RCPT"))


@pytest.mark.parametrize("way", ["starttls", "at once"])
def test_a_certificate_that_nobody_vouches_for_is_refused(box: Box, tmp_path: Path, way: str) -> None:
    context = own_context(tmp_path)
    how: dict[str, Any] = {"tls_context": context} if way == "starttls" else {"ssl_context": context}
    with serving(box, **how) as place, pytest.raises(Refused, match="certificate cannot be trusted") as told:
        Smtp(secure(place, way), SENDER).send(HELLO)
    assert told.value.whole
    assert box.arrived == []


@pytest.mark.parametrize("way", ["starttls", "at once"])
def test_a_certificate_of_another_name_is_refused(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    context = own_context(tmp_path, "DNS:mail.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    how: dict[str, Any] = {"tls_context": context} if way == "starttls" else {"ssl_context": context}
    with serving(box, **how) as place, pytest.raises(Refused, match="certificate cannot be trusted"):
        Smtp(secure(place, way), SENDER).send(HELLO)
    assert box.arrived == []


def test_tls_with_a_server_that_speaks_none_is_refused(plain: str, box: Box) -> None:
    with pytest.raises(Refused, match="TLS with the mail server fails"):
        Smtp(plain.replace("smtp://", "smtps://"), SENDER).send(HELLO)
    assert box.arrived == []


def test_a_wrong_password_is_told_once_without_saying_it_and_no_message_is_tried(
    box: Box, context: ssl.SSLContext
) -> None:
    with serving(box, tls_context=context, authenticator=box.sign_in, auth_required=True) as place:
        found = Smtp(f"smtp://tracker:s3cret-wrong@{place}?tls=starttls", SENDER).send_all([HELLO, HELLO])
    assert box.tries == 1
    for one in found:
        assert isinstance(one, Refused)
        assert one.whole
        assert "password in SMTP_URL (535)" in one.message
        assert "s3cret" not in one.message + repr(one.__cause__)
    assert (len(found), box.arrived) == (2, [])


def test_a_server_that_repeats_the_password_does_not_get_it_into_the_message() -> None:
    sent = base64.b64encode(b"\0tracker\0hunter2")
    for answer in (b"535 hunter2 is wrong", b"500 unknown: AUTH PLAIN " + sent, b"334 " + sent + b"\r\n535 no"):
        answers = {b"EHLO": b"250-x\r\n250 AUTH PLAIN", b"AUTH": answer}
        with pretending(scripted(answers)) as url, pytest.raises((Refused, Busy)) as told:
            Smtp(url.replace("tcp://", "smtp://tracker:hunter2@"), SENDER, QUICK).check()
        said = f"{told.value.message} {told.value.__cause__!r}"
        assert "hunter2" not in said
        assert sent.decode() not in said


def test_a_password_that_no_server_can_be_told_safely_is_not_told() -> None:
    heard: list[bytes] = []
    for offered in (b"250 x", b"250-x\r\n250 AUTH CRAM-MD5 XOAUTH2"):
        with pretending(scripted({b"EHLO": offered}, heard)) as url, pytest.raises(Refused, match="no sign-in"):
            Smtp(url.replace("tcp://", "smtp://tracker:hunter2@"), SENDER).send(HELLO)
    assert not any(b"AUTH" in line for line in heard)


def test_where_plain_is_not_offered_login_is_taken(box: Box) -> None:
    with serving(box, authenticator=box.sign_in, auth_require_tls=False, auth_exclude_mechanism=["PLAIN"]) as place:
        Smtp(f"smtp://tracker:hunter2@{place}", SENDER).send(HELLO)
    assert box.arrived[0].signed_in


def test_looking_signs_in_and_sends_nothing(box: Box, context: ssl.SSLContext) -> None:
    with serving(box, tls_context=context, authenticator=box.sign_in, auth_required=True) as place:
        Smtp(f"smtp://tracker:hunter2@{place}?tls=starttls", SENDER).check()
        with pytest.raises(Refused, match="the user and the password"):
            Smtp(f"smtp://tracker:wrong@{place}?tls=starttls", SENDER).check()
    assert (box.arrived, box.clients) == ([], set())
