"""The recorded CMMC Status of a system and its affirmations: kept as they stand in SPRS, beside what is found now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select, update

from cmmc_tracker.domain import briefing as briefings
from cmmc_tracker.domain import clocks, lifecycle
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.lifecycle import Act, PoamClock, Recorded, Stage, Standing
from cmmc_tracker.domain.permissions import Access, Action, Organization, Right, allow
from cmmc_tracker.domain.plans import ItemKind, ItemStatus
from cmmc_tracker.domain.recording import AffirmationGiven, StatusGiven, check_new, check_poam, check_supports
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound
from cmmc_tracker.services import assessment, assignments, closeouts, members, readiness, settings
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.assignments import Assigned
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import affirmations, changes, pins, plan_items, recorded_statuses
from cmmc_tracker.storage.tables import packages as packages_table


@dataclass(frozen=True, slots=True)
class Affirmation:
    """An affirmation that was recorded."""

    affirmed_on: date
    name: str
    title: str
    score: int | None
    package_id: int | None
    briefing: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A status that was recorded, with the affirmations made on it."""

    id: int
    recorded: Recorded
    act: Act
    uid: str
    score: int | None
    scope: str
    assessor: str
    package_id: int
    items: tuple[int, ...]
    recorded_at: datetime
    recorded_by: str
    affirmations: tuple[Affirmation, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """All that was recorded, newest last, what the calendar made of the newest, and the 180 days where they run."""

    entries: tuple[Entry, ...]
    standing: Standing
    clock: PoamClock | None

    @property
    def latest(self) -> Entry | None:
        """The record in force, or the last that was."""
        return self.entries[-1] if self.entries else None


def of(work: Work, system: Access) -> Record:
    """The recorded statuses of a system and how they stand today: three statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    query = select(recorded_statuses).where(recorded_statuses.c.system_id == system.system_id)
    rows = work.rows(query.order_by(recorded_statuses.c.id))
    affirmed = _affirmations(work, [row.id for row in rows])
    names = members.names(work, {row.recorded_by for row in rows})
    entries = tuple(_entry(row, affirmed.get(row.id, ()), names.get(row.recorded_by, "")) for row in rows)
    clock = closeouts.clock_of(rows[-1] if rows else None, work.today)
    return Record(entries, _standing(entries, work.today), clock)


def _standing(entries: Sequence[Entry], today: date) -> Standing:
    if not entries:
        return lifecycle.standing(None, [], today)
    last = entries[-1]
    return lifecycle.standing(last.recorded, [one.affirmed_on for one in last.affirmations], today)


def _entry(row: Any, affirmed: Sequence[Affirmation], by: str) -> Entry:
    return Entry(
        *(row.id, closeouts.recorded(row), Act(row.act), row.uid, row.score, row.scope, row.assessor, row.package_id),
        *(tuple(row._mapping["items"]), row.recorded_at, by, tuple(affirmed)),  # noqa: SLF001 `items` is a method too
    )


def _affirmations(work: Work, ids: Sequence[int]) -> Mapping[int, list[Affirmation]]:
    found: dict[int, list[Affirmation]] = {}
    query = select(affirmations).where(affirmations.c.status_id.in_(ids)).order_by(affirmations.c.id)
    for row in work.rows(query) if ids else ():
        one = Affirmation(row.affirmed_on, row.name, row.title, row.score, row.package_id, row.briefing)
        found.setdefault(row.status_id, []).append(one)
    return found


def record(work: Work, system: Access, given: StatusGiven) -> None:
    """Record a status that stands in SPRS, on its package of record.

    Raises `Conflict`, with the clause, for a move that the rule does not know, for a package that does not support it
    or is of an assessment before, and for a closeout by who affirms it while somebody else could record it; `Invalid`
    for a package of another system and for a day before the last record.
    """
    allow(work.actor, Action.STATUS_RECORD, system)
    work.alone(f"status:{system.slug}")
    before = of(work, system)
    then = _standing(before.entries, given.status_on)  # what was so on that day, however late it is written down
    lifecycle.moved(then.stage, given.act, level=system.level)
    last = before.latest
    if last and given.status_on < last.recorded.status_on:
        raise Invalid({"status_on": f"The last record is of {last.recorded.status_on:%-d %b %Y}; this one is older."})
    content, package = _of_record(work, system, given)
    items = _open_items(work, system) if given.stage is Stage.CONDITIONAL else {}
    if given.stage is Stage.CONDITIONAL:
        check_poam(_not_met(content), _on_poam(content), set(items.values()))
    if last:
        rested = packages.one(work, system, last.package_id)
        check_new(given, package.number, rested.number, last.recorded.status_on)
    first, shown = given.status_on, {}
    if given.act is Act.CLOSE_OUT:
        first = _check_closeout(work, system, given, last, package)
        shown = {"same_person": _records_and_affirms(work, system)}
    values = {
        "kind": given.kind,
        "stage": given.stage,
        "act": given.act,
        "status_on": given.status_on,
        "first_status_on": first,
        "uid": given.uid,
        "score": content["score"]["score"],
        "scope": given.scope,
        "assessor": given.assessor,
        "package_id": given.package,
        "items": list(items),
    }
    common = {"system_id": system.system_id, "recorded_at": work.now, "recorded_by": actor_id(work)}
    work.change(insert(recorded_statuses).values(**values, **common))
    rests_on = {given.package} | ({last.package_id} if last and given.act is Act.CLOSE_OUT else set())
    for number in sorted(rests_on):
        _keep_longer(work, number, given.status_on)
    told = {name: str(value) if isinstance(value, date) else value for name, value in values.items()}
    work.record(Event.STATUS_RECORDED, f"system:{system.slug}", {**told, **shown})


def _of_record(work: Work, system: Access, given: StatusGiven) -> tuple[Mapping[str, Any], Package]:
    """What the package of record holds, and the package; raises `Invalid` for none, `Conflict` for too little."""
    try:
        content = packages.snapshot(work, system, given.package)
    except NotFound:
        raise Invalid({"package": "There is no such package in this system."}) from None
    check_supports(given, content["score"]["supports"])
    return content, packages.one(work, system, given.package)


def _check_closeout(work: Work, system: Access, given: StatusGiven, last: Entry | None, package: Package) -> date:
    """The date of the Conditional status that is closed out.

    Raises `Conflict` for another kind of assessment, after day 180 or on a package from then, and with items open.
    """
    assert last is not None  # noqa: S101 the machine knows this act only after a Conditional status
    if given.kind is not last.recorded.kind:
        raise Conflict(
            f"The Conditional status is {last.recorded.kind.label}, so it is closed out by an assessment of that kind.",
            "32 CFR 170.21(b)",
        )
    began = last.recorded.first_status_on
    clock = clocks.closeout(began, given.status_on)
    if clock.is_over:
        raise Conflict(clock.sentence, "32 CFR 170.21(b)")
    if work.day(package.frozen_at) > clock.last_day:
        raise Conflict(
            f"Package {package.number} was frozen after {clock.last_day:%-d %b %Y}, the last day for closing out.",
            "32 CFR 170.21(b)",
        )
    still = set(last.items) & set(_open_items(work, system))
    if still:
        numbers = ", ".join(str(one) for one in sorted(still))
        raise Conflict(f"Items {numbers} of the POA&M are still open. Close them first.", "32 CFR 170.21(b)")
    return began


def _records_and_affirms(work: Work, system: Access) -> bool:
    """Whether the affirming official records the closeout that they affirm then, for want of a second person.

    Raises `Conflict` where somebody else could record it, and the settings do not let people approve their own.
    """
    me, official = actor_id(work), assignments.of(work, system).official
    if official is None or official.user_id != me:
        return False
    others = members.with_right(work, system.system_id, Right.APPROVE) - {me}
    if others and not settings.current(work).approve_own:
        raise Conflict(
            "You are the affirming official, and affirm this closeout: so somebody else who may approve in this system "
            "records it.",
            "32 CFR 170.21(b); our decision: docs/rules.md, 4.7",
        )
    return True


def _open_items(work: Work, system: Access) -> dict[int, str]:
    """The requirements of the items that are open on the POA&M, by the item's number."""
    is_open = (plan_items.c.kind == ItemKind.POAM, plan_items.c.status != ItemStatus.CLOSED)
    query = select(plan_items.c.id, plan_items.c.requirement).where(
        plan_items.c.system_id == system.system_id, *is_open
    )
    return {row.id: row.requirement for row in work.rows(query.order_by(plan_items.c.id))}


def _not_met(content: Mapping[str, Any]) -> list[str]:
    """What is NOT MET in a package, in catalog order."""
    return [one for one, status in content["score"]["statuses"].items() if status == Status.NOT_MET]


def _on_poam(content: Mapping[str, Any]) -> set[str]:
    """The requirements with an open item on the POA&M of a package."""
    works = (one for one in content["items"] if one["kind"] == ItemKind.POAM and one["status"] != ItemStatus.CLOSED)
    return {one["requirement"] for one in works}


def _keep_longer(work: Work, package: int, status_on: date) -> None:
    """What a package of record holds is kept for six years from the status date (32 CFR 170.17(c)(4))."""
    until = clocks.retained_until(status_on)
    later = packages_table.c.retained_until < until
    kept = {"retained_until": until, "version": packages_table.c.version + 1}
    work.change(update(packages_table).where(packages_table.c.id == package, later).values(**kept))
    held = (pins.c.holder == f"package:{package}", pins.c.until < until)
    work.change(update(pins).where(*held).values(until=until))


# Affirmations


@dataclass(frozen=True, slots=True)
class Briefing:
    """One page for the affirming official: what the record says, and what has changed since."""

    lines: tuple[str, ...]
    drift: tuple[str, ...]  # objectives that stand otherwise than in the package of record
    open: tuple[str, ...]  # readiness checks that are open, with where

    @property
    def text(self) -> str:
        """The page as text, as it is kept with the affirmation."""
        return "\n".join((*self.lines, *(f"- {one}" for one in (*self.drift, *self.open))))


def briefing(work: Work, system: Access) -> Briefing:
    """What the official should know before affirming: drift, MET without evidence, open findings, changes."""
    record_now = of(work, system)
    last = record_now.latest
    picture = assessment.picture(work, system)
    report = readiness.report(work, system)
    now = {(o.requirement_id, o.letter): status.value for line in picture.lines for o, status in line.findings}
    then = packages.snapshot(work, system, last.package_id)["findings"] if last else []
    changed = briefings.drift(briefings.findings(then), now) if last else []
    since = last.recorded.status_on if last else date.min
    query = select(changes.c.kind, changes.c.settled_on).where(changes.c.system_id == system.system_id)
    score = picture.score
    facts = briefings.Facts(
        standing=record_now.standing,
        score=score.score,
        max=score.max,
        supports=score.status,
        supports_reason=score.status_reason,
        unproven=score.met_without_final_evidence,
        readiness=report.sentence,
        drift=len(changed) if last else None,
        changes=tuple((row.kind, row.settled_on) for row in work.rows(query.where(changes.c.happened_on >= since))),
    )
    places = (
        (one.check, f"{one.requirement}[{one.letter}]" if one.letter else one.requirement) for one in report.findings
    )
    return Briefing(facts.lines, tuple(changed), tuple(briefings.open_checks(places)))


def official_of(work: Work, system: Access) -> Assigned:
    """The affirming official, who is the actor; raises `Forbidden` for anybody else."""
    official = assignments.of(work, system).official
    if official is None or official.user_id != actor_id(work):
        named = f": that is {official.person}" if official else ", and nobody is named as that yet"
        raise Forbidden(f"Only the affirming official of this system may record an affirmation{named}.")
    if work.actor and work.actor.organization is not Organization.OURS:
        raise Forbidden("The affirming official is of our own organization (32 CFR 170.4); this account is not.")
    return official


def affirm(work: Work, system: Access, given: AffirmationGiven) -> None:
    """Record that the affirming official submitted an affirmation in SPRS (32 CFR 170.22).

    Only the person who is named as that official may. Raises `Conflict` where there is no status to affirm, `Invalid`
    for a day before it and for a package of another system.
    """
    official = official_of(work, system)
    work.alone(f"status:{system.slug}")
    now = of(work, system)
    lifecycle.moved(now.standing.stage, Act.AFFIRM, level=system.level)
    last = now.latest
    assert last is not None  # noqa: S101 the machine knows this act only after a record
    if given.affirmed_on < last.recorded.status_on:
        raise Invalid({"affirmed_on": f"The status is of {last.recorded.status_on:%-d %b %Y}; this day is before it."})
    if given.package is not None:
        try:
            packages.one(work, system, given.package)
        except NotFound:
            raise Invalid({"package": "There is no such package in this system."}) from None
    values = {
        "affirmed_on": given.affirmed_on,
        "name": official.person,
        "title": official.title,
        "contact": official.contact,
        "score": assessment.picture(work, system).score.score,
        "package_id": given.package or last.package_id,
        "briefing": briefing(work, system).text,
    }
    work.change(
        insert(affirmations).values(status_id=last.id, recorded_at=work.now, recorded_by=actor_id(work), **values)
    )
    told = {**values, "affirmed_on": given.affirmed_on.isoformat()}
    work.record(Event.AFFIRMATION_RECORDED, f"system:{system.slug}", told)
