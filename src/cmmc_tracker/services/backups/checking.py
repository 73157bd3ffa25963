"""Proving a backup without restoring it: every file, every row count, the audit chain, every content hashed again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from cmmc_tracker.domain.audit import GENESIS, Entry, walk
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services.backups import ahead
from cmmc_tracker.services.backups.reading import AUDIT, Backup, altered

Moved = Callable[[int], None]


@dataclass(slots=True)
class Proof:
    """What was looked at. `problems` empty means that all of it can be restored."""

    name: str
    made_at: str
    tables: int = 0
    rows: int = 0
    contents: int = 0
    bytes: int = 0
    entries: int = 0
    head: str = ""
    problems: list[str] = field(default_factory=list)


def run(backup: Backup, moved: Moved = lambda _bytes: None) -> Proof:
    """Check all of a backup; `moved` is told the bytes of what was hashed."""
    proof = Proof(backup.name, backup.manifest.made_at)
    proof.problems = altered(backup, moved)
    if proof.problems:
        return proof  # what they say of rows and contents is not to be believed
    try:
        _count(backup, proof)
        _walk(backup, proof)
        _look(backup, proof, moved)
    except (Conflict, NotFound) as error:
        proof.problems.append(f"{backup.name}: {error.message}")
    return proof


def _count(backup: Backup, proof: Proof) -> None:
    for one in backup.manifest.tables:
        lines = backup.lines(one.name)
        found = sum(1 for _ in lines.rows())
        if found != one.rows or lines.table != one.table:
            proof.problems.append(f"{one.table}: there are {found:,} rows, and {one.rows:,} are recorded")
        proof.tables += 1
        proof.rows += found


def _walk(backup: Backup, proof: Proof) -> None:
    walked = walk(_entries(backup))
    proof.entries, proof.head = backup.manifest.entries, walked.hash
    if walked.broken:
        proof.problems.append(f"Audit log: entry {walked.broken[0]} breaks the chain: {walked.broken[1]}")
    elif walked.hash != (backup.manifest.head or GENESIS):
        proof.problems.append("Audit log: its newest hash is not the one that the manifest names")


def _entries(backup: Backup) -> Iterator[tuple[int, Entry, str]]:
    for row in backup.lines(AUDIT).rows():
        yield row["id"], Entry(**{name: row[name] for name in Entry.__slots__}), row["hash"]


def _look(backup: Backup, proof: Proof, moved: Moved) -> None:
    lacking = {one.sha256: one.why for one in backup.manifest.lacking}
    for batch, found in ahead.done(lambda batch: [_said(backup, *one) for one in batch], backup.contents()):
        for (sha256, size), said in zip(batch, found, strict=True):
            if said:
                before = f"; when the backup was made, {lacking[sha256]}" if sha256 in lacking else ""
                proof.problems.append(f"The content {sha256}: {said}{before}")
            proof.contents += 1
            proof.bytes += size
        moved(sum(size for _, size in batch))


def _said(backup: Backup, sha256: str, size: int) -> str:
    try:
        there, found = backup.shelf.check(sha256)
    except (Conflict, NotFound) as error:
        return error.message
    return "" if (there, found) == (size, sha256) else f"it was altered: {there:,} bytes that hash to {found}"
