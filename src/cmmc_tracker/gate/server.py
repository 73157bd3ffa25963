"""The production server: waitress in several processes over one listening socket.

The parent binds the address, forks the workers, restarts one that died, and ends them all in order. Workers end
by themselves when the parent is gone: a pipe that only the parent holds open closes then.

A stop has two parts. First `/readyz` says no, for as long as the settings give a proxy to notice; everything is
answered as ever. Then no connection is taken any more, what runs is finished and sent, and who only holds a connection
is let go. A second signal ends the first part.
"""

import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import waitress

from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.gate.doors import without_secrets
from cmmc_tracker.gate.reception import House, channel_for

_GRACE_SECONDS = 10.0
_AGAIN_SECONDS = 0.5
_TOLD = (signal.SIGTERM, signal.SIGINT)
_QUICK_SECONDS = 5.0  # a worker that dies sooner than this counts against the start
_MOST_QUICK_DEATHS = 5


@dataclass(frozen=True, slots=True)
class Site:
    """What is served, and how. `spool` is the private folder for bodies on their way in."""

    app: Callable[..., Any]
    house: House
    spool: Path
    workers: int
    threads: int
    trusts_proxies: bool
    after_fork: Callable[[], None]
    stopping: threading.Event = field(default_factory=threading.Event)  # each process has its own after the fork
    drain_seconds: int = 0
    jobs: Callable[[], None] | None = None  # what a process of its own does beside the workers, until told to stop


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `Misconfigured` in one line for an address that cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1_024)
    except (socket.gaierror, OverflowError):
        raise Misconfigured(f"{host}:{port} is no address that can be served on.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(
                f"Port {port} on {host} is in use by another program (perhaps another start of this one); "
                "choose another with --port."
            ) from None
        raise Misconfigured(f"Port {port} on {host} cannot be used: {error.strerror}.") from None
    listening.setblocking(False)
    return listening


def serve(site: Site, listening: socket.socket) -> int:
    """Serve until told to stop (SIGTERM, SIGINT); returns the exit status, 1 when the workers keep dying."""
    site.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    alive, held = os.pipe()
    parent = _Parent(site, listening, (alive, held))
    signal.signal(signal.SIGTERM, parent.stop)
    signal.signal(signal.SIGINT, parent.stop)
    for _ in range(site.workers):
        parent.start()
    if site.jobs:
        parent.start(jobs=True)
    return parent.watch()


class _Parent:
    def __init__(self, site: Site, listening: socket.socket, pipe: tuple[int, int]) -> None:
        self._site, self._listening, self._pipe = site, listening, pipe
        self._workers: dict[int, float] = {}
        self._jobs = 0  # the process that does the jobs, which is one of them too
        self._stopping = False
        self._quick_deaths = 0

    def start(self, *, jobs: bool = False) -> None:
        """Fork one worker, or the process that does the jobs.

        What it is told before it knows how to listen waits: else it would do what this process does when it is told.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(self._pipe[1])
                if jobs:
                    _do_jobs(self._site, self._listening, self._pipe[0])
                else:
                    _work(self._site, self._listening, self._pipe[0])
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        self._workers[pid] = time.monotonic()
        self._jobs = pid if jobs else self._jobs
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Tell the workers to finish."""
        self._stopping = True
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def watch(self) -> int:
        """Wait for the workers, restart those that die, until told to stop."""
        while self._workers and not self._told_to_stop():
            pid = _waited(block=True)
            if pid is None:
                continue
            lived = time.monotonic() - self._workers.pop(pid, 0.0)
            if self._told_to_stop():
                break
            self._quick_deaths = self._quick_deaths + 1 if lived < _QUICK_SECONDS else 0
            if self._quick_deaths >= _MOST_QUICK_DEATHS:
                self.stop(signal.SIGTERM, None)
                self._finish()
                return 1
            time.sleep(min(0.1 * 2**self._quick_deaths, 2.0) if self._quick_deaths else 0.0)
            if not self._told_to_stop():
                self.start(jobs=pid == self._jobs)
        self._finish()
        return 0

    def _told_to_stop(self) -> bool:
        return self._stopping  # a signal may set it between two lines

    def _finish(self) -> None:
        """Give the workers time to end, then end them. The address is theirs alone from here on: they close it."""
        self._listening.close()
        deadline = time.monotonic() + self._site.drain_seconds + _GRACE_SECONDS + 1.0
        while self._workers and time.monotonic() < deadline:
            pid = _waited(block=False)
            if pid is None:
                time.sleep(0.02)
            self._workers.pop(pid or 0, None)
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _waited(*, block: bool) -> int | None:
    """The worker that ended, or None."""
    try:
        pid, _ = os.waitpid(-1, 0 if block else os.WNOHANG)
    except (ChildProcessError, InterruptedError):
        return None
    return pid or None


