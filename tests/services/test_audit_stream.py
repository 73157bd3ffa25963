"""The audit log on its way to a SIEM, against real receivers on the loopback: in order, nothing left out."""

import re
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cmmc_tracker.services import audit, audit_stream
from cmmc_tracker.services.audit_stream import Standing, Stream, is_due, standing, stream_to
from cmmc_tracker.services.jobs import streaming
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import syslog
from cmmc_tracker.storage.tables import audit as entries
from tests.conftest import Clock
from tests.services.test_audit import fill, rewrite


@dataclass
class Collector:
    """A receiver by TCP that reads messages by their octets; after `cut_after` octets it resets the connection."""

    port: int = 0
    context: ssl.SSLContext | None = None
    cut_after: int | None = None
    taken: list[str] = field(default_factory=list)
    connections: int = 0

    @contextmanager
    def running(self) -> Iterator["Collector"]:
        """Listen, on the same port as before when it is started again."""
        with socket.create_server(("127.0.0.1", self.port)) as listening:
            self.port = listening.getsockname()[1]
            listening.settimeout(0.05)
            over = threading.Event()
            thread = threading.Thread(target=self._serve, args=(listening, over))
            thread.start()
            try:
                yield self
            finally:
                over.set()
                thread.join()

    def _serve(self, listening: socket.socket, over: threading.Event) -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            self.connections += 1
            connection.settimeout(10)
            try:
                self._take(self.context.wrap_socket(connection, server_side=True) if self.context else connection)
            except OSError:
                connection.close()

    def _take(self, connection: socket.socket) -> None:
        buffer = b""
        while piece := connection.recv(4_096 if self.cut_after is None else 512):
            buffer += piece
            buffer = self._messages(buffer)
            if self.cut_after is not None and len(self.taken) >= self.cut_after:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()
                return
        if isinstance(connection, ssl.SSLSocket):
            connection.unwrap()
        connection.close()

    def _messages(self, buffer: bytes) -> bytes:
        while found := re.match(rb"([1-9][0-9]*) ", buffer):
            begin, end = found.end(), found.end() + int(found[1])
            if len(buffer) < end:
                break
            self.taken.append(buffer[begin:end].decode())
            buffer = buffer[end:]
        return buffer

    def numbers(self) -> list[int]:
        """Which entries came, in order."""
        return [int(re.findall(r'(?: entry="|externalId=)(\d+)', one)[0]) for one in self.taken]


def _to(address: str, form: str = "rfc5424") -> Stream:
    return stream_to(address, form, "https://tracker.example.com")


def _standing(tracker: Tracker, stream: Stream) -> Standing:
    with tracker.read() as work:
        return standing(work, stream)


def _log(tracker: Tracker) -> list[tuple[int, str]]:
    with tracker.read() as work:
        return [(row.id, row.hash) for row in work.rows(select(entries.c.id, entries.c.hash).order_by(entries.c.id))]


def test_every_entry_arrives_in_order_with_its_hash_and_then_nothing_waits(tracker: Tracker) -> None:
    fill(tracker, 1_203)
    with Collector().running() as collector:
        stream = _to(f"tcp://127.0.0.1:{collector.port}")
        house = House(tracker, stream=stream)
        assert streaming.wanted(house)
        assert streaming.turn(house) is False
        assert not streaming.wanted(house)
        fill(tracker, 1)
        assert streaming.wanted(house)
        streaming.turn(house)
    log = _log(tracker)
    assert collector.numbers() == [number for number, _ in log]
    assert [re.findall(r' hash="([0-9a-f]{64})"', one)[0] for one in collector.taken] == [h for _, h in log]
    assert _standing(tracker, stream).behind == 0
    assert collector.connections < 6


def test_a_receiver_that_cuts_in_the_middle_gets_everything_in_the_end(tracker: Tracker, clock: Clock) -> None:
    fill(tracker, 400)
    collector = Collector(cut_after=150)
    with collector.running():
        stream = _to(f"tcp://127.0.0.1:{collector.port}")
        assert streaming.turn(House(tracker, stream=stream)) is False
        found = _standing(tracker, stream)
        assert (found.entry, found.failures) == (0, 1)
        assert found.why
    first = collector.numbers()
    assert first[:150] == list(range(1, 151))
    clock.forward(minutes=10)
    collector.cut_after = None
    with collector.running():
        streaming.turn(House(tracker, stream=stream))
    assert collector.numbers()[len(first) :] == [number for number, _ in _log(tracker)]
    found = _standing(tracker, stream)
    assert (found.behind, found.failures, found.why) == (0, 0, "")


