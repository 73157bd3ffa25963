"""PostgreSQL goes away under load: restarted, its connections cut, down for a while, its disk full."""

import http.client
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults.servers import Cluster, cluster, filled, tmpfs
from tests.faults.site import Answers, Site


def _status(site: Site, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=40)
    connection.request("GET", path, headers=site.session)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def _restarted(_site: Site, server: Cluster) -> None:
    for _ in range(3):
        time.sleep(2.5)
        server.crash()
        server.start()
    time.sleep(1)


def _cut(_site: Site, server: Cluster) -> None:
    for _ in range(20):
        time.sleep(0.3)
        server.cut()
    time.sleep(1)


def _down(site: Site, server: Cluster) -> None:
    time.sleep(1.5)
    server.crash()
    time.sleep(1)
    seen = [_status(site, path) for path in ("/healthz", "/readyz", "/artifacts", "/static/app.css")]
    assert seen == [200, 503, 503, 200], seen
    server.start()
    time.sleep(1.5)
    assert _status(site, "/readyz") == 200


def _under_load(fault: Callable[[Site, Cluster], None]) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        answers = Answers()
        with cluster() as server:
            site = Site(folder, DATABASE_URL=server.url)
            with site.served():
                site.prepare()
                with site.load(answers):
                    fault(site, server)
            said = answers.check()
            assert answers.refused, "nobody met the fault"
            site.content()
        return said

    return act


def _full(folder: Path) -> str:
    answers = Answers()
    with tmpfs(folder / "disk", 220) as disk, cluster(disk) as server:
        site = Site(folder / "data", DATABASE_URL=server.url)
        with site.served():
            site.prepare()
            for left in (0, 40_000, 400_000):
                with filled(disk, left):
                    site.write_all(answers, 3)
                _wait_for(server)
                site.write_all(Answers())
        said = answers.check()
        site.content()
    return said


def _wait_for(server: Cluster) -> None:
    """A server whose log found no room restarts itself, or has to be started."""
    import psycopg

    for _ in range(20):
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
        except psycopg.Error:
            time.sleep(0.5)
        else:
            return
    server.start()


CASES = [
    ("PostgreSQL crashes and restarts three times under load", _under_load(_restarted)),
    ("PostgreSQL's connections are cut twenty times under load", _under_load(_cut)),
    ("PostgreSQL is down for a while", _under_load(_down)),
    ("PostgreSQL's disk is full", _full),
]
