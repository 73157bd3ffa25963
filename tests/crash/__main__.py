"""`make crash`: kill -9 the server and the commands during writes, again and again, and look for losses.

    python -m tests.crash [--rounds 50] [--postgresql] [--seed N]

In each round a fresh server takes uploads, judgements, deletions, imports and freezes from several clients at once,
while its jobs hash the bytes again and `purge` and `verify` run beside it; all of it is killed at a random instant.
Then nothing may be there by half: no purge without its tombstones, no import that claims to be done, no register
applied in part, no row without bytes, no package without its files and its pins. `verify` must be content, every
acknowledged upload must come back byte for byte, every acknowledged judgement must stand, the newest acknowledged
package must pass its own check, and nothing may be there that nobody sent. Bounded: 50 rounds take about five minutes.
With `--postgresql` the database is a PostgreSQL server of the drill's own, which in some rounds is killed as well.
Exit 1 at the first loss.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from tools.visitor import sign_in

from cmmc_tracker.config import VARIABLES
from tests.crash import processes
from tests.crash.acts import Client, delete, freeze, go_on, hash_of, text_of, upload, upload_some, work
from tests.crash.checks import Remains, compare
from tests.crash.ledger import Ledger, Sent
from tests.crash.processes import Process
from tests.faults.servers import Cluster, cluster

PASSWORD = "Correct-Horse-Battery-9"
BESIDE = (("purge",), ("verify",), ("purge", "verify"))  # the commands of a round
CLIENTS = 4
FREEZING = 0.2  # the share of rounds that last as long as a freeze may take
DARK = 0.3  # the share of rounds at whose end PostgreSQL is killed, too


class Drill:
    """The rounds over one installation."""

    def __init__(self, folder: Path, chance: random.Random, database: Cluster | None = None) -> None:
        own = {"CMMC_DATA_DIR": str(folder), "FLASK_SECRET": "s" * 40}
        if database is not None:
            own["DATABASE_URL"] = database.url
        self._database = database
        names = {variable.name for variable in VARIABLES}
        self._environment = {k: v for k, v in os.environ.items() if k not in names} | own
        self._chance = chance
        self.ledger = Ledger()
        self.removed = 0
        processes.run(self._environment, *["user", "add", "ada", "--role", "admin", "--password-stdin"], given=PASSWORD)
        begun = time.monotonic()
        processes.run(self._environment, "purge", "--dry-run")
        self._start_seconds = time.monotonic() - begun
        self._most_seconds = 1.2
        self._freeze_seconds = 0.0
        self.remains = Remains(self._environment, self.ledger)

    def prepare(self) -> None:
        """Some artifacts that only registers will change, and some that may be deleted from the beginning."""
        server, port = processes.serve(self._environment)
        client = Client(port, sign_in(port, "ada", PASSWORD))
        for _ in range(5):
            content = text_of(self._chance, 200)
            made = upload(client, self.ledger, content)
            assert made is not None, "the server took no upload"
            self.ledger.registered[made] = Sent(hash_of(content), len(content))
        begun = time.monotonic()
        for _ in range(30):
            upload_some(client, self.ledger, self._chance, most=2_000)
        self._most_seconds = max(1.2, 2 * (time.monotonic() - begun))  # of a life: some sixty acts on a slow machine
        for _ in range(10):
            delete(client, self.ledger, self._chance)
        begun = time.monotonic()
        freeze(client, self.ledger, self._chance)
        assert self.ledger.frozen, "the server froze nothing"
        self._freeze_seconds = time.monotonic() - begun
        processes.stop(server)

    def round(self) -> None:
        """One life and death."""
        self.remains.let_a_month_pass()
        server, port = processes.serve(self._environment)
        session = sign_in(port, "ada", PASSWORD)
        compare(Client(port, session), self.ledger)
        names = self._chance.choice(BESIDE)
        commands = {name: processes.start(self._environment, name, "--json") for name in names}
        time.sleep(self._start_seconds * 0.7)  # the commands have loaded their code, and nobody is interested in that
        seeds = [self._chance.randrange(2**32) for _ in range(CLIENTS)]
        threads = [
            threading.Thread(target=work, args=(port, session, self.ledger, seed), daemon=True) for seed in seeds
        ]
        freezes = self._chance.random() < FREEZING
        if freezes:  # by one who does nothing else: it takes longer than most lives last
            given = (port, session, self.ledger, seeds[0], Client, [freeze])
            threads.append(threading.Thread(target=work, args=given, daemon=True))
        for thread in threads:
            thread.start()
        if freezes:
            time.sleep(self._chance.uniform(1, 8) * self._freeze_seconds)  # beside all the others it takes longer
        elif "purge" in commands and self._chance.random() < 0.5:
            self._await_purge(commands["purge"])
        else:
            time.sleep(self._chance.uniform(0.05, self._most_seconds))
        ended = {name: process for name, process in commands.items() if process.poll() is not None}
        self._kill(server, *commands.values())
        for thread in threads:
            thread.join()
        self.remains.settle()
        self.remains.check(_gone(ended))
        self.removed += len(processes.verify(self._environment)["removed"])
        self.remains.check_store()

    def _kill(self, *living: Process) -> None:
        """Kill all of them at once, now and then with PostgreSQL, as a loss of power would."""
        database = self._database if self._chance.random() < DARK else None
        if database is not None:
            database.crash()
        for process in living:
            processes.kill(process)
        if database is not None:
            database.start()

    def _await_purge(self, purge: Process) -> None:
        """Wait for its first artifact, and a moment longer: killed in the middle, however slow the machine is."""
        while purge.poll() is None and not self.remains.purging():
            time.sleep(0.002)
        time.sleep(self._chance.uniform(0, 0.1))

    def finish(self) -> None:
        """All that was cut short goes on to its end, and the trash is emptied."""
        self.remains.let_a_month_pass()
        server, port = processes.serve(self._environment)
        client = Client(port, sign_in(port, "ada", PASSWORD))
        compare(client, self.ledger)
        for number, archive in self.ledger.archives.items():
            if archive.is_open:
                go_on(client, self.ledger, number)
        gone = json.loads(processes.run(self._environment, "purge", "--json"))["gone"]
        processes.stop(server)
        self.remains.check(gone)
        self.removed += len(processes.verify(self._environment)["removed"])
        self.remains.check_store()


def _gone(ended: Mapping[str, Process]) -> Collection[int]:
    """What the purge that came to its end let go of; a command that failed is a loss."""
    said = {name: processes.said(process) for name, process in ended.items()}
    return json.loads(said["purge"])["gone"] if "purge" in said else ()


def rounds(number: int, seed: int, *, postgresql: bool = False) -> Drill:
    """Run the rounds, on SQLite or on PostgreSQL."""
    with (
        tempfile.TemporaryDirectory(prefix="crash ", ignore_cleanup_errors=True) as folder,
        cluster() if postgresql else contextlib.nullcontext() as database,
    ):
        drill = Drill(Path(folder), random.Random(seed), database)
        drill.prepare()
        for count in range(1, number + 1):
            drill.round()
            known = drill.ledger
            print(
                f"round {count}: {len(known.uploads)} uploads, {len(known.judged)} objectives, {len(known.deleting)} "
                f"deletions, {len(known.archives)} archives, {len(known.registers)} registers, "
                f"{len(known.frozen)} packages",
                flush=True,
            )
        drill.finish()
    return drill


def main() -> None:
    """Read the options, run, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = parser.parse_args()
    print(f"{given.rounds} rounds, seed {given.seed}, {'PostgreSQL' if given.postgresql else 'SQLite'}")
    try:
        drill = rounds(given.rounds, given.seed, postgresql=given.postgresql)
    except (AssertionError, RuntimeError) as error:
        print(f"LOST: {error}")
        sys.exit(1)
    cut = drill.remains.cut
    print(f"{drill.removed} leftovers were found and cleared")
    print(
        f"Kills fell into {cut.purges} purges, {cut.checks} checks of the bytes, {cut.archives} archives, "
        f"{cut.registers} registers and {cut.freezes} answers of freezes."
    )
    print(f"Nothing lost: all that was acknowledged came through {given.rounds} kills.")
    print(f"{given.rounds} passed, 0 failed")


if __name__ == "__main__":
    main()
