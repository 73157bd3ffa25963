"""The mail server that reminders are handed to, where an administrator of the machine named one (`SMTP_URL`).

Off the machine the way is encrypted and the certificate checked, or nothing is said but a greeting; plain only where
the address asks for it, and never with a password (NIST SP 800-171, 3.5.10). Every wait is bounded: by the socket for
one step, by the clock for one message. A failure is `Busy` (it may pass) or `Refused` (it will not by itself).
Server and sender come from the environment only; an addressee is one plain address.
"""

import contextlib
import ipaddress
import re
import secrets
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from cmmc_tracker.domain.digest import is_address
from cmmc_tracker.errors import Busy, Invalid, TrackerError

LONGEST_SUBJECT = 200
_FROM = "CMMC Artifact Tracker"
_SHAPE = (
    "it must be like smtp://user:password@mail.example.com, or smtps:// where TLS begins at once; "
    "in a password write / as %2F, : as %3A, @ as %40, ? as %3F and # as %23"
)
_FAILURES = (smtplib.SMTPException, OSError, ValueError)


class Refused(TrackerError):
    """The server will not take it, and trying again does not help until somebody mends something.

    `whole`: what is to be mended is the server or its settings, so every message fails; else it is this message alone,
    such as an addressee whom nobody knows.
    """

    def __init__(self, message: str, *, whole: bool) -> None:
        super().__init__(message)
        self.whole = whole


Failure = Busy | Refused


class Tls(StrEnum):
    """How the way to the server is encrypted."""

    AT_ONCE = "at once"
    STARTTLS = "starttls"
    NONE = "none"


_PORTS = {Tls.AT_ONCE: 465, Tls.STARTTLS: 587, Tls.NONE: 25}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server as `SMTP_URL` names it."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_open(self) -> bool:
        """Whether mail goes to another machine in plain."""
        return self.tls is Tls.NONE and not _is_loopback(self.host)


def server(url: str) -> Server:
    """The server that an address names; raises `ValueError`, whose text repeats nothing of the address.

    `smtps://` is TLS from the start (port 465), `smtp://` is STARTTLS and nothing without it (port 587). On this
    machine `smtp://` is plain (port 25), elsewhere with `?tls=none` only. `?tls=starttls` asks for it here too.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(_SHAPE)
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:  # its words may hold half of a password
        raise ValueError(_SHAPE) from None
    good = parts.scheme in {"smtp", "smtps"} and parts.path in {"", "/"} and not parts.fragment and port != 0
    if not good or not (is_address(f"x@{host}") or _ip(host)):
        raise ValueError(_SHAPE)
    tls = _tls(parts, host)
    found = Server(host, port or _PORTS[tls], tls, *_credentials(parts))
    if found.user and found.is_open:
        raise ValueError("a password must not go to another machine without TLS (NIST SP 800-171, 3.5.10)")
    return found


def _tls(parts: SplitResult, host: str) -> Tls:
    asked = {"": None, "tls=none": Tls.NONE, "tls=starttls": Tls.STARTTLS}
    if parts.query not in asked or (parts.scheme == "smtps" and parts.query):
        raise ValueError("behind the ? only tls=none or tls=starttls can stand, and only with smtp://")
    if parts.scheme == "smtps":
        return Tls.AT_ONCE
    return asked[parts.query] or (Tls.NONE if _is_loopback(host) else Tls.STARTTLS)


def _credentials(parts: SplitResult) -> tuple[str, str]:
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise ValueError("user and password go together")
    if not (user + password).isascii() or not (user + password).isprintable():
        raise ValueError("user and password must be of printable ASCII signs")
    return user, password


def _is_loopback(host: str) -> bool:
    found = _ip(host)
    return host == "localhost" or (found is not None and found.is_loopback)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Message:
    """A mail in plain text. Raises `Invalid` for an addressee that is not one plain address, and for text that could
    become a header of its own: a subject is one line.
    """

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        wrong = {}
        if not is_address(self.to):
            wrong["to"] = "This is no mail address such as name@example.com."
        if not self.subject.isprintable() or not 1 <= len(self.subject) <= LONGEST_SUBJECT:
            wrong["subject"] = f"A subject is one line of 1 to {LONGEST_SUBJECT} characters."
        if re.search("[\0\ud800-\udfff]", self.text):
            wrong["text"] = "The text has signs in it that cannot be sent."
        if wrong:
            raise Invalid(wrong)


class Mailer(Protocol):
    """Hands mail to a server."""

    def send(self, message: Message) -> None:
        """Hand one message over; raises `Busy` or `Refused` when the server did not take it."""

    def send_all(self, messages: Sequence[Message]) -> list[Failure | None]:
        """Hand messages over by one connection; for each, in order, None where it was taken, else why not."""

    def check(self) -> None:
        """Raise `Busy` or `Refused` when no message could be sent; sends none."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the server may take, in seconds: for one step; for its greeting and for one message in all."""

    step: float = 10.0
    whole: float = 60.0