def test_a_receiver_that_is_away_is_tried_again_later_and_later_and_loses_nothing(
    tracker: Tracker, caplog: pytest.LogCaptureFixture
) -> None:
    now = [tracker.clock()]
    tracker = replace(tracker, clock=lambda: now[0])
    collector = Collector()
    with collector.running():
        pass
    stream = _to(f"tcp://127.0.0.1:{collector.port}")
    house = House(tracker, stream=stream)
    fill(tracker, 3)
    for wait in (2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        streaming.turn(house)
        now[0] += timedelta(seconds=wait - 1)
        assert not streaming.wanted(house), wait
        now[0] += timedelta(seconds=1)
        assert streaming.wanted(house), wait
    assert _standing(tracker, stream).why == "Connection refused"
    assert [r.levelname for r in caplog.records].count("WARNING") == 1, "a day of it is no day of warnings"
    with collector.running():
        streaming.turn(house)
    assert collector.numbers() == [number for number, _ in _log(tracker)]


def test_a_receiver_that_died_after_it_was_sent_to_gets_it_again(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tracker, 5)
    with Collector().running() as collector:
        stream = _to(f"tcp://127.0.0.1:{collector.port}")
        with monkeypatch.context() as patch:
            patch.setattr(audit_stream, "_keep", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                audit_stream.send(tracker, stream)
        audit_stream.send(tracker, stream)
    whole = [number for number, _ in _log(tracker)]
    assert collector.numbers() == whole * 2


def test_a_log_that_was_written_anew_is_sent_again_from_its_beginning(
    tracker: Tracker, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tracker, 4)
    with Collector().running() as collector:
        stream = _to(f"tcp://127.0.0.1:{collector.port}")
        streaming.turn(House(tracker, stream=stream))
        rewrite(tracker)
        fill(tracker, 1)
        streaming.turn(House(tracker, stream=stream))
    whole = [number for number, _ in _log(tracker)]
    assert collector.numbers() == [*whole[:-1], *whole]
    assert "is not the one whose entry" in caplog.text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own authority for localhost, and its key, in a folder."""
    folder = tmp_path_factory.mktemp("authority")
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem")]
    subprocess.run(["openssl", "req", *kind, *name, *files], check=True, capture_output=True)
    return folder


def _encrypted(folder: Path) -> Collector:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return Collector(context=context)


def test_by_tls_to_a_receiver_of_an_own_authority(tracker: Tracker, authority: Path) -> None:
    fill(tracker, 700)
    with _encrypted(authority).running() as collector:
        stream = _to(f"tls://localhost:{collector.port}?ca={authority}/ca.pem", "cef")
        streaming.turn(House(tracker, stream=stream))
    assert collector.numbers() == [number for number, _ in _log(tracker)]
    assert " - CEF:0|CMMC Artifact Tracker|" in collector.taken[0]


@pytest.mark.parametrize("address", ["tls://localhost:{port}", "tls://127.0.0.1:{port}?ca={ca}"])
def test_nothing_is_said_to_a_receiver_whose_certificate_is_not_good(
    tracker: Tracker, authority: Path, address: str
) -> None:
    fill(tracker, 3)
    with _encrypted(authority).running() as collector:
        stream = _to(address.format(port=collector.port, ca=authority / "ca.pem"))
        streaming.turn(House(tracker, stream=stream))
    assert collector.taken == []
    assert "certificate" in _standing(tracker, stream).why.lower()


def test_by_udp_and_by_a_socket_of_the_machine_each_datagram_is_one_message(tracker: Tracker, tmp_path: Path) -> None:
    fill(tracker, 3)
    kinds: list[tuple[socket.AddressFamily, object, Callable[[socket.socket], str]]] = [
        (socket.AF_INET, ("127.0.0.1", 0), lambda s: f"udp://127.0.0.1:{s.getsockname()[1]}"),
        (socket.AF_UNIX, str(tmp_path / "log"), lambda s: f"unix://{s.getsockname()}"),
    ]
    for family, place, address in kinds:
        with socket.socket(family, socket.SOCK_DGRAM) as receiving:
            receiving.bind(place)
            receiving.settimeout(10)
            stream = _to(address(receiving))
            streaming.turn(House(tracker, stream=stream))
            said = [receiving.recv(65_536).decode() for _ in _log(tracker)]
        assert [int(re.findall(r' entry="(\d+)"', one)[0]) for one in said] == [n for n, _ in _log(tracker)]
        assert max(len(one) for one in said) <= syslog.DATAGRAM_MOST


def test_into_a_file_each_line_is_one_entry_also_after_a_line_that_was_cut_short(
    tracker: Tracker, tmp_path: Path
) -> None:
    file = tmp_path / "audit.log"
    fill(tracker, 2)
    stream = _to(f"file://{file}", "cef")
    streaming.turn(House(tracker, stream=stream))
    assert file.stat().st_mode & 0o777 == 0o600
    whole = file.read_text()
    with file.open("a") as opened:
        opened.write("CEF:0|cut sho")
    fill(tracker, 1)
    streaming.turn(House(tracker, stream=stream))
    lines = file.read_text().splitlines()
    assert file.read_text().startswith(whole)
    good = [one for one in lines if re.match(r"CEF:0\|CMMC Artifact Tracker\|", one)]
    assert [int(re.findall(r"externalId=(\d+)", one)[0]) for one in good] == [n for n, _ in _log(tracker)]
    assert len(lines) == len(good) + 1


def test_another_receiver_gets_the_whole_log(tracker: Tracker, tmp_path: Path) -> None:
    fill(tracker, 3)
    for name in ("one", "two"):
        streaming.turn(House(tracker, stream=_to(f"file://{tmp_path / name}")))
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text()
    assert len((tmp_path / "two").read_text().splitlines()) == len(_log(tracker))


def test_sending_writes_nothing_into_the_log_that_is_sent(tracker: Tracker, tmp_path: Path) -> None:
    fill(tracker, 2)
    before = _log(tracker)
    streaming.turn(House(tracker, stream=_to(f"file://{tmp_path / 'log'}")))
    assert _log(tracker) == before
    with tracker.read() as work:
        assert audit.broken(work) is None


def test_without_a_stream_nothing_is_wanted(tracker: Tracker) -> None:
    fill(tracker, 1)
    assert not streaming.wanted(House(tracker))
    assert streaming.turn(House(tracker)) is False
    assert not is_due(Standing(5, "", 5), tracker.clock())


@pytest.mark.parametrize(
    "address",
    [
        *("siem", "http://siem:1", "tcp://siem", "tcp://:514", "tcp://siem:0", "tcp://siem:99999", "tcp://u:p@siem:1"),
        *("tcp://siem:1/path", "tcp://siem:1?ca=x", "tls://siem:1?other=x", "unix://log", "file://host/log", "file:"),
        *("udp://siem:1#x", "tcp://siem:1\n", "unix:///log?x=1"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="it must be like"):
        syslog.receiver(address)
