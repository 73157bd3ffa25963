"""The system security plan as one document: what it says of a system at one instant, and in what two of them differ.

The plan of today, a version that was made, and what is compared are the same shape (3.12.4; NIST SP 800-171A). Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, TypeVar

from cmmc_tracker.domain.clocks import LONGEST_REVIEW_MONTHS
from cmmc_tracker.domain.ssp import Reference, Subject, resolved
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Invalid, NotFound

LONGEST_SECTION = 50_000
LONGEST_TEXT = 20_000  # of one objective
LONGEST_NOTE = 2_000
MOST_LINES = 400  # of one part that are compared line by line: the time grows with their square


class SectionName(StrEnum):
    """The parts of the plan that are about the system as a whole, in the order of the document."""

    DESCRIPTION = "description"
    BOUNDARY = "boundary"
    ENVIRONMENT = "environment"
    ROLES = "roles"
    CONNECTIONS = "connections"

    @property
    def label(self) -> str:
        """The heading."""
        return _SECTIONS[self][0]

    @property
    def hint(self) -> str:
        """What belongs there."""
        return _SECTIONS[self][1]


_SECTIONS = {
    SectionName.DESCRIPTION: (
        "System description",
        "What the system is for, which CUI it holds and for which contracts, who uses it.",
    ),
    SectionName.BOUNDARY: (
        "Boundary",
        "Where the system ends: what lies inside, what lies outside, and what stands between them (3.12.4[b]).",
    ),
    SectionName.ENVIRONMENT: (
        "Environment of operation",
        "Sites, networks, machines and services in which it runs (3.12.4[c]).",
    ),
    SectionName.ROLES: (
        "Roles",
        "Who answers for the system, its security, its evidence and its affirmation.",
    ),
    SectionName.CONNECTIONS: (
        "Connections to other systems",
        "Each system that it exchanges data with, in which direction, how that is protected (3.12.4[f]).",
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One part about the system as a whole."""

    name: str
    text: str

    @property
    def label(self) -> str:
        """The heading."""
        return SectionName(self.name).label


@dataclass(frozen=True, slots=True)
class AssetLine:
    """An asset as the plan lists it; `treatment` is its own, or that of its group."""

    id: int
    name: str
    category: str
    owner: str
    location: str
    treatment: str
    draft: bool


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """An external service provider as the plan lists it."""

    id: int
    name: str
    is_cloud: bool
    services: str
    holds: str
    draft: bool


@dataclass(frozen=True, slots=True)
class ObjectiveLine:
    """An objective: how it was found, its text where there is one, the value that it asks to be defined."""

    letter: str
    status: str
    text: str
    value_name: str
    value: str


@dataclass(frozen=True, slots=True)
class Planned:
    """An open item of one of the two plans."""

    kind: str
    weakness: str
    planned_completion: str


@dataclass(frozen=True, slots=True)
class RequirementText:
    """A requirement: how it is implemented, by whom, how it was found, what is planned."""

    id: str
    title: str
    family: str
    status: str
    implementation: str
    responsibility: str
    narrative: str
    objectives: tuple[ObjectiveLine, ...]
    planned: tuple[Planned, ...]

    @property
    def is_written(self) -> bool:
        """Whether the plan says anything of how it is done."""
        return bool(self.narrative.strip()) or any(one.text for one in self.objectives)

    @property
    def left_out(self) -> list[str]:
        """Of a text that is written by objective, the letters that have none."""
        by_objective = any(one.text for one in self.objectives)
        return [one.letter for one in self.objectives if not one.text] if by_objective else []


@dataclass(frozen=True, slots=True)
class Document:
    """The whole plan. `names` are those of the things that its texts refer to, as `artifact:12`."""

    name: str
    level: int
    on: str
    sections: tuple[Section, ...]
    assets: tuple[AssetLine, ...]
    providers: tuple[ProviderLine, ...]
    requirements: tuple[RequirementText, ...]
    names: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """The document as it is kept and hashed."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Document":
        """The document that `as_json` made."""
        requirements = (
            {**one, "objectives": _many(ObjectiveLine, one["objectives"]), "planned": _many(Planned, one["planned"])}
            for one in given["requirements"]
        )
        return cls(
            name=given["name"],
            level=given["level"],
            on=given["on"],
            sections=_many(Section, given["sections"]),
            assets=_many(AssetLine, given["assets"]),
            providers=_many(ProviderLine, given["providers"]),
            requirements=_many(RequirementText, requirements),
            names=dict(given["names"]),
        )

    def references(self) -> Mapping[Reference, str]:
        """The names of what its texts refer to."""
        found = (key.partition(":") for key in self.names)
        return {Reference(Subject(kind), int(number)): self.names[f"{kind}:{number}"] for kind, _, number in found}


_T = TypeVar("_T")


def _many(kind: type[_T], given: Any) -> tuple[_T, ...]:
    return tuple(kind(**one) for one in given)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison: ` ` is in both, `-` only before, `+` only after, `…` stands for lines left out."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of the plan that is not the same."""

    part: str
    title: str
    lines: tuple[Line, ...]