def _do_jobs(site: Site, listening: socket.socket, alive: int) -> None:
    """The process beside the workers, until it is told to stop or the parent is gone. Pages come first: it is nice."""
    _listen_for_signals(_leave)
    listening.close()
    os.nice(10)
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    site.after_fork()
    assert site.jobs is not None  # noqa: S101 a narrowing: it is started only where there is one
    site.jobs()


def _work(site: Site, listening: socket.socket, alive: int) -> None:
    """One worker, until it is told to stop or the parent is gone."""
    stop = Stop(site.stopping, site.drain_seconds)
    _listen_for_signals(stop.told)
    threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    site.after_fork()
    tempfile.tempdir = str(site.spool)
    # A request that waits a moment for a thread is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("waitress").addFilter(one_line)
    server = waitress.create_server(
        site.app,
        sockets=[listening],
        threads=site.threads,
        recv_bytes=1_048_576,
        inbuf_overflow=524_288,
        connection_limit=2_000,
        asyncore_use_poll=True,  # select() ends at descriptor 1,024
        max_request_body_size=site.house.max_bytes + 1,
        max_request_header_size=65_536,
        channel_timeout=120,
        ident=None,
        expose_tracebacks=False,
        clear_untrusted_proxy_headers=not site.trusts_proxies,
    )
    server.channel_class = channel_for(site.house)
    stop.wake = server.pull_trigger
    _run(server, stop)


class Stop:
    """When this worker was told to stop, and how far that is."""

    def __init__(self, stopping: threading.Event, drain_seconds: float) -> None:
        self._stopping, self._drain = stopping, drain_seconds
        self._closes_at = float("inf")  # monotonic seconds, when no more connections are taken
        self.wake: Callable[[], None] = lambda: None

    def told(self, _signal: int, _frame: FrameType | None) -> None:
        """The signal: ready no more, and after a while closed; told again: closed now."""
        wait = 0.0 if self._stopping.is_set() else self._drain
        self._stopping.set()
        self._closes_at = min(self._closes_at, time.monotonic() + wait)
        self.wake()

    @property
    def closes(self) -> bool:
        """Whether no more connections are taken."""
        return time.monotonic() >= self._closes_at

    @property
    def is_over(self) -> bool:
        """Whether what still runs has had its time."""
        return time.monotonic() >= self._closes_at + _GRACE_SECONDS


def _run(server: Any, stop: Stop) -> None:
    """The server's loop, until it was told to stop and has sent what it owes."""
    channels = server.active_channels
    while not stop.closes:
        _turn(server, 1.0)
    server.del_channel()  # off the loop, then the socket: nobody new
    server.socket.close()
    while not stop.is_over and any(one.is_busy() for one in list(channels.values())):
        _turn(server, 0.1)
    server.task_dispatcher.shutdown(timeout=0.1)


def _turn(server: Any, seconds: float) -> None:
    server.asyncore.loop(timeout=seconds, map=server._map, use_poll=True, count=1)  # noqa: SLF001 its own run() does so


def one_line(record: logging.LogRecord) -> bool:
    """Quote what is no visible sign in a message, and leave out what makes a link secret.

    The library writes paths as they were sent, line ends and all, such as that of a download that broke off.
    """
    said = without_secrets(record.getMessage())
    record.msg, record.args = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in said), None
    return True


def _listen_for_signals(told: Callable[[int, FrameType | None], None]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent tells us
    signal.signal(signal.SIGTERM, told)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # It may come where Python lets no exception out, such as in a destructor: then it comes again.
    signal.signal(signal.SIGALRM, _leave)
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
    raise SystemExit(0)


def _end_with_parent(alive: int) -> None:
    os.read(alive, 1)  # returns at its end, when no parent holds the other side any more
    os.kill(os.getpid(), signal.SIGTERM)
