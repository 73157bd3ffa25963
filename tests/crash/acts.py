"""What people do until the server is gone: each act is noted before it is sent, and again when it is acknowledged."""

import hashlib
import http.client
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from tests.crash.ledger import Archive, Ledger, Register, Sent

OBJECTIVES = [("AC.L2-3.1.1", letter) for letter in "abcdef"] + [("IA.L2-3.5.3", letter) for letter in "abcd"]
STATUSES = ("met", "not_met", "not_assessed")
_IMPORT = "/artifacts/import"
_BOUNDARY = "crash"
_SMALL = 4_000
_TICKED = re.compile(r'<input type="checkbox" name="(\w+)" value="(\d+)" checked>')
_HIDDEN = re.compile(r'<input type="hidden" name="(shown|digest)" value="(\w+)">')


class Client:
    """One connection that is signed in."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = headers
        self.location = ""

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """One request; raises `OSError` or `HTTPException` when the server is gone."""
        headers = {**self.headers, "Content-Type": kind} if body else self.headers
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        self.location = answer.headers.get("Location", "")
        return answer.status, answer.read()

    def send(self, path: str, filename: str, content: bytes, **fields: str) -> tuple[int, bytes]:
        """One form with a file."""
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n')
        body = "".join(parts).encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        return self.call("POST", path, body, f"multipart/form-data; boundary={_BOUNDARY}")


def hash_of(content: bytes) -> str:
    """The name of a content."""
    return hashlib.sha256(content).hexdigest()


def text_of(chance: random.Random, size: int) -> bytes:
    """A text that no other is like."""
    return chance.randbytes(size // 2).hex().encode()


def upload(client: Client, ledger: Ledger, content: bytes) -> int | None:
    """Send one file; returns the number of its artifact when it is acknowledged."""
    sha256 = hash_of(content)
    with ledger.lock:
        ledger.attempted.add(sha256)
    status, answer = client.send(
        "/api/v1/artifacts", f"{sha256}.txt", content, title=sha256, objectives="3.1.1[a]", system="main"
    )
    return int(json.loads(answer)["id"]) if status == 201 else None


def upload_some(client: Client, ledger: Ledger, chance: random.Random, most: int = 3_000_000) -> None:
    """Send a file, now and then one with the bytes of another."""
    if ledger.small and chance.random() < 0.3:
        content = chance.choice(ledger.small)
    else:
        content = text_of(chance, min(chance.choice([20, 2_000, 300_000, 3_000_000]), most))
    made = upload(client, ledger, content)
    if made is not None:
        with ledger.lock:
            ledger.uploads[made] = Sent(hash_of(content), len(content))
            if len(content) < _SMALL:
                ledger.small.append(content)


def judge(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """Judge one objective; note its version when it is acknowledged."""
    requirement, letter = chance.choice(OBJECTIVES)
    note = f"{chance.random()}"
    body = json.dumps({"status": chance.choice(STATUSES), "note": note}).encode()
    status, answer = client.call("PATCH", f"/api/v1/systems/main/requirements/{requirement}/objectives/{letter}", body)
    if status == 200:
        version = json.loads(answer)["version"]
        with ledger.lock:
            if ledger.judged.get((requirement, letter), (0, ""))[0] < version:
                ledger.judged[requirement, letter] = (version, note)


def delete(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """Put one artifact into the trash, from where a purge takes it a month later."""
    with ledger.lock:
        there = sorted(ledger.uploads.keys() - ledger.deleting)
        if not there:
            return
        artifact = chance.choice(there)
        ledger.deleting.add(artifact)
    if client.call("DELETE", f"/api/v1/artifacts/{artifact}")[0] == 204:
        with ledger.lock:
            ledger.deleted.add(artifact)


def import_archive(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """Send an archive and take all of it in; or go on with one that a kill cut short."""
    with ledger.lock:
        left = sorted(number for number, archive in ledger.archives.items() if archive.is_open)
    if left and chance.random() < 0.5:
        go_on(client, ledger, chance.choice(left))
        return
    files = [text_of(chance, chance.choice([40, 4_000, 100_000])) for _ in range(chance.randint(3, 15))]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for content in files:
            archive.writestr(f"3.1.1[a] {hash_of(content)[:16]}.txt", content)
    members = frozenset(map(hash_of, files))
    with ledger.lock:
        ledger.attempted |= members | {hash_of(packed.getvalue())}
    number = _begin(client, "evidence.zip", packed.getvalue())
    if number is not None:
        with ledger.lock:
            ledger.archives[number] = Archive(members)
        go_on(client, ledger, number)


def go_on(client: Client, ledger: Ledger, number: int) -> None:
    """Choose all that its page offers of an archive; nothing, where all was kept before a kill and nobody was told."""
    status, page = client.call("GET", f"{_IMPORT}/{number}")
    if status == 200 and b"Every file of this archive is kept" in page:
        ledger.archives[number].kept = True
        return
    status, answer = _confirm(client, number)
    if status == 200 and b"The import is done" in answer:
        ledger.archives[number].done = True


def import_register(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """Say something new of all artifacts that only registers change, in one register."""
    if not ledger.register_turn.acquire(blocking=False):
        return
    try:
        said = f"register {chance.random()}"
        rows = "".join(f"{sent.sha256},{said}\n" for sent in ledger.registered.values())
        content = f"SHA-256,Description\n{rows}".encode()
        with ledger.lock:
            ledger.attempted.add(hash_of(content))
        number = _begin(client, "register.csv", content)
        if number is not None:
            ledger.registers[number] = Register(said)
            ledger.registers[number].done = _confirm(client, number)[0] == 302
    finally:
        ledger.register_turn.release()


def _begin(client: Client, filename: str, content: bytes) -> int | None:
    """Send an archive or a register; returns the number of its import."""
    status, _ = client.send(_IMPORT, filename, content, system="main")
    return int(client.location.rsplit("/", 1)[1]) if status == 302 else None


def _confirm(client: Client, number: int) -> tuple[int, bytes]:
    """Send the form of an import's page as it stands there."""
    status, page = client.call("GET", f"{_IMPORT}/{number}")
    form = [*_TICKED.findall(page.decode()), *_HIDDEN.findall(page.decode())]
    if status != 200 or not form:
        return status, page
    return client.call("POST", f"{_IMPORT}/{number}", urlencode(form).encode(), "application/x-www-form-urlencoded")


