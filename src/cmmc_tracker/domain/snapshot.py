"""All that may be known of one system at one instant: what checks, reports and packages are made from. Pure.

Everything is frozen, and nothing here knows where it came from: the same snapshot gives the same answer for ever.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import Method, Status, requirement_status
from cmmc_tracker.domain.catalog import ObjectiveId, Requirement
from cmmc_tracker.domain.plans import ItemStatus, Plan
from cmmc_tracker.domain.scope import Asset, MatrixLine, Provider
from cmmc_tracker.domain.special import Special


@dataclass(frozen=True, slots=True)
class Evidence:
    """An artifact where it is linked to an objective."""

    artifact_id: int
    title: str
    kind: Kind
    status: ArtifactStatus
    base: date  # the day up to which it speaks
    due_on: date | None  # the last day on which it is fresh, where it has a cadence
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class ObjectiveState:
    """An objective as it was judged."""

    letter: str
    status: Status
    note: str
    methods: tuple[Method, ...]
    judged_on: date | None
    judged_by: str
    confirmed: bool  # a second person confirmed what needs one
    special: Special | None
    evidence: tuple[Evidence, ...]
    examined: str = ""  # what was looked at, who was asked, what was tried (NIST SP 800-171A)
    interviewed: str = ""
    tested: str = ""


@dataclass(frozen=True, slots=True)
class RequirementState:
    """A requirement as it stands: its objectives in catalog order, and how the organization does it."""

    requirement: Requirement
    objectives: tuple[ObjectiveState, ...]
    narrative: str
    implementation_status: str
    responsibility: str
    partial: bool
    narrative_on: date | None  # when it was last written
    owner: str
    status: Status = field(init=False)  # from those of its objectives (32 CFR 170.24(b)); each check asks for it

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", requirement_status(one.status for one in self.objectives))


@dataclass(frozen=True, slots=True)
class Item:
    """An item of one of the plans."""

    id: int
    plan: Plan
    status: ItemStatus


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the scope, and when they were last trained (3.2.1, 3.2.2)."""

    name: str
    trained_on: date | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One system at one instant."""

    slug: str
    name: str
    level: int
    on: date
    in_use_since: date | None
    requirements: tuple[RequirementState, ...]
    items: tuple[Item, ...] = ()
    assets: tuple[Asset, ...] = ()
    providers: tuple[Provider, ...] = ()
    matrix: tuple[MatrixLine, ...] = ()
    people: tuple[Person, ...] = ()
    plan_reviewed_on: date | None = None
    plan_review_months: int = 12
    affirming_official: str = ""
    defined: frozenset[ObjectiveId] = frozenset()  # of which the value that they ask for is defined
    _planned: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        planned = frozenset(one.plan.requirement for one in self.items if one.status is not ItemStatus.CLOSED)
        object.__setattr__(self, "_planned", planned)

    @property
    def planned(self) -> frozenset[str]:
        """The requirements with an item that is not closed, on either plan."""
        return self._planned

    def objectives(self) -> Iterator[tuple[RequirementState, ObjectiveState]]:
        """Every objective with its requirement, in catalog order."""
        return ((state, one) for state in self.requirements for one in state.objectives)
