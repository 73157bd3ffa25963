"""Redis is killed, comes back empty, and hangs: tries of sign-in are counted all the while."""

import os
import signal
import time
from pathlib import Path

from tools import visitor

from tests.faults.servers import Redis
from tests.faults.site import PASSWORD, Site


def _try(site: Site, password: str) -> str:
    """Sign in; tells how it went."""
    try:
        visitor.sign_in(site.port, "ada", password)
    except RuntimeError:  # no page of somebody signed in
        return "refused"
    return "in"


def _killed(folder: Path) -> str:
    server = Redis(folder)
    try:
        site = Site(folder / "data", RATE_LIMIT_URL=server.url)
        with site.served():
            site.prepare()
            assert [_try(site, "wrong") for _ in range(2)] == ["refused"] * 2
            server.kill()
            assert _try(site, PASSWORD) == "in", "without Redis nobody can sign in"
            assert [_try(site, "wrong") for _ in range(3)] == ["refused"] * 3
            assert _try(site, PASSWORD) == "refused", "tries of before are not counted while Redis is away"
            server.start()
            assert _try(site, PASSWORD) == "refused", "a Redis that comes back empty lets tries begin anew"
    finally:
        server.kill()
    return "signed in without Redis; five wrong tries in all, then refused, also after its return"


def _hanging(folder: Path) -> str:
    server = Redis(folder)
    try:
        site = Site(folder / "data", RATE_LIMIT_URL=server.url)
        with site.served():
            os.kill(server.process.pid, signal.SIGSTOP)
            begun = time.monotonic()
            assert _try(site, PASSWORD) == "in"
            took = time.monotonic() - begun
            assert took < 8, f"a sign-in took {took:.1f} s"
    finally:
        server.kill()
    return f"the first sign-in took {took:.1f} s"


CASES = [("Redis killed, then back and empty", _killed), ("Redis hangs", _hanging)]
