"""Mail: a real server with TLS, passwords and refusals, and servers that misbehave."""

import base64
import contextlib
import email
import email.policy
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.storage.mail import Message, Patience, Refused, Server, Smtp, Tls, server
from tests.storage.test_scanner import free_port, pretending

SENDER = "tracker@contractor.example"
QUICK = Patience(step=0.5, whole=1.5)
HELLO = Message("ada@example.com", "1 thing to do", "Hello Ada,\n\nrequest 7 is due.\n")


@dataclass
class Arrived:
    """A message that the server took, and how it came."""

    sender: str
    to: list[str]
    letter: EmailMessage
    raw: bytes
    encrypted: bool
    signed_in: bool
    client: str

    @property
    def text(self) -> str:
        """What a person reads, with this machine's line ends."""
        return str(self.letter.get_content()).replace("\r\n", "\n")


@dataclass
class Box:
    """What a server took, and what it answers to whom instead of taking it."""

    answers: dict[str, str] = field(default_factory=dict)
    arrived: list[Arrived] = field(default_factory=list)
    clients: set[int] = field(default_factory=set)  # of connections that began a message
    tries: int = 0  # of sign-in

    async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 its name there
        self.clients.add(id(session))
        envelope.mail_from = address
        return self.answers.get(address, "250 OK")

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 its name there
        if address not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get(address, "250 OK")

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 its name there
        raw = envelope.original_content
        letter = email.message_from_bytes(raw, policy=email.policy.default)
        assert isinstance(letter, EmailMessage)
        if (answer := self.answers.get(str(letter["Subject"]))) is not None:
            return answer
        self.arrived.append(
            Arrived(
                sender=envelope.mail_from,
                to=envelope.rcpt_tos,
                letter=letter,
                raw=raw,
                encrypted=session.ssl is not None,
                signed_in=session.authenticated or False,
                client=session.host_name,
            )
        )
        return "250 OK"

    def sign_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """Takes one user with one password."""
        self.tries += 1
        return AuthResult(success=(data.login, data.password) == (b"tracker", b"hunter2"), handled=False)


@contextlib.contextmanager
def serving(box: Box, **how: Any) -> Iterator[str]:
    """A mail server on the loopback; gives host and port as they stand in an address."""
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


@pytest.fixture
def box() -> Box:
    """What arrives."""
    return Box()


@pytest.fixture
def plain(box: Box) -> Iterator[str]:
    """A server on this machine that knows no TLS."""
    with serving(box) as place:
        yield f"smtp://{place}"


