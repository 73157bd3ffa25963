"""`make crash`: kill -9 the server during uploads and writes, again and again, and look for losses.

    python -m tests.crash [--rounds 50] [--seed N]

In each round a fresh server takes uploads and judgements from several clients at once and is killed with all its
workers at a random instant. Then `verify` must be content, every acknowledged upload must come back byte for byte,
every acknowledged judgement must stand, and nothing may be there that nobody sent. Bounded: 50 rounds take about
three minutes. Exit 1 at the first loss.
"""

import argparse
import atexit
import hashlib
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tools.visitor import sign_in

PASSWORD = "Correct-Horse-Battery-9"
OBJECTIVES = [("AC.L2-3.1.1", letter) for letter in "abcdef"] + [("IA.L2-3.5.3", letter) for letter in "abcd"]
STATUSES = ("met", "not_met", "not_assessed")


@dataclass
class Ledger:
    """What the server acknowledged, and what was under way when it died."""

    uploads: dict[str, int] = field(default_factory=dict)  # sha256 -> artifact id
    attempted: set[str] = field(default_factory=set)
    judged: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)  # objective -> (version, note)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """One connection that is signed in."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.headers = headers

    def call(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, bytes]:
        """One request; raises `OSError` or `HTTPException` when the server is gone."""
        headers = {**self.headers, "Content-Type": kind} if body else self.headers
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def upload(client: Client, ledger: Ledger, content: bytes) -> None:
    """Send one file; note it before and, when it is acknowledged, after."""
    sha256 = hashlib.sha256(content).hexdigest()
    with ledger.lock:
        ledger.attempted.add(sha256)
    boundary = "crash"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{sha256}\r\n',
        f'--{boundary}\r\nContent-Disposition: form-data; name="objectives"\r\n\r\n3.1.1[a]\r\n',
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{sha256}.txt"\r\n\r\n',
    ]
    body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    status, answer = client.call("POST", "/api/v1/artifacts", body, f"multipart/form-data; boundary={boundary}")
    if status == 201:
        with ledger.lock:
            ledger.uploads[sha256] = json.loads(answer)["id"]


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


def work(port: int, session: dict[str, str], ledger: Ledger, seed: int) -> None:
    """Upload and judge until the server is gone."""
    chance = random.Random(seed)
    client = Client(port, session)
    try:
        while True:
            if chance.random() < 0.6:
                size = chance.choice([20, 4_000, 300_000, 3_000_000])
                upload(client, ledger, chance.randbytes(size).hex()[:size].encode() or b"x")
            else:
                judge(client, ledger, chance)
    except (OSError, http.client.HTTPException):
        return


def start(environment: dict[str, str]) -> tuple[subprocess.Popen[str], int]:
    """A server on a free port, in a process group of its own."""
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    atexit.register(_end, server)
    assert server.stdout is not None
    found = re.search(r":(\d+)", server.stdout.readline())
    assert found, "the server did not start"
    return server, int(found[1])


def _end(server: subprocess.Popen[str]) -> None:
    """Leave no server behind when the drill stops at a failure."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def verify(environment: dict[str, str]) -> dict[str, object]:
    """What `verify` says."""
    command = [sys.executable, "-m", "cmmc_tracker", "verify", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    report: dict[str, object] = json.loads(done.stdout)
    assert done.returncode == 0, f"verify found: {report['problems']}"
    return report


def compare(port: int, ledger: Ledger, store: Path) -> None:
    """Everything acknowledged is there and right; nothing is there that nobody sent."""
    client = Client(port, sign_in(port, "ada", PASSWORD))
    for sha256, artifact in ledger.uploads.items():
        status, content = client.call("GET", f"/api/v1/artifacts/{artifact}/versions/1/content")
        assert status == 200, f"artifact {artifact} was acknowledged and answers {status}"
        assert hashlib.sha256(content).hexdigest() == sha256, f"artifact {artifact} came back altered"
    for (requirement, letter), (version, note) in ledger.judged.items():
        _, answer = client.call("GET", f"/api/v1/systems/main/requirements/{requirement}")
        found = next(o for o in json.loads(answer)["objectives"] if o["letter"] == letter)
        assert found["version"] >= version, f"a judgement of {requirement}[{letter}] was lost"
        assert found["version"] > version or found["note"] == note, f"a judgement of {requirement}[{letter}] is wrong"
    kept = {path.name for path in store.rglob("*") if path.is_file() and path.name != ".gate"}
    assert kept <= ledger.attempted, "the store holds what nobody sent"
    assert set(ledger.uploads) <= kept, "acknowledged bytes are not in the store"


def rounds(number: int, seed: int) -> tuple[int, int]:
    """Run the rounds; returns how many uploads and judgements were acknowledged."""
    chance = random.Random(seed)
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="crash ") as folder:
        environment = {**os.environ, "CMMC_DATA_DIR": folder, "FLASK_SECRET": "s" * 40}
        for name in ("DATABASE_URL", "UPLOAD_PATH", "FLASK_ENV"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "cmmc_tracker", "user", "add", "ada", "--role", "admin", "--password-stdin"]
        subprocess.run(command, env=environment, input=PASSWORD, text=True, check=True, capture_output=True)
        removed = 0
        for count in range(1, number + 1):
            server, port = start(environment)
            session = sign_in(port, "ada", PASSWORD)
            if count > 1:
                compare(port, ledger, Path(folder) / "uploads")
            threads = [
                threading.Thread(target=work, args=(port, session, ledger, chance.randrange(2**32))) for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            time.sleep(chance.uniform(0.05, 1.2))
            os.killpg(server.pid, signal.SIGKILL)
            for thread in threads:
                thread.join()
            server.wait()
            assert server.stdout is not None
            server.stdout.close()
            removed += len(verify(environment)["removed"])  # type: ignore[arg-type]
            print(f"round {count}: {len(ledger.uploads)} uploads, {len(ledger.judged)} objectives kept", flush=True)
        server, port = start(environment)
        compare(port, ledger, Path(folder) / "uploads")
        server.terminate()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
        print(f"{removed} leftovers were found and cleared")
    return len(ledger.uploads), len(ledger.judged)


def main() -> None:
    """Read the options, run, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args()
    print(f"{given.rounds} rounds, seed {given.seed}")
    try:
        uploads, judged = rounds(given.rounds, given.seed)
    except (AssertionError, RuntimeError) as error:
        print(f"LOST: {error}")
        sys.exit(1)
    print(f"Nothing lost: {uploads} acknowledged uploads and {judged} objectives came through {given.rounds} kills.")
    print(f"{given.rounds} passed, 0 failed")


if __name__ == "__main__":
    main()
