"""Servers of the drill's own: a PostgreSQL cluster and a Redis, each on a free port, in a folder of its own."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.site import Lacking

_OPTIONS = "-c fsync=on -c max_connections=60 -c shared_buffers=16MB -c max_wal_size=64MB -c listen_addresses=127.0.0.1"


def free_port() -> int:
    """A port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class Cluster:
    """A PostgreSQL server."""

    folder: Path
    port: int
    account: str | None

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def control(self, *words: str) -> None:
        """`pg_ctl`."""
        command = [_program("pg_ctl"), "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", *words]
        done = subprocess.run(
            command, user=self.account, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        assert done.returncode == 0, f"pg_ctl {words[0]} ended with {done.returncode}"

    def start(self) -> None:
        """Start it."""
        self.control("start", "-o", f"-p {self.port} -k {self.folder} {_OPTIONS}")

    def crash(self) -> None:
        """Stop it as a loss of power would."""
        self.control("stop", "-m", "immediate")

    def cut(self) -> None:
        """End all connections."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as own:
            own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def _program(name: str) -> str:
    places = [os.environ["PATH"], *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise Lacking(f"{name}: apt-get install -y postgresql")
    return found


@contextlib.contextmanager
def cluster(folder: Path | None = None) -> Iterator[Cluster]:
    """A new cluster; in `folder`, or in one of its own."""
    account = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            account = pwd.getpwnam("postgres").pw_name
        except KeyError:
            raise Lacking("an account `postgres`: apt-get install -y postgresql") from None
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        place = folder or Path(name)
        if account:
            shutil.chown(place, account)
        made = Cluster(place, free_port(), account)
        options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale"]
        command = [_program("initdb"), "-D", str(place / "data"), *options]
        subprocess.run(command, user=account, cwd="/", stdout=subprocess.DEVNULL, check=True)
        made.start()
        try:
            yield made
        finally:
            with contextlib.suppress(AssertionError):
                made.crash()


@contextlib.contextmanager
def tmpfs(folder: Path, megabytes: int) -> Iterator[Path]:
    """A small disk of memory."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Lacking(f"the right to mount a small disk ({done.stderr.strip()[:80]})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@contextlib.contextmanager
def filled(folder: Path, leave: int) -> Iterator[None]:
    """The disk of a folder is full but for some bytes."""
    filler = folder / "filler"
    room = shutil.disk_usage(folder).free - leave
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4_096, room))
    try:
        yield
    finally:
        filler.unlink()


class Redis:
    """A Redis server that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Lacking("redis-server: apt-get install -y redis-server")
        self.port = free_port()
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise AssertionError("Redis did not start")

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