def freeze(client: Client, ledger: Ledger, chance: random.Random) -> None:
    """Freeze the system; note the hash of the manifest when it is acknowledged."""
    body = json.dumps({"name": f"drill {chance.random()}", "reason": "to be killed"}).encode()
    status, answer = client.call("POST", "/api/v1/systems/main/packages", body)
    if status == 201:
        told = json.loads(answer)
        with ledger.lock:
            ledger.frozen[told["id"]] = told["manifest_sha256"]


Act = Callable[[Client, Ledger, random.Random], None]
_ACTS: dict[Act, int] = {
    upload_some: 35,
    judge: 20,
    delete: 20,
    import_archive: 15,
    import_register: 10,
    freeze: 8,
}


def work(
    port: int,
    session: dict[str, str],
    ledger: Ledger,
    seed: int,
    connected: Callable[[int, dict[str, str]], Any] = Client,
    only: Sequence[Act] = (),
) -> None:
    """Do one thing after the other until the server is gone; `only` these, each as often as the others."""
    chance = random.Random(seed)
    client = connected(port, session)
    acts, weights = list(only or _ACTS), [1] * len(only) if only else list(_ACTS.values())
    try:
        while True:
            chance.choices(acts, weights)[0](client, ledger, chance)
    except (OSError, http.client.HTTPException):
        return
