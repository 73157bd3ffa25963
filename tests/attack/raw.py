"""Raw connections to the app behind the house's own server: what no client library would send."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import waitress
from flask import Flask

from cmmc_tracker.gate import doors, headers, session
from cmmc_tracker.gate.reception import House, channel_for
from tests.conftest import Person

MIB = 1_048_576


def until(done: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until it is so, at most that long."""
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def served(app: Flask, threads: int = 2, **more: Any) -> Iterator[Any]:
    """The app behind the house's own channels, as `gate/server.py` does it, in a thread of the test."""
    listening = socket.create_server(("127.0.0.1", 0))
    server: Any = waitress.create_server(app, sockets=[listening], threads=threads, map={}, ident=None, **more)
    house = House(
        session.door_reader(app, doors.installation_of(app).tracker), 100 * MIB, headers.always(production=False)
    )
    server.channel_class = channel_for(house)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    server.port_of_test = listening.getsockname()[1]
    try:
        yield server
    finally:
        until(lambda: not server.active_channels)  # what they hold open is closed by then
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))  # in the loop's own thread
        thread.join(10)
        server.task_dispatcher.shutdown(timeout=5)
        listening.close()


def connected(server: Any) -> socket.socket:
    """A connection that takes in little at a time and waits five seconds at most."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", server.port_of_test))
    made.settimeout(5)
    return made


def exchange(server: Any, sent: bytes) -> bytes:
    """Send it, and everything that comes back until the other side closes; fails when it never does."""
    with closing(connected(server)) as one:
        one.sendall(sent)
        got = b""
        while piece := one.recv(65_536):
            got += piece
    return got


def answers(got: bytes) -> list[int]:
    """The statuses of the answers in what came back."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", got)]


def signs(person: Person) -> bytes:
    """The header lines of somebody who is signed in."""
    cookie = person.client.get_cookie("session")
    assert cookie is not None
    return f"Host: h\r\nCookie: session={cookie.value}\r\nX-CSRF-Token: {person.token}\r\n".encode()
