"""What stands open in a system by our checks, and which of their hints are switched off there."""

from dataclasses import dataclass

from sqlalchemy import select, update

from cmmc_tracker.domain import readiness
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.readiness import CHECKS, Check, Finding, Level, stale
from cmmc_tracker.domain.snapshot import Snapshot
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import snapshots
from cmmc_tracker.services.remembering import Kind
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import systems

_BY_NUMBER = {check.number: check for check in CHECKS}


@dataclass(frozen=True, slots=True)
class Report:
    """What the checks found in one picture of a system; `version` is of the form that switches hints."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]
    switched_off: frozenset[int]
    version: int

    @property
    def sentence(self) -> str:
        """The gate in words."""
        return readiness.sentence(self.findings, self.switched_off)


def report(work: Work, system: Access) -> Report:
    """All checks over the system as it stands now."""
    snapshot = snapshots.of(work, system)
    row = work.db.execute(select(systems.c.checks_off, systems.c.version).where(systems.c.id == system.system_id)).one()
    off = _hints(row.checks_off)
    of = (system.system_id, off)
    findings = work.remembered(Kind.FINDINGS, of, lambda: tuple(readiness.found(snapshot, off)))
    return Report(snapshot, findings, off, row.version)


def with_stale_evidence(work: Work, system: Access) -> frozenset[str]:
    """The requirements that are MET on evidence that is overdue, or damaged: those of check 3."""
    return frozenset(one.requirement for one in stale.CHECK.look(snapshots.of(work, system)))


def check(number: int) -> Check:
    """The check of that number; raises `NotFound`."""
    found = _BY_NUMBER.get(number)
    if found is None:
        raise NotFound("There is no check of that number.")
    return found


def switch(work: Work, system: Access, number: int, *, off: bool, seen: int | None) -> None:
    """Switch a hint off, or on again. Raises `Conflict` for a check that is no hint, `Stale` after another change."""
    allow(work.actor, Action.CHECK_SWITCH, system)
    one = check(number)
    if one.level is not Level.HINT:
        raise Conflict(
            f"Check {number} cannot be switched off: it rests on the rule. Only hints, which are practice, can.",
            one.why,
        )
    row = work.db.execute(select(systems.c.checks_off, systems.c.version).where(systems.c.id == system.system_id)).one()
    before = sorted(_hints(row.checks_off))
    after = sorted({*before, number} if off else set(before) - {number})
    if before == after and seen in {None, row.version}:
        return
    expected = row.version if seen is None else seen
    where = (systems.c.id == system.system_id, systems.c.version == expected)
    work.change_one(update(systems).where(*where).values(checks_off=after, version=systems.c.version + 1))
    detail = {"check": number, "title": one.title, "before": before, "after": after}
    work.record(Event.CHECK_SWITCHED, f"system:{system.slug}", detail)


def _hints(kept: list[int]) -> frozenset[int]:
    """What may be off: a check that became more than a hint counts again by itself."""
    return frozenset(n for n in kept if n in _BY_NUMBER and _BY_NUMBER[n].level is Level.HINT)
