"""One objective as it stands: its finding, who judged and confirmed it, on what it rests, its evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select

from cmmc_tracker.domain.assessment import Method, Status
from cmmc_tracker.domain.catalog import Objective
from cmmc_tracker.domain.special import Basis, Special, needs_second
from cmmc_tracker.services import artifact_views
from cmmc_tracker.services.artifact_views import ArtifactName
from cmmc_tracker.storage.tables import findings, specials, users


@dataclass(frozen=True, slots=True)
class Evidence:
    """An artifact linked to an objective, and where in it."""

    artifact: ArtifactName
    locator: str
    shows: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One objective as it stands in a system."""

    objective: Objective
    status: Status
    note: str
    methods: tuple[Method, ...]
    judged_at: datetime | None
    judged_by: str
    version: int
    evidence: tuple[Evidence, ...]
    said: Mapping[str, str] = field(default_factory=dict)  # by `Method.field`
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    special: Special | None = None  # on what it is MET, where it is not plainly so; `special_version` is of its form
    special_version: int = 0

    @property
    def bears(self) -> bool:
        """Whether the special basis has an effect on this finding."""
        return self.special is not None and self.special.basis.carries(self.status)

    @property
    def needs_second(self) -> bool:
        """Whether a second person confirms this finding (our decision)."""
        return needs_second(self.status, self.special.basis if self.special else None)


@cache  # putting it together takes longer than running it
def query(*, of_one: bool = False) -> Select[Any]:
    """Findings with who judged and confirmed them, and on what they rest.

    Those of a requirement, with the parameters `system` and `of`; `of_one`: of the objective `letter` alone.
    """
    where = [findings.c.system_id == bindparam("system"), findings.c.requirement == bindparam("of")]
    if of_one:
        where.append(findings.c.letter == bindparam("letter"))
    confirmer = users.alias()
    special = and_(
        specials.c.system_id == findings.c.system_id,
        specials.c.requirement == findings.c.requirement,
        specials.c.letter == findings.c.letter,
    )
    record = (specials.c.basis, specials.c.description, specials.c.mitigation, specials.c.reference)
    return (
        select(findings, users.c.name, confirmer.c.name.label("confirmer"), *record, specials.c.reviewed_on)
        .add_columns(specials.c.version.label("special_version"))
        .join(users, users.c.id == findings.c.judged_by, isouter=True)
        .join(confirmer, confirmer.c.id == findings.c.confirmed_by, isouter=True)
        .join(specials, special, isouter=True)
        .where(*where)
    )


def made(objective: Objective, row: Any, evidence: Sequence[tuple[ArtifactName, str, str]]) -> Finding:
    """A finding from its row, with its evidence."""
    return Finding(
        objective=objective,
        status=Status(row.status),
        note=row.note,
        methods=tuple(Method(m) for m in row.methods),
        judged_at=row.judged_at,
        judged_by=row.name or (artifact_views.COMMAND_LINE if row.judged_at else ""),
        version=row.version,
        evidence=tuple(Evidence(*e) for e in evidence),
        said={m.field: getattr(row, m.field) for m in Method},
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmer or (artifact_views.COMMAND_LINE if row.confirmed_at else ""),
        special=row.basis
        and Special(Basis(row.basis), row.description, row.mitigation, row.reference, row.reviewed_on),
        special_version=row.special_version or 0,
    )