def certificate(folder: Path, names: str) -> tuple[Path, Path]:
    """A certificate of our own for these names, and its key."""
    made, key = folder / "certificate.pem", folder / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=mail", "-addext", f"subjectAltName={names}"]
    subprocess.run(["openssl", "req", *kind, *name, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


def own_context(folder: Path, names: str = "IP:127.0.0.1") -> ssl.SSLContext:
    """A server's half of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate(folder, names))
    return context


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's half of TLS, whose certificate this machine trusts."""
    made = own_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    return made


# What arrives


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


# Encrypted, and signed in


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


# Refused for good, and for now


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


# Servers that misbehave


def scripted(
    answers: dict[bytes, bytes] | None = None, heard: list[bytes] | None = None, greeting: bytes = b"220 hello"
) -> Callable[[socket.socket], None]:
    """A server that answers commands by their first word; takes everything else."""

    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(greeting + b"\r\n")
        with connection.makefile("rb") as stream:
            for line in stream:
                if heard is not None:
                    heard.append(line)
                word = line.split()[0].upper() if line.strip() else b""
                connection.sendall((answers or {}).get(word, b"354 go" if word == b"DATA" else b"250 OK") + b"\r\n")

    return serve


def starttls(url: str, user: str = "") -> str:
    """The address of a pretending server, as one that STARTTLS is demanded of."""
    return url.replace("tcp://", f"smtp://{user}") + "?tls=starttls"


def secure(place: str, way: str) -> str:
    """An address with TLS one way or the other."""
    return f"smtp://{place}?tls=starttls" if way == "starttls" else f"smtps://{place}"


def _silent(connection: socket.socket) -> None:
    connection.settimeout(10)
    connection.recv(1)


def _dripping(connection: socket.socket) -> None:
    for _ in range(40):
        connection.sendall(b"2")
        time.sleep(0.2)


def _dripping_lines(connection: socket.socket) -> None:
    for _ in range(40):
        connection.sendall(b"220-wait\r\n")
        time.sleep(0.2)


def _leaving(connection: socket.socket) -> None:
    connection.sendall(b"220 hello\r\n")
    connection.recv(20)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize("serve", [_silent, _dripping, _dripping_lines, _leaving])
def test_a_server_that_stalls_or_leaves_costs_a_bounded_time(
    serve: Callable[[socket.socket], None], scheme: str
) -> None:
    with pretending(serve) as url:
        begun = time.monotonic()
        with pytest.raises((Busy, Refused)) as told:
            Smtp(url.replace("tcp", scheme), SENDER, QUICK).send(HELLO)
        assert time.monotonic() - begun < 5.0
        assert scheme == "smtps" or isinstance(told.value, Busy)


def test_a_server_that_drips_within_a_message_costs_a_bounded_time() -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
        connection.sendall(b"250 OK\r\n")
        connection.recv(100)
        _dripping(connection)

    with pretending(serve) as url:
        begun = time.monotonic()
        found = Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send_all([HELLO] * 5)
        assert time.monotonic() - begun < 5.0
    assert [type(one) for one in found] == [Busy] * 5


def test_what_was_taken_stays_taken_however_the_server_says_good_bye() -> None:
    for bye in (b"500 no\r\n", b"", b"x" * 20):
        with pretending(_taking(bye)) as url:
            assert Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send_all([HELLO]) == [None]


def _taking(bye: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(b"220 hello\r\n")
        inside = False
        with connection.makefile("rb") as stream:
            for line in stream:
                if inside:
                    inside = line != b".\r\n"
                    answer = b"" if inside else b"250 OK\r\n"
                else:
                    inside = line.upper().startswith(b"DATA")
                    answer = bye if line.upper().startswith(b"QUIT") else b"354 go\r\n" if inside else b"250 OK\r\n"
                connection.sendall(answer)

    return serve


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        *((b"SSH-2.0-OpenSSH", Busy), (b"HTTP/1.1 400 Bad Request", Busy), (b"\xff\x00", Busy), (b"", Busy)),
        *((b"554 not for you", Refused), (b"421 later", Busy), (b"x" * 20_000, Refused)),
    ],
)
def test_something_else_at_the_address_is_told_in_signs_that_do_no_harm(greeting: bytes, kind: type) -> None:
    with pretending(scripted(greeting=greeting)) as url, pytest.raises(kind) as told:
        Smtp(url.replace("tcp", "smtp"), SENDER, QUICK).send(HELLO)
    assert told.value.message.isprintable()


def test_what_a_server_says_is_quoted_short_and_printable(box: Box, plain: str) -> None:
    box.answers["ada@example.com"] = "550-\x1b[31mred\r\n550 \u202e" + "x" * 300
    with pytest.raises(Refused) as told:
        Smtp(plain, SENDER).send(HELLO)
    assert told.value.message.isascii()
    assert told.value.message.isprintable()
    assert len(told.value.message) < 200


@pytest.mark.parametrize("challenge", [b"334 ?????", b"334 x", b"334 " + b"QUFB" * 20])
def test_a_sign_in_that_never_ends_ends(challenge: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.settimeout(10)
        connection.sendall(b"220 hello\r\n")
        connection.recv(100)
        connection.sendall(b"250-x\r\n250 AUTH LOGIN\r\n")
        while connection.recv(100):
            connection.sendall(challenge + b"\r\n")

    with pretending(serve) as url, pytest.raises(Busy):
        Smtp(url.replace("tcp://", "smtp://tracker:hunter2@"), SENDER, QUICK).send(HELLO)


def test_no_connection_and_no_thread_outlives_a_call(box: Box, plain: str) -> None:
    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_now()
    box.answers["gone@example.com"] = "421 bye"
    for _ in range(5):
        Smtp(plain, SENDER).send_all([HELLO, Message("gone@example.com", "x", "x")])
        Smtp(plain, SENDER).check()
        with pytest.raises(Refused):
            Smtp(plain.replace("smtp:", "smtps:"), SENDER).send(HELLO)
        with pytest.raises(Refused):
            Smtp(plain + "?tls=starttls", SENDER).send(HELLO)
        with pytest.raises(Busy):
            Smtp(f"smtp://127.0.0.1:{free_port()}", SENDER).send(HELLO)
    until = time.monotonic() + 5
    while open_now() > before and time.monotonic() < until:
        time.sleep(0.05)  # the server's own halves are closed by its own thread
    assert open_now() <= before
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]


# Addresses of servers


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587, Tls.STARTTLS)),
        ("smtp://mail.example.com:25", Server("mail.example.com", 25, Tls.STARTTLS)),
        ("smtp://mail.example.com?tls=starttls", Server("mail.example.com", 587, Tls.STARTTLS)),
        ("smtp://mail.example.com/?tls=none", Server("mail.example.com", 25, Tls.NONE)),
        ("smtps://mail.example.com", Server("mail.example.com", 465, Tls.AT_ONCE)),
        ("smtps://u:p%40%2F%3A%23@mail.example.com:99", Server("mail.example.com", 99, Tls.AT_ONCE, "u", "p@/:#")),
        ("smtp://a%40b.example:p@h", Server("h", 587, Tls.STARTTLS, "a@b.example", "p")),
        ("smtp://localhost", Server("localhost", 25, Tls.NONE)),
        ("smtp://127.0.0.2:2525", Server("127.0.0.2", 2525, Tls.NONE)),
        ("smtp://[::1]", Server("::1", 25, Tls.NONE)),
        ("smtp://u:p@localhost", Server("localhost", 25, Tls.NONE, "u", "p")),
        ("smtp://localhost?tls=starttls", Server("localhost", 587, Tls.STARTTLS)),
        ("smtp://192.0.2.1", Server("192.0.2.1", 587, Tls.STARTTLS)),
        ("smtp://localhost.evil.example", Server("localhost.evil.example", 587, Tls.STARTTLS)),
    ],
)
def test_off_this_machine_mail_is_encrypted_unless_the_address_says_otherwise(url: str, meant: Server) -> None:
    assert server(url) == meant


