"""The disk is full: a small disk of memory, and a limit on how large files may become."""

import contextlib
import gzip
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.crash import processes
from tests.faults.kills import OLD
from tests.faults.servers import filled, tmpfs
from tests.faults.site import CLEAR, Answers, Site


def _disk(folder: Path) -> str:
    answers = Answers()
    with tmpfs(folder / "disk", 64) as disk:
        site = Site(disk / "data")
        with site.served():
            site.prepare()
            for left in (0, 20_000, 100_000, 400_000, 1_500_000):
                with filled(disk, left):
                    site.write_all(answers)
                site.write_all(Answers())
        said = answers.check()
        assert answers.refused, "nothing met the full disk"
        site.content()
    return said


def _limited(folder: Path) -> str:
    answers, site = Answers(), Site(folder)
    with site.served():
        site.prepare()
        for limit in (4_096, 40_000, 200_000, 1_000_000):
            with _no_file_above(site.pids(), limit):
                site.write_all(answers)
            site.write_all(Answers())
    said = answers.check()
    assert answers.refused, "nothing met the limit"
    site.content()
    return said


@contextlib.contextmanager
def _no_file_above(pids: list[int], size: int) -> Iterator[None]:
    _limit(pids, size)
    try:
        yield
    finally:
        _limit(pids, resource.RLIM_INFINITY)


def _limit(pids: list[int], size: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # a child that read a text, and has ended since
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _fails(environment: dict[str, str], *words: str) -> str:
    """A command that must fail, in words and with status 1; returns its last line."""
    done = subprocess.run((*processes.PRODUCT, *words), env=environment, capture_output=True, text=True, check=False)
    last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    assert done.returncode == 1, f"{words[0]} ended with {done.returncode}: {done.stderr[-400:]}"
    assert "Traceback" not in done.stderr, done.stderr[-800:]
    return last


def _commands(folder: Path) -> str:
    site = Site(folder / "data")
    with site.served():
        site.prepare()
        site.write_all(Answers(), 3)
    processes.run(site.environment, "backup", str(folder / "kept"))
    with tmpfs(folder / "disk", 24) as disk:
        old = disk / "old"
        old.mkdir()
        (old / "cmmc.db").write_bytes(gzip.decompress(OLD.read_bytes()))
        told = []
        with filled(disk, 60_000):
            told.append(_fails(site.environment, "backup", str(disk / "backup")))
            told.append(_fails(site.environment | {"CMMC_DATA_DIR": str(old)}, "user", "list"))
        with filled(disk, 900_000):
            other = site.environment | {"CMMC_DATA_DIR": str(disk / "other")}
            told.append(_fails(other, "restore", str(folder / "kept")))
        unclear = [one for one in told if not CLEAR.search(one) and "disk" not in one and "space" not in one]
        assert not unclear, unclear
        processes.run(site.environment, "backup", str(disk / "backup"))
        processes.run(site.environment, "backup", "check", str(disk / "backup"))
        processes.run(site.environment | {"CMMC_DATA_DIR": str(old)}, "user", "list")
        processes.run(other, "restore", str(folder / "kept"))
        processes.verify(other)
    site.content()
    return "backup, upgrade and restore said so, ended with 1, and went well afterwards"


CASES = [
    ("disk full (tmpfs), every kind of write", _disk),
    ("files limited (RLIMIT_FSIZE), every kind of write", _limited),
    ("disk full: backup, upgrade, restore", _commands),
]
