"""Fills an installation for the measurements: by the product's services, or by plain inserts for masses of rows."""

import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import insert, text

from bench.stage import PASSWORD
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.services import accounts, artifacts, assessment, links, systems
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables

NOW = datetime.now(UTC)
WORDS = (
    *("firewall", "export", "review", "quarterly", "account", "list", "network"),
    *("diagram", "training", "record", "visitor", "log", "policy", "backup"),
)
_COMMON = (*WORDS, "system", "approvals", "access", "user", "change", "result", "none", "ticket", "closed", "signed")


def operator(tracker: Tracker) -> Actor:
    """Whoever works at the command line."""
    with tracker.read() as work:
        return replace(Actor(None, "bench", Role.ADMIN), systems=systems.all_of(work))


def people(tracker: Tracker) -> None:
    """Ada and Bob."""
    with tracker.write(operator(tracker)) as work:
        for name in ("ada", "bob"):
            accounts.create(work, accounts.candidate(name, PASSWORD, "admin"))


def judged(tracker: Tracker) -> None:
    """All 320 objectives judged, most of them MET."""
    actor = operator(tracker)
    with tracker.write(actor) as work:
        for requirement in catalog.load(2).requirements:
            for number, one in enumerate(requirement.objectives):
                objective = catalog.parse_objective_id(one.id)
                status = "not_met" if number == 3 else "met"
                assessment.judge(
                    work, actor.systems["main"], objective, Judgement.parse(objective, status, "seen", ["examine"])
                )


def evidence(tracker: Tracker, number: int, linked: int) -> None:
    """`number` artifacts by plain inserts, the newest `linked` links spread over all objectives."""
    system = operator(tracker).systems["main"].system_id
    sha256 = hashlib.sha256(b"bench").hexdigest()
    with tracker.engine.connect().execution_options(writes=True) as db, db.begin():
        first = (db.execute(text("SELECT coalesce(max(id), 0) FROM artifacts")).scalar() or 0) + 1
        if first == 1:
            db.execute(insert(tables.blobs).values(sha256=sha256, size=5, stored_at=NOW))
        for begin in range(first, first + number, 5_000):
            ids = range(begin, min(begin + 5_000, first + number))
            _insert(db, ids, system, dict.fromkeys(ids, sha256), {})
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT setval(pg_get_serial_sequence('artifacts', 'id'), :n)"), {"n": first + number})
        objectives = [(r.id, o.letter) for r in catalog.load(2).requirements for o in r.objectives]
        rows = [
            {
                "artifact_id": first + n % number,
                "system_id": system,
                "requirement": objectives[n % 320][0],
                "letter": objectives[n % 320][1],
                "linked_at": NOW,
            }
            for n in range(linked)
        ]
        if rows:
            db.execute(insert(tables.links), rows)
    with tracker.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))


def _insert(db: Any, ids: range, system: int, hashes: Mapping[int, str], said: Mapping[int, str]) -> None:
    titles = {i: f"{WORDS[i % 14]} {WORDS[(i // 14) % 14]} number{i % 997}" for i in ids}
    fact = {"system_id": system, "kind": "record", "description": "", "status": "approved", "current_version": 1}
    db.execute(insert(tables.artifacts), [{"id": i, "title": titles[i], "created_at": NOW, **fact} for i in ids])
    db.execute(insert(tables.artifact_versions), [{"artifact_id": i, "number": 1, "received_at": NOW} for i in ids])
    file = {"number": 1, "position": 1, "filename": "bench.txt", "media_type": "text/plain"}
    db.execute(insert(tables.artifact_files), [{"artifact_id": i, "sha256": hashes[i], **file} for i in ids])
    if db.dialect.name == "sqlite":
        statement = "INSERT INTO artifact_search (rowid, title, words) VALUES (:id, :title, :words)"
    else:
        statement = (
            "INSERT INTO artifact_search (id, words) VALUES "
            "(:id, setweight(to_tsvector('simple', :title), 'A') || to_tsvector('simple', :words))"
        )
    db.execute(text(statement), [{"id": i, "title": titles[i], "words": f"bench.txt {said.get(i, '')}"} for i in ids])


def texts(tracker: Tracker, number: int) -> None:
    """`number` more artifacts, each with a text of its own of some 20 KB behind it, by plain inserts."""
    system = operator(tracker).systems["main"].system_id
    with tracker.engine.connect().execution_options(writes=True) as db, db.begin():
        first = (db.execute(text("SELECT coalesce(max(id), 0) FROM artifacts")).scalar() or 0) + 1
        for begin in range(first, first + number, 500):
            ids = range(begin, min(begin + 500, first + number))
            hashes = {i: hashlib.sha256(str(i).encode()).hexdigest() for i in ids}
            rows = [{"sha256": hashes[i], "size": 20_000, "stored_at": NOW, "text_state": "done"} for i in ids]
            db.execute(insert(tables.blobs), rows)
            said = {i: _text(i) for i in ids}
            db.execute(insert(tables.blob_texts), [{"sha256": hashes[i], "text": said[i], "cut": False} for i in ids])
            _insert(db, ids, system, hashes, said)
        if db.dialect.name == "postgresql":
            db.execute(text("SELECT setval(pg_get_serial_sequence('artifacts', 'id'), :n)"), {"n": first + number})
    with tracker.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))


def _text(number: int) -> str:
    """Some 20 KB of words as they come in evidence: few that are common, many that are rare."""
    chance = Random(number)
    rare = (f"host{chance.randrange(50_000)} reviewed {chance.randrange(10_000):04}" for _ in range(300))
    return " ".join(f"{one} {' '.join(chance.choices(_COMMON, k=6))}" for one in rare)


def file(tracker: Tracker, content: bytes) -> int:
    """One real artifact of that content; returns its number."""
    actor = operator(tracker)
    with closing(tracker.blobs.receive()) as incoming:
        incoming.write(content)
        kept = incoming.keep()
        received = Received("bench.zip", "application/zip", kept.sha256, kept.size)
        with tracker.write(actor) as work:
            return artifacts.create(work, actor.systems["main"], [received], {"title": "bench"})


def linked_file(tracker: Tracker, content: bytes, number: int) -> None:
    """One real artifact of that content, linked to an objective by its number."""
    actor = operator(tracker)
    objectives = [catalog.parse_objective_id(o.id) for r in catalog.load(2).requirements for o in r.objectives]
    target = Target(actor.systems["main"], objectives[number % len(objectives)], "", "")
    with closing(tracker.blobs.receive()) as incoming:
        incoming.write(content)
        kept = incoming.keep()
        received = Received(f"log-{number}.txt", "text/plain", kept.sha256, kept.size)
        with tracker.write(actor) as work:
            links.create_linked(work, actor.systems["main"], [received], {"title": f"Log {number}"}, [target])