def differences(before: Document, after: Document) -> list[Difference]:
    """The parts in which two documents differ, in the order of the document.

    What a text refers to is shown by its name of `after` in both: a thing that was only renamed is no change.
    """
    names = {**before.references(), **after.references()}
    old, new = dict(_parts(before, names)), dict(_parts(after, names))
    order = list(dict.fromkeys([*new, *old]))
    found = []
    for part in order:
        first, second = old.get(part, []), new.get(part, [])
        if first != second:
            found.append(Difference(part[0], part[1], tuple(_compared(first, second))))
    return found


def _parts(document: Document, names: Mapping[Reference, str]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    for section in document.sections:
        yield (section.name, section.label), resolved(section.text, names).splitlines()
    yield ("assets", "Assets"), [_asset(one) for one in document.assets]
    yield ("providers", "Providers"), [_provider(one) for one in document.providers]
    for one in document.requirements:
        yield (one.id, one.title), list(_requirement(one, names))


def _asset(one: AssetLine) -> str:
    told = (one.name, one.category.replace("_", " "), one.owner, one.location, one.treatment)
    return " · ".join(" ".join(text.split()) for text in told if text)


def _provider(one: ProviderLine) -> str:
    kind = "cloud service" if one.is_cloud else "service provider"
    return " · ".join(" ".join(text.split()) for text in (one.name, kind, one.services) if text)


_DONE_BY = {"own": "ourselves", "provider": "a provider", "shared": "ourselves and a provider"}


def _requirement(one: RequirementText, names: Mapping[Reference, str]) -> Iterator[str]:
    yield f"Found: {one.status.replace('_', ' ')}"
    yield f"State: {one.implementation.replace('_', ' ')}, done by: {_DONE_BY[one.responsibility]}"
    yield from resolved(one.narrative, names).splitlines()
    for objective in one.objectives:
        if objective.text:
            yield from f"[{objective.letter}] {resolved(objective.text, names)}".splitlines()
        if objective.value:
            yield f"[{objective.letter}] {objective.value_name}: {objective.value}"
    for item in one.planned:
        until = f" until {item.planned_completion}" if item.planned_completion else ""
        yield from f"Planned{until}: {item.weakness}".splitlines()


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    """The lines of both, with one line that is the same around each change."""
    if max(len(before), len(after)) > MOST_LINES:
        yield from (Line("-", one) for one in before)
        yield from (Line("+", one) for one in after)
        return
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(1):
        if group[0][1] > 0 or group[0][3] > 0:
            yield Line("…", "")
        for tag, start, end, first, last in group:
            if tag == "equal":
                yield from (Line(" ", one) for one in before[start:end])
            else:
                yield from (Line("-", one) for one in before[start:end])
                yield from (Line("+", one) for one in after[first:last])


def section_of(name: str) -> SectionName:
    """The section of an address; raises `NotFound`."""
    if name not in set(SectionName):
        raise NotFound("The plan has no such section.")
    return SectionName(name)


def parse_text(value: Any, longest: int, field: str = "text") -> str:
    """Read a text of the plan; raises `Invalid` at the field."""
    text = clean_text(value) if isinstance(value, str) else ""
    if not isinstance(value, str) or len(text) > longest:
        raise Invalid({field: f"This must be text of at most {longest:,} characters; it has {len(text):,}."})
    return text


def parse_months(value: str) -> int:
    """Read the interval of the plan's review; raises `Invalid` at `months` (3.12.4[g]; 32 CFR 170.4)."""
    if not (value.isascii() and value.isdecimal() and len(value) <= 2 and 1 <= int(value) <= LONGEST_REVIEW_MONTHS):
        raise Invalid({"months": "The plan is reviewed every 1 to 12 months: once a year at least (32 CFR 170.4)."})
    return int(value)
