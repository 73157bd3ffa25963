"""Acts on a selection of artifacts: one Work, all or nothing, and what hinders is told of each one.

Each artifact goes the way that it would go alone, with the same rights, rules and audit entry; what is refused is
collected, so that people mend their selection once and not forty times.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain.artifacts import Act, parse_facts
from cmmc_tracker.errors import Conflict, Forbidden, Hindered, Invalid, NotFound, Stale, TrackerError
from cmmc_tracker.services import artifact_views, artifacts, links, members, reviews, trash
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.artifacts import shown_to
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts as table

MOST = 1_000
FIELDS = ("kind", "covers_from", "covers_until", "collected_on", "cadence", "owner", "reviewer")
_CHANGED = "Somebody else changed it since you chose it. Look at it, then choose it again."


@dataclass(frozen=True, slots=True)
class Chosen:
    """An artifact of a selection, and the version of it that the person saw."""

    id: int
    version: int

    def __str__(self) -> str:
        return f"{self.id}.{self.version}"


def parse(texts: Iterable[str]) -> list[Chosen]:
    """Read a selection, written as `12.3` each (artifact 12 in its version 3).

    Raises `Invalid` for none, for more than 1,000, and for what is no such pair.
    """
    found: dict[int, Chosen] = {}
    for text in texts:
        numbers = text.split(".")
        if len(numbers) != 2 or not all(n.isascii() and n.isdecimal() and len(n) <= 15 for n in numbers):
            raise Invalid({"chosen": "The selection cannot be read. Nothing was changed; choose again."})
        found[int(numbers[0])] = Chosen(int(numbers[0]), int(numbers[1]))
    if not found:
        raise Invalid({"chosen": "Choose at least one artifact first. Nothing was changed."})
    if len(found) > MOST:
        raise Invalid({"chosen": f"At most {MOST:,} artifacts are changed at once; these are {len(found):,}."})
    return list(found.values())


def shown(work: Work, chosen: Sequence[Chosen]) -> list[Artifact]:
    """Those of a selection that the actor may see, in its order."""
    query = select(table).where(table.c.id.in_([one.id for one in chosen]), shown_to(work.actor))
    known = {one.id: one for one in artifact_views.filled(work, work.rows(query))}
    return [known[one.id] for one in chosen if one.id in known]


def link(work: Work, chosen: Sequence[Chosen], targets: Sequence[Target]) -> int:
    """Link all of them to all objectives of one system; returns how many links are new. Raises `Hindered`.

    What somebody changed of an artifact meanwhile is no hindrance: a link takes nothing away.
    """
    rows = {row.id: row for row in work.rows(select(table).where(_among(work, chosen)))}

    def look(one: Chosen) -> None:
        if one.id not in rows:
            raise NotFound("There is no such artifact, or you may not see it.")
        links.may_share(work, rows[one.id], targets[0].system)

    _each(work, chosen, look)
    return links.link_many(work, [one.id for one in chosen], targets)


def edit(work: Work, chosen: Sequence[Chosen], given: Mapping[str, Any]) -> None:
    """Say the same of all of them: only what is given. Raises `Invalid` for what is wrong for any, and `Hindered`."""
    facts = {name: value for name, value in given.items() if name in FIELDS}
    if not facts:
        raise Invalid({"chosen": "Say what is to be changed. Nothing was changed."})
    parse_facts(facts, work.today)
    _each(work, chosen, lambda one: artifacts.edit(work, one.id, facts, one.version))


def review(work: Work, chosen: Sequence[Chosen], act: Act) -> None:
    """Hand all of them in for review, or retire them. Raises `Hindered`."""
    _each(work, chosen, lambda one: reviews.decide(work, one.id, Verdict(act, version=one.version)))


def remove(work: Work, chosen: Sequence[Chosen]) -> None:
    """Put all of them into the trash. Raises `Hindered`, for instance where a package holds one."""
    _each(work, chosen, lambda one: trash.remove(work, one.id, one.version))


def people_of(work: Work, chosen: Sequence[Artifact]) -> list[str]:
    """Who could be named for every one of them: the people whom all their systems have in common."""
    systems = {one.system_id for one in chosen}
    mine = [access for access in (work.actor.systems.values() if work.actor else ()) if access.system_id in systems]
    named = [{one.name for one in members.of_system(work, access.system_id)} for access in mine]
    return sorted(set.intersection(*named), key=str.casefold) if named else []


def _each(work: Work, chosen: Sequence[Chosen], do: Callable[[Chosen], object]) -> None:
    """Do it to each; where some are refused, raise `Hindered` with all of them, which rolls the Work back."""
    refused: list[tuple[Chosen, TrackerError]] = []
    for one in chosen:
        try:
            do(one)
        except (Invalid, NotFound, Forbidden, Conflict, Stale) as error:
            refused.append((one, error))
    if refused:
        stale = all(isinstance(error, Stale) for _, error in refused)
        raise Hindered(list(_told(work, refused)), stale=stale)


def _told(work: Work, refused: Sequence[tuple[Chosen, TrackerError]]) -> Iterator[tuple[int, str, str]]:
    query = select(table.c.id, table.c.title).where(_among(work, [one for one, _ in refused]))
    titles = {row.id: row.title for row in work.rows(query)}
    for one, error in refused:
        yield one.id, titles.get(one.id, ""), _CHANGED if isinstance(error, Stale) else error.message


def _among(work: Work, chosen: Sequence[Chosen]) -> Any:
    return table.c.id.in_([one.id for one in chosen]) & shown_to(work.actor)
