"""Two who write the same row at the same instant."""

import json
import threading
from pathlib import Path

from tests.crash.acts import Client
from tests.faults.servers import cluster
from tests.faults.site import Answers, Site

_PATH = "/api/v1/systems/main/requirements/AC.L2-3.1.1/objectives/a"
_TIMES = 40


def _version(client: Client) -> int:
    return int(json.loads(client.call("GET", _PATH.partition("/objectives")[0])[1])["objectives"][0]["version"])


def _race(site: Site) -> str:
    answers = Answers()
    won: list[int] = []
    together = threading.Barrier(4)

    def write(number: int) -> None:
        client = site.client(answers)
        client.headers = dict(client.headers)
        for turn in range(_TIMES):
            together.wait(30)
            found = _version(client)
            together.wait(30)
            client.headers["If-Match"] = f'"{found}"'
            body = json.dumps({"status": "met", "note": f"{number} {turn}"}).encode()
            status, _ = client.call("PATCH", _PATH, body)
            client.headers.pop("If-Match")
            if status == 200:
                won.append(turn)

    begun = _version(site.client(answers))
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(_TIMES)), f"of each version one writer must win: {sorted(won)}"
    client = site.client(answers)
    for number in range(_TIMES):
        client.call("PATCH", _PATH, json.dumps({"status": "not_met", "note": f"{number}"}).encode())
    saved = _version(client) - begun
    assert saved == 2 * _TIMES, f"{saved} versions after {2 * _TIMES} saves"
    return answers.check()


def _sqlite(folder: Path) -> str:
    site = Site(folder)
    with site.served():
        site.prepare()
        said = _race(site)
    site.content()
    return said


def _postgresql(folder: Path) -> str:
    with cluster() as server:
        site = Site(folder, DATABASE_URL=server.url)
        with site.served():
            site.prepare()
            said = _race(site)
        site.content()
    return said


CASES = [("two writers on one row (SQLite)", _sqlite), ("two writers on one row (PostgreSQL)", _postgresql)]
