"""How large the tables get: an empty PostgreSQL database is filled with rows as they come, and weighed.

    python -m bench.sizes [--rows 100000] [--write]

Rows of each kind are made in one statement by the database itself (`sizes.sql`); texts are fewer, for each is some
20 KB. The bytes of a row are those of the table, of its indexes and of what is kept beside it (TOAST). With `--write`
the table goes into docs/scale.md, with what 1,000 systems, 10 million artifacts and 50 TB come to.
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from bench import fill
from bench.pages import opened
from bench.places import database, folder

STATEMENTS = Path(__file__).with_name("sizes.sql")
SCALE = Path(__file__).parents[1] / "docs/scale.md"
_BEGIN, _END = "<!-- sizes -->", "<!-- end of sizes -->"
TEXTS = 2_000
# What 1,000 systems come to, by the reasoning in docs/scale.md: rows of each table.
PLAN = {
    "artifacts": 10_000_000,
    "artifact_versions": 13_000_000,
    "artifact_files": 14_000_000,
    "blobs": 12_000_000,
    "links": 20_000_000,
    "artifact_search": 10_000_000,
    "findings": 320_000,
    "package_files": 50_000_000,
    "pins": 50_000_000,
    "audit": 150_000_000,
    "blob_texts": 7_000_000,
}
FILLED = (
    *("artifacts", "artifact_versions", "artifact_files", "blobs", "links", "artifact_search"),
    *("package_files", "pins", "audit"),
)
_WEIGHED = text("SELECT pg_table_size(CAST(:name AS regclass)), pg_indexes_size(CAST(:name AS regclass))")


@dataclass(frozen=True)
class Weight:
    """A table: its rows, and the bytes of one of them."""

    name: str
    rows: int
    heap: float
    indexes: float

    @property
    def whole(self) -> float:
        """Bytes of a row with all that belongs to it."""
        return self.heap + self.indexes


def measured(rows: int) -> list[Weight]:
    """Fill and weigh; raises where there is no server."""
    with folder() as place, database() as url:
        if url is None:
            raise SystemExit("no PostgreSQL server answers")
        tracker = opened(place, url)
        fill.people(tracker)
        fill.judged(tracker)
        found = []
        with tracker.engine.connect() as db, db.begin():
            for statement in STATEMENTS.read_text().split(";\n"):
                if statement.strip():
                    db.exec_driver_sql(statement, {"n": rows})
        for name in FILLED:
            found.append(_weight(tracker.engine.connect(), name, rows))
        found.append(_weight(tracker.engine.connect(), "findings", 320))
        searched = next(one for one in found if one.name == "artifact_search")
        with tracker.engine.connect() as db, db.begin():
            db.execute(text("SELECT setval(pg_get_serial_sequence('artifacts', 'id'), :n)"), {"n": rows})
        fill.texts(tracker, TEXTS)
        found.append(_weight(tracker.engine.connect(), "blob_texts", TEXTS))
        both = _weight(tracker.engine.connect(), "artifact_search", 1)
        grown = (both.whole - searched.whole * rows) / TEXTS
        found.append(Weight("artifact_search of 20 KB of text", TEXTS, grown, 0))
        tracker.engine.dispose()
        return found


def _weight(db: Connection, name: str, rows: int) -> Weight:
    with db:
        table, indexes = db.execute(_WEIGHED, {"name": name}).one()
    return Weight(name, rows, table / rows, indexes / rows)


def lines(found: list[Weight], load: float) -> list[str]:
    """The table, as Markdown."""
    day = f"{datetime.now(UTC):%d %b %Y}"
    rows = [
        f"Measured on {day} with PostgreSQL, load of the machine {load:.1f} (sizes do not depend on it).",
        "",
        "| table | rows measured | bytes of a row | of its indexes | rows of 1,000 systems | GB |",
        "|---|---|---|---|---|---|",
    ]
    total = 0.0
    for one in found:
        planned = PLAN.get(one.name, PLAN["blob_texts"] if "text" in one.name else 0)
        total += planned * one.whole / 1e9
        gigabytes = f"{planned:,} | {planned * one.whole / 1e9:,.1f}"
        rows.append(f"| {one.name} | {one.rows:,} | {one.heap:,.0f} | {one.indexes:,.0f} | {gigabytes} |")
    return [*rows, f"| all of these | | | | | {total:,.0f} |"]


def main() -> None:
    """Read the options, measure, tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    said = "\n".join(lines(measured(given.rows), load))
    print(said)
    if given.write:
        before, _, rest = SCALE.read_text().partition(_BEGIN)
        SCALE.write_text(f"{before}{_BEGIN}\n{said}\n{_END}{rest.partition(_END)[2]}")


if __name__ == "__main__":
    main()
