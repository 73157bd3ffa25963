"""An installation with a real server, people who write, and what must be true when the fault is over."""

import http.client
import json
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from tools.visitor import sign_in

from cmmc_tracker.config import VARIABLES
from tests.crash import processes
from tests.crash.acts import (
    Client,
    delete,
    freeze,
    hash_of,
    import_archive,
    import_register,
    judge,
    text_of,
    upload,
    upload_some,
    work,
)
from tests.crash.checks import compare
from tests.crash.ledger import Ledger, Sent

PASSWORD = "Correct-Horse-Battery-9"
CLEAR = re.compile(r"[Nn]othing|not known whether|try again|[Ww]ait for it|Please wait|send it again")
EXPECTED = {409, 412, 422, 429, 503, 507}


class Lacking(Exception):
    """This machine lacks what a case needs."""


@dataclass
class Answers:
    """What people were told, over all clients."""

    refused: list[tuple[str, int, str]] = field(default_factory=list)
    good: int = 0
    lost: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, act: str, status: int, body: bytes) -> None:
        """Keep an answer."""
        with self.lock:
            if status < 400:
                self.good += 1
            elif not (status == 404 or (status == 409 and act.startswith("DELETE"))):  # in the trash, or in a package
                self.refused.append((act, status, _said(body)))

    def check(self) -> str:
        """Every refusal is of a kind that a fault may have, and in words; returns what was seen, shortly."""
        unclear = [one for one in self.refused if one[1] not in EXPECTED or not CLEAR.search(one[2])]
        assert not unclear, f"no clear message: {unclear[:3]}"
        seen = sorted({status for _, status, _ in self.refused})
        counts = ", ".join(f"{sum(s == status for _, s, _ in self.refused)} × {status}" for status in seen)
        told = f"{self.good} kept, {counts or 'nothing refused'}"
        return f"{told}, {self.lost} connections lost" if self.lost else told


def _said(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return re.sub(r"<[^>]*>|\s+", " ", body.decode(errors="replace"))[-2_000:]


class Noting(Client):
    """A client whose answers are kept."""

    answers: Answers

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """One request."""
        try:
            status, answer = super().call(method, path, body, kind)
        except (OSError, http.client.HTTPException):
            self.answers.lost += 1
            self.connection.close()
            raise
        self.answers.note(f"{method} {path}", status, answer)
        return status, answer


def add_version(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """A new version of an artifact that stays."""
    there = sorted(ledger.uploads.keys() - ledger.deleting)
    if there:
        content = text_of(chance, 4_000)
        ledger.attempted.add(hash_of(content))
        client.send(f"/api/v1/artifacts/{chance.choice(there)}/versions", f"{hash_of(content)}.txt", content, note="x")


def narrate(client: Client, _ledger: Ledger, chance: random.Random) -> None:
    """Write how a requirement is met."""
    body = json.dumps({"narrative": f"It is so since {chance.random()}. " * 40}).encode()
    client.call("PATCH", "/api/v1/systems/main/requirements/AC.L2-3.1.2", body)


def new_user(client: Client, _ledger: Ledger, chance: random.Random) -> None:
    """Make an account."""
    form = f"username=p{chance.randrange(10**9)}&password={PASSWORD}&role=user"
    csrf = client.headers["X-CSRF-Token"]
    client.call("POST", "/admin/users", f"{form}&csrf_token={csrf}".encode(), "application/x-www-form-urlencoded")


WRITES: dict[str, Callable[[Client, Ledger, random.Random], None]] = {
    "upload": upload_some,
    "version": add_version,
    "judgement": judge,
    "narrative": narrate,
    "deletion": delete,
    "archive": import_archive,
    "register": import_register,
    "account": new_user,
    "freeze": freeze,
}


class Site:
    """One installation in a folder, and its server."""

    def __init__(self, folder: Path, **more: str) -> None:
        own = {"CMMC_DATA_DIR": str(folder), "FLASK_SECRET": "s" * 40, **more}
        names = {variable.name for variable in VARIABLES}
        self.environment = {k: v for k, v in os.environ.items() if k not in names} | own
        self.folder, self.ledger, self.chance = folder, Ledger(), random.Random(7)
        self.port, self._server = 0, None
        self.session: dict[str, str] = {}
        processes.run(self.environment, "user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD)

    @contextmanager
    def served(self) -> Iterator["Site"]:
        """The server runs and Ada is signed in; ended in peace."""
        self._server, self.port = processes.serve(self.environment)
        try:
            self.session = sign_in(self.port, "ada", PASSWORD)
            yield self
        finally:
            processes.stop(self._server)

    def pids(self) -> list[int]:
        """The server's processes."""
        assert self._server is not None
        parent = psutil.Process(self._server.pid)
        return [parent.pid, *(one.pid for one in parent.children(recursive=True))]

    def client(self, answers: Answers) -> Noting:
        """Somebody with a connection."""
        made = Noting(self.port, self.session)
        made.answers = answers
        made.connection.timeout = 120  # a slow store makes a freeze last for a minute
        return made

    def prepare(self) -> None:
        """Some evidence to write about, and some that only registers change."""
        client = self.client(Answers())
        for number in range(10):
            content = text_of(self.chance, 200)
            made = upload(client, self.ledger, content)
            assert made is not None, "the server took no upload"
            kept = self.ledger.registered if number < 3 else self.ledger.uploads
            kept[made] = Sent(hash_of(content), len(content))

    def write_all(self, answers: Answers, times: int = 1) -> None:
        """Every kind of write, one after the other; a connection that is lost is told by the answers."""
        for _ in range(times):
            for write in WRITES.values():
                try:
                    write(self.client(answers), self.ledger, self.chance)
                except (OSError, http.client.HTTPException):
                    continue

    @contextmanager
    def load(self, answers: Answers, clients: int = 4) -> Iterator[None]:
        """People write for as long as this lasts, and afterwards until the server ends or `stop`."""
        over = threading.Event()

        def go_on(seed: int) -> None:
            while not over.is_set():
                work(self.port, self.session, self.ledger, seed, lambda *_: _Until(over, self.client(answers)))
                seed += 100

        threads = [threading.Thread(target=go_on, args=(n,), daemon=True) for n in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(60)

    def content(self) -> None:
        """When the fault is over: all can be written, what was acknowledged is there, `verify` is content."""
        answers = Answers()
        with self.served():
            self.write_all(answers)
            assert not answers.refused, f"after the fault: {answers.refused[:3]}"
            compare(self.client(answers), self.ledger)
        processes.verify(self.environment)


class _Until:
    """A client that is gone when the load is over."""

    def __init__(self, over: threading.Event, inner: Client) -> None:
        self._over, self._inner = over, inner

    def __getattr__(self, name: str) -> Any:
        if self._over.is_set():
            raise ConnectionAbortedError
        return getattr(self._inner, name)