class Smtp:
    """A mail server, and who mail comes from. No connection outlives a call.

    What was taken may still be lost or come back: that is told to the sender's mailbox, not here. A connection that
    breaks after the last word of a message leaves open whether it was taken; it counts as not taken.
    """

    def __init__(self, url: str, sender: str, patience: Patience | None = None) -> None:
        if not is_address(sender):
            raise ValueError("the sender is no plain mail address")
        self._server, self._sender = server(url), sender
        self._patience = patience or Patience()

    def send(self, message: Message) -> None:
        """Hand one message over; raises `Busy` or `Refused` when the server did not take it."""
        (failure,) = self.send_all([message])
        if failure:
            raise failure

    def send_all(self, messages: Sequence[Message]) -> list[Failure | None]:
        """Hand messages over by one connection; for each, in order, None where it was taken, else why not.

        What stands in the way of every message ends it: the rest is not tried, and fails for the same reason.
        """
        found: list[Failure | None] = []
        if not messages:
            return found
        failure: Failure | None = None
        try:
            with self._connected() as connection:
                for message in messages:
                    failure = self._handed_over(connection, message)
                    if _ends_it(failure, connection):
                        break
                    found.append(failure)
        except (Busy, Refused) as error:
            failure = error
        return found + [failure] * (len(messages) - len(found))

    def check(self) -> None:
        """Raise `Busy` or `Refused` when no message could be sent: to the password and no further; sends none."""
        with self._connected():
            pass

    def _handed_over(self, connection: "_Connection", message: Message) -> Failure | None:
        letter = _letter(message, self._sender)
        connection.watch.restart()
        try:
            connection.sendmail(self._sender, [message.to], letter)
        except _FAILURES as error:
            return _told(error)
        return None

    @contextlib.contextmanager
    def _connected(self) -> Iterator["_Connection"]:
        """A connection that is encrypted and signed in as the settings say; raises `Busy` or `Refused`."""
        domain = self._sender.rpartition("@")[2]
        with contextlib.closing(_Watch(self._patience.whole)) as watch:
            try:
                connection = _Connection(self._server, watch, self._patience.step, domain)
            except _FAILURES as error:
                raise _told(error) from error
            with contextlib.closing(connection):
                self._prepare(connection)
                yield connection
                with contextlib.suppress(*_FAILURES):  # what was taken stays taken, however the server says good-bye
                    connection.quit()

    def _prepare(self, connection: "_Connection") -> None:
        try:
            connection.encrypt()
            connection.sign_in()
        except _FAILURES as error:
            # A server may repeat what it was told; that must not reach a log by way of a trace.
            raise _told(error) from None


class _Watch:
    """Ends a connection when its time is over: a server that sends a byte now and then never meets a timeout."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: socket.socket | None = None
        self._timer: threading.Timer | None = None

    def over(self, connection: socket.socket) -> None:
        """Watch this connection from now on."""
        self._end = connection.dup()  # stays the raw socket when TLS takes the other
        self.restart()

    def restart(self) -> None:
        """Give it its whole time again."""
        self._stop()
        self._timer = threading.Timer(self._seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Watch no longer."""
        self._stop()
        if self._end:
            self._end.close()

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            if self._end:
                self._end.shutdown(socket.SHUT_RDWR)


