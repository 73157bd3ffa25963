"""People who use an installation at the same time, each in a thread with an own connection, and what they met."""

import hashlib
import http.client
import json
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from bench.stage import Server

OBJECTIVES = [(f"AC.L2-3.1.{number}", "a") for number in range(1, 23)] + [
    (f"CM.L2-3.4.{number}", "a") for number in range(1, 10)
]
WORDS = ("firewall", "export", "review", "log", "policy", "number4")
_BOUNDARY = "load"


@dataclass
class Book:
    """What all of them met: seconds by kind, errors, and how often each objective was saved."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    saved: Counter[tuple[str, str]] = field(default_factory=Counter)
    uploaded: dict[int, str] = field(default_factory=dict)  # artifact -> SHA-256
    lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> list[float]:
        """The seconds of all requests."""
        return [one for kind in self.seconds.values() for one in kind]


def quantile(values: list[float], share: float) -> float:
    """The value that so large a share is not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


class Person:
    """Somebody at work."""

    def __init__(self, server: Server, headers: dict[str, str], book: Book, seed: int, artifacts: int) -> None:
        self._server, self._headers, self._book = server, headers, book
        self._chance, self._artifacts = Random(seed), artifacts
        self._connection = server.connect()

    def call(self, kind: str, method: str, path: str, body: bytes | None = None, media: str = "") -> bytes | None:
        """One request, measured to the last byte of its answer; None where it failed."""
        headers = {**self._headers, **({"Content-Type": media} if media else {})}
        begun = time.perf_counter()
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            with self._book.lock:
                self._book.errors.append(f"{method} {path}: {error!r}")
            return None
        took = time.perf_counter() - begun
        with self._book.lock:
            self._book.seconds[kind].append(took)
            if answer.status >= 400:
                self._book.errors.append(f"{method} {path}: {answer.status} {content[:200]!r}")
                return None
        return content

    def list_page(self) -> None:
        """All requirements, as a page."""
        self.call("requirements", "GET", "/systems/main/requirements")

    def list_call(self) -> None:
        """All requirements, by the API."""
        self.call("requirements", "GET", "/api/v1/systems/main/requirements")

    def one_page(self) -> None:
        """One requirement, as a page."""
        self.call("one requirement", "GET", f"/systems/main/requirements/{self._chance.choice(OBJECTIVES)[0]}")

    def save(self) -> None:
        """Save an objective; the last one wins, and each counts."""
        one = self._chance.choice(OBJECTIVES)
        # A note that was never there: saving what stands there already is no change, and has no version of its own.
        note = f"seen {secrets.token_hex(8)}"
        body = json.dumps({"status": self._chance.choice(("met", "not_met")), "note": note})
        path = f"/api/v1/systems/main/requirements/{one[0]}/objectives/{one[1]}"
        if self.call("saving", "PATCH", path, body.encode(), "application/json") is not None:
            with self._book.lock:
                self._book.saved[one] += 1

    def search(self) -> None:
        """Look for evidence."""
        self.call("search", "GET", f"/artifacts?q={self._chance.choice(WORDS)}")

    def download(self) -> None:
        """Read evidence."""
        number = 1 + self._chance.randrange(self._artifacts)
        self.call("download", "GET", f"/api/v1/artifacts/{number}/versions/1/content")

    def upload(self) -> None:
        """Bring evidence."""
        content = self._chance.randbytes(self._chance.choice((1_000, 20_000, 100_000))).hex().encode()
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="'
        fields = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in (("title", "load"), ("system", "main")))
        start = f'{fields}{head}file"; filename="load.txt"\r\n\r\n'.encode()
        body = start + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        media = f"multipart/form-data; boundary={_BOUNDARY}"
        answer = self.call("upload", "POST", "/api/v1/artifacts", body, media)
        if answer is not None:
            with self._book.lock:
                self._book.uploaded[json.loads(answer)["id"]] = hashlib.sha256(content).hexdigest()

    def work(self, mix: dict[str, int], until: float, pause: float) -> None:
        """Do one thing after the other by a mix (what: weight), with pauses of so many seconds in the mean."""
        acts: list[Callable[[], None]] = [getattr(self, name) for name in mix]
        weights = list(mix.values())
        time.sleep(self._chance.uniform(0, pause))
        while time.monotonic() < until:
            self._chance.choices(acts, weights)[0]()
            if pause:
                left = max(0.0, until - time.monotonic())
                time.sleep(min(self._chance.expovariate(1 / pause), left))
        self._connection.close()


WEEK = {"list_page": 15, "list_call": 10, "one_page": 35, "save": 15, "search": 10, "download": 10, "upload": 5}
READING = {"list_page": 15, "list_call": 10, "one_page": 35, "search": 10, "download": 10}


def together(
    server: Server, people: list[dict[str, str]], mix: dict[str, int], *, seconds: float, pause: float, artifacts: int
) -> Book:
    """Let people (the headers of their sessions) work at once for so many seconds."""
    book, until = Book(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=Person(server, one, book, number, artifacts).work, args=(mix, until, pause))
        for number, one in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return book
