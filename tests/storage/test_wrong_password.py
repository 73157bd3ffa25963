"""A database that does not take the password of DATABASE_URL: one clear line, and the password in none."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.storage.database import make_engine, migrate

_SSL_REQUEST, _CANCEL, _PASSWORD_WANTED = 80_877_103, 80_877_102, 3


def _refuse(listening: socket.socket) -> None:
    """PostgreSQL's part of a sign-in that fails (protocol 3.0: startup, cleartext password, ErrorResponse)."""
    connection, _ = listening.accept()
    with connection:
        while True:
            length, code = struct.unpack("!II", connection.recv(8))
            connection.recv(length - 8) if length > 8 else None
            if code != _SSL_REQUEST:
                break
            connection.sendall(b"N")
        connection.sendall(b"R" + struct.pack("!II", 8, _PASSWORD_WANTED))
        connection.recv(1_000)
        said = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "tracker"\0\0'
        connection.sendall(b"E" + struct.pack("!I", len(said) + 4) + said)


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of a server that takes no password."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_refuse, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def test_a_wrong_password_stops_the_start_in_one_line_that_does_not_hold_it(refusing: int) -> None:
    engine = make_engine(
        f"postgresql://tracker:hunter2@127.0.0.1:{refusing}/tracker?gssencmode=disable&sslmode=disable"
    )
    with pytest.raises(Misconfigured) as told:
        migrate(engine)
    engine.dispose()
    assert told.value.message.startswith("DATABASE_URL: the database cannot be used: ")
    assert 'password authentication failed for user "tracker"' in told.value.message
    assert "hunter2" not in told.value.message
    assert "\n" not in told.value.message