def test_only_plain_mail_to_another_machine_is_called_open() -> None:
    for url, is_open in (
        ("smtp://h?tls=none", True),
        ("smtp://h", False),
        ("smtps://h", False),
        ("smtp://[::1]", False),
    ):
        assert server(url).is_open is is_open


@pytest.mark.parametrize(
    "url",
    [
        *(
            "mail.example.com",
            "http://h",
            "smtp:",
            "smtp://",
            "smtp://:25",
            "smtp://h:0",
            "smtp://h:66000",
            "smtp://h:hunter2",
        ),
        *(
            "smtp://h/hunter2",
            "smtp://h#hunter2",
            "smtp://u:hun/ter2@h",
            "smtp://u:hunter2#x@h",
            "smtp://u:hunter2?x@h",
        ),
        *(
            "smtp://hunter2@h",
            "smtp://:hunter2@h",
            "smtp://u:hünter2@h",
            "smtp://u:hunter2%0d%0aX@h",
            "smtp://u:%C3%BC@h",
        ),
        *(
            "smtp://h?tls=hunter2",
            "smtp://h?tls=none&x=1",
            "smtps://h?tls=none",
            "smtps://h?tls=starttls",
            "smtp://h?TLS=none",
        ),
        *(
            "smtp://h\n.evil.example",
            "smtp://h x",
            " smtp://h",
            "smtp://a..b",
            "smtp://-h",
            "smtp://[::1",
            "smtp://h_x",
        ),
        *("smtp://u:hunter2@h?tls=none", "smtp://u:hunter2@192.0.2.1:25?tls=none"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"it must|go together|printable|behind the|without TLS") as told:
        server(url)
    assert "hunter2" not in str(told.value)
    assert "hünter2" not in str(told.value)


def test_a_password_stands_in_no_text_form() -> None:
    assert "hunter2" not in repr(server("smtps://u:hunter2@h")) + repr(Smtp("smtps://u:hunter2@h", SENDER))