class _Connection(smtplib.SMTP):
    """The standard library's client, watched, and encrypted from the start where the server wants that.

    It says the sender's domain where a client gives its name: this machine's own is nobody's business.
    """

    def __init__(self, where: Server, watch: _Watch, step: float, name: str) -> None:
        self.watch, self._where = watch, where
        self._context = ssl.create_default_context()  # the system's authorities, the name checked, TLS 1.2 or newer
        super().__init__(where.host, where.port, local_hostname=name, timeout=step)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What the base class connects by, in its own TLS class as well."""
        plain = socket.create_connection((host, port), timeout)
        try:
            self.watch.over(plain)
            if self._where.tls is Tls.AT_ONCE:
                return self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        return plain

    def encrypt(self) -> None:
        """STARTTLS where it is wanted; raises `Refused` where it is not offered, before anything else is said."""
        self.ehlo_or_helo_if_needed()
        if self._where.tls is not Tls.STARTTLS:
            return
        if not self.has_extn("starttls"):
            raise Refused("The mail server offers no encryption (STARTTLS), so nothing was sent.", whole=True)
        self.starttls(context=self._context)
        self.ehlo_or_helo_if_needed()

    def sign_in(self) -> None:
        """By PLAIN or LOGIN, within TLS or this machine. Not by CRAM-MD5: hosts in FIPS mode have no MD5."""
        if not self._where.user:
            return
        self.user, self.password = self._where.user, self._where.password
        offered = self.esmtp_features.get("auth", "").upper().split()
        for name, answer in (("PLAIN", self.auth_plain), ("LOGIN", self.auth_login)):
            if name in offered:
                self.auth(name, answer)
                return
        raise Refused(
            "The mail server offers no sign-in by a password; take user and password out of SMTP_URL.", whole=True
        )


def _letter(message: Message, sender: str) -> bytes:
    """The message as it goes over the wire. It says that a program sent it (RFC 3834), so that no program answers."""
    letter = EmailMessage(policy.SMTP)
    letter["From"] = Address(_FROM, addr_spec=sender)
    letter["To"] = Address(addr_spec=message.to)
    letter["Subject"] = message.subject
    letter["Date"] = datetime.now(UTC)
    letter["Message-ID"] = f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text, charset="utf-8", cte="quoted-printable")
    return letter.as_bytes()


def _ends_it(failure: Failure | None, connection: _Connection) -> bool:
    return failure is not None and (connection.sock is None or (isinstance(failure, Refused) and failure.whole))


def _told(error: Exception) -> Failure:
    """A failure of the client as a person is told it. What a server says is quoted, but never about a password."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return _by_code(code, "does not take mail for this address", said, whole=False)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _by_code(error.smtp_code, "does not take the user and the password in SMTP_URL", b"", whole=True)
    if isinstance(error, smtplib.SMTPSenderRefused):
        return _by_code(error.smtp_code, "takes no mail from the address in MAIL_FROM", error.smtp_error, whole=True)
    if isinstance(error, smtplib.SMTPDataError):
        return _by_code(error.smtp_code, "does not take this message", error.smtp_error, whole=False)
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_code(error.smtp_code, "does not talk to the tracker", error.smtp_error, whole=True)
    return _told_of_the_way(error)


def _told_of_the_way(error: Exception) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"The mail server's certificate cannot be trusted, so nothing was sent: {error.verify_message}."
        return Refused(text, whole=True)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        text = f"TLS with the mail server fails, so nothing was sent: {_printable(error.reason or '')}."
        return Refused(text, whole=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return Busy("The mail server broke off or took too long. Try again in a few minutes.")
    if isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException):
        return Busy(f"The mail server cannot be reached: {error.strerror or 'it took too long'}. Try again later.")
    return Busy("The mail server does not answer as mail servers do. Look at SMTP_URL if it happens again.")


def _by_code(code: int, text: str, said: bytes | str, *, whole: bool) -> Failure:
    """By RFC 5321, section 4.2.1: what begins with 5 stays so. 421 is the server going away, whatever it was asked."""
    quoted = _printable(said)
    sentence = f"The mail server {text} ({code}{' ' if quoted else ''}{quoted})."
    return Refused(sentence, whole=whole) if 500 <= code < 600 else Busy(f"{sentence} Try again later.")


def _printable(said: bytes | str) -> str:
    """What the server says as it may stand in a sentence and in a log."""
    text = said if isinstance(said, str) else said.decode("ascii", "replace")
    return re.sub(r"[^ -~]", "?", text.replace("\n", " "))[:120].strip()
