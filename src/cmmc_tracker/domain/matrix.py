"""Customer responsibility matrices at objective level: who does what, what has no line, and circles. Pure.

An objective that is judged as inherited rests on a line that gives it to a provider, wholly or in part. A line that
gives it to the customer would let each rest on the other: that is the one circle there can be, since a line names no
further provider, and it is refused from either side (32 CFR 170.19(c)(2)).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.domain.assessment import Responsibility
from cmmc_tracker.domain.catalog import ObjectiveId, load
from cmmc_tracker.domain.scope import LONGEST_NOTE, PROVIDER_CLAUSE, Duty, MatrixLine
from cmmc_tracker.domain.typed import Typed
from cmmc_tracker.errors import Conflict

CARRYING = frozenset({Duty.PROVIDER, Duty.SHARED})
DUTIES = {
    Duty.PROVIDER: "Provider",
    Duty.CUSTOMER: "Customer (we)",
    Duty.SHARED: "Shared",
    Duty.NOT_APPLICABLE: "Not applicable",
}
CIRCLE = (
    "It is judged as inherited, and this line gives it back to you, so that each would rest on the other. Judge it "
    f"anew first, or keep the line as provider or shared ({PROVIDER_CLAUSE})."
)


GIVEN_BACK = (
    "The matrix gives it to you, the customer, so it cannot rest on the provider: each would rest on the other. Have "
    f"the line mended first, if it is wrong ({PROVIDER_CLAUSE})."
)


@dataclass(frozen=True, slots=True)
class LineEntry:
    """What a line says of one objective."""

    duty: Duty
    text: str = ""
    artifact_id: int | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "LineEntry":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(given)
        duty = typed.choice("duty", Duty, "Say whose duty it is.")
        entry = cls(duty or Duty.CUSTOMER, typed.text("text", LONGEST_NOTE), typed.number("artifact_id"))
        typed.done()
        return entry


def naming_evidence(number: int, title: str) -> str:
    """The artifact that shows a line, as a sheet names it."""
    return f"Artifact {number}: {title}"


def evidence_named(cell: str, documents: Mapping[int, str]) -> int | None:
    """The artifact that a sheet names so; None unless one of that number *and* title is among `documents`.

    A number alone proves nothing: the sheet may come from another installation.
    """
    return next((number for number, title in documents.items() if cell == naming_evidence(number, title)), None)


def carried(lines: Iterable[MatrixLine]) -> set[ObjectiveId]:
    """The objectives that a provider does, wholly or in part."""
    return {line.objective for line in lines if line.duty in CARRYING}


def is_circle(
    objective: ObjectiveId, duty: Duty, inherited: Collection[ObjectiveId], elsewhere: Collection[ObjectiveId]
) -> bool:
    """Whether a line would close a circle; `elsewhere` are the objectives that other providers carry."""
    return duty is Duty.CUSTOMER and objective in inherited and objective not in elsewhere


def check_inherited(duties: Collection[Duty]) -> None:
    """Raise `Conflict` for an objective that is to be inherited, while its lines give it to the customer alone.

    Without any line it is a gap, which is told and not refused.
    """
    if Duty.CUSTOMER in duties and not CARRYING & set(duties):
        raise Conflict(GIVEN_BACK, PROVIDER_CLAUSE)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is claimed of a provider without a line; `letter` is empty for a whole requirement."""

    requirement: str
    letter: str
    sentence: str


def gaps(
    lines: Iterable[MatrixLine],
    inherited: Collection[ObjectiveId],
    responsibilities: Mapping[str, Responsibility],
    level: int,
) -> list[Gap]:
    """What is claimed as inherited, a provider's or shared without a line that says so, in catalog order."""
    there = carried(lines)
    theirs = {objective.requirement for objective in there}
    found = []
    for requirement in load(level).requirements:
        claimed = responsibilities.get(requirement.id, Responsibility.OWN)
        if claimed is not Responsibility.OWN and requirement.id not in theirs:
            word = "a provider's" if claimed is Responsibility.PROVIDER else "shared with a provider"
            sentence = f"It is said to be {word}, and no line of a matrix gives any of it to one."
            found.append(Gap(requirement.id, "", sentence))
        for objective in requirement.objectives:
            one = ObjectiveId(requirement.id, objective.letter)
            if one in inherited and one not in there:
                sentence = "It is judged as inherited, and no line of a matrix gives it to a provider."
                found.append(Gap(requirement.id, objective.letter, sentence))
    return found
