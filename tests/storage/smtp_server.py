"""Mail servers for tests: a real one that keeps what arrives, and scripts of what it says."""

import contextlib
import email
import email.policy
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from cmmc_tracker.storage.mail import Message, Patience
from tests.storage.test_scanner import free_port

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
