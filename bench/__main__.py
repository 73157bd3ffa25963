"""`python -m bench [--write] [--only NAME]`: measures every promise and tells which hold.

Everything happens in temporary folders and on the loopback, with one client unless said otherwise. With `--write` the
table in bench/README.md is written anew.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import assessment, backups, documents, evidence, load, packages, pages, stage, transfers
from bench.places import database, folder
from bench.stage import Line

README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def _hello() -> float:
    with folder() as place, stage.started(stage.bare(), stage.environment(place)) as bare:
        return stage.median(stage.getter(bare, "/hello"), 300)


def _pages() -> Iterator[Line]:
    with folder() as place:
        yield from pages.measure(place, _hello())
    with folder() as place, database() as url:
        if url:
            yield from pages.measure(place, _hello(), url)


def _lists() -> Iterator[Line]:
    yield from _on_both(pages.many)


def _transfers() -> Iterator[Line]:
    with folder() as place:
        yield from transfers.measure(place)


def _backups() -> Iterator[Line]:
    with folder() as place:
        yield from backups.measure(place)


def _evidence() -> Iterator[Line]:
    with folder() as place:
        yield from evidence.uploads(place, _hello())
    with folder() as place:
        yield from evidence.rehash(place)
    with folder() as place:
        yield from evidence.long_pdf(place)
    yield from _on_both(evidence.links)


def _assessment() -> Iterator[Line]:
    yield from _on_both(lambda place, *url: assessment.rules(place, _hello(), *url))
    with folder() as place:
        yield from assessment.portfolio(place)


def _package() -> Iterator[Line]:
    with folder() as place:
        yield from packages.many(place)
    with folder() as place:
        yield from packages.large(place)


def _documents() -> Iterator[Line]:
    with folder() as place:
        yield from documents.documents(place)


def _texts() -> Iterator[Line]:
    yield from _on_both(evidence.search)


def _on_both(measure: Callable[..., Iterator[Line]]) -> Iterator[Line]:
    """On SQLite, then on PostgreSQL where there is a server."""
    with folder() as place:
        yield from measure(place)
    with folder() as place, database() as url:
        if url:
            yield from measure(place, url)


def _load() -> Iterator[Line]:
    with folder() as place:
        yield load.on_sqlite(place, _hello())
    with folder() as place, database() as url:
        if url:
            yield load.on_postgresql(place, url)


def _start() -> Iterator[Line]:
    with folder() as place:
        yield from transfers.start(place)


TOPICS: dict[str, Callable[[], Iterator[Line]]] = {
    "pages": _pages,
    "score": pages.score_alone,
    "lists": _lists,
    "transfers": _transfers,
    "backups": _backups,
    "evidence": _evidence,
    "assessment": _assessment,
    "package": _package,
    "documents": _documents,
    "texts": _texts,
    "load": _load,
    "start": _start,
}


def main() -> None:
    """Measure, print, and write if asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write the table of bench/README.md anew")
    parser.add_argument("--only", choices=list(TOPICS))
    given = parser.parse_args()
    lines = []
    for name, topic in TOPICS.items():
        if given.only in {None, name}:
            for line in topic():
                lines.append(line)
                mark = "met    " if line.met else "NOT MET"
                print(f"{mark}  {line.promise}: {line.measured} (limit {line.limit})", flush=True)
    if given.write and given.only is None:
        _write(lines)
    missed = sum(not line.met for line in lines)
    print(f"{len(lines) - missed} passed, {missed} failed")
    sys.exit(0)


def _write(lines: list[Line]) -> None:
    place = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"
    day = datetime.now(UTC)
    measured = (
        f"Measured on {day.day} {day:%b %Y}: {place}. Hello route {_hello() * 1e3:.2f} ms, "
        f"SHA-256 {stage.sha256_rate() / 1e6:,.0f} MB/s."
    )
    rows = [
        measured,
        "",
        "| promise | limit | measured | |",
        "|---|---|---|---|",
        *(f"| {x.promise} | {x.limit} | {x.measured} | {'met' if x.met else '**not met**'} |" for x in lines),
    ]
    before, _, rest = README.read_text().partition(_BEGIN)
    after = rest.partition(_END)[2]
    README.write_text(f"{before}{_BEGIN}\n" + "\n".join(rows) + f"\n{_END}{after}")


if __name__ == "__main__":
    main()
