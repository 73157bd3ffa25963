"""The things that the plan's texts refer to: their names of the day, and finding one to refer to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.ssp import Reference, Subject
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, assets, links, providers

MOST_FOUND = 10  # of each subject
MOST_RESOLVED = 2_000  # of one subject in one text
_SUBJECTS = {Subject.ARTIFACT: artifacts, Subject.ASSET: assets, Subject.PROVIDER: providers}


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that a text could refer to, and what to write for it."""

    subject: Subject
    number: int
    name: str

    @property
    def written(self) -> str:
        """What stands in the text."""
        return f"[[{self.subject}:{self.number}]]"


def of_artifacts(system_id: int) -> Any:
    """The condition for the artifacts that a system's plan may cite: in use, made for it or linked in it."""
    linked = select(links.c.artifact_id).where(links.c.system_id == system_id)
    return and_(IN_USE, or_(artifacts.c.system_id == system_id, artifacts.c.id.in_(linked)))


def names(work: Work, system: Access, wanted: Collection[Reference]) -> Mapping[Reference, str]:
    """The names of what is referred to, as far as it is in this system: at most three statements.

    Of each subject the first two thousand are looked up.
    """
    allow(work.actor, Action.SYSTEM_VIEW, system)
    found: dict[Reference, str] = {}
    for subject, table in _SUBJECTS.items():
        numbers = [one.number for one in wanted if one.subject is subject][:MOST_RESOLVED]
        if not numbers:
            continue
        name = table.c.title if subject is Subject.ARTIFACT else table.c.name
        query = select(table.c.id, name.label("name")).where(table.c.id.in_(numbers), _of(subject, system.system_id))
        found |= {Reference(subject, row.id): row.name for row in work.rows(query)}
    return found


def search(work: Work, system: Access, text: str) -> list[Found]:
    """Artifacts, assets and providers of the system with these words in their names: three statements."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    words = text.casefold().split()[:10]
    found: list[Found] = []
    for subject, table in _SUBJECTS.items():
        name = table.c.title if subject is Subject.ARTIFACT else table.c.name
        query = (
            select(table.c.id, name.label("name"))
            .where(_of(subject, system.system_id), *(name.icontains(word, autoescape=True) for word in words))
            .order_by(table.c.id.desc())
            .limit(MOST_FOUND)
        )
        found += [Found(subject, row.id, row.name) for row in work.rows(query)]
    return found


def _of(subject: Subject, system_id: int) -> Any:
    return of_artifacts(system_id) if subject is Subject.ARTIFACT else _SUBJECTS[subject].c.system_id == system_id
