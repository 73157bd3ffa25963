"""The catalog: families, requirements and objectives of a level, and the one place where identifiers are read.

Identifiers, official short titles, values and objective letters are facts carried over into `data/level2.json`
with their sources; summaries and hints in `data/guidance/` were written for this project.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from cmmc_tracker.errors import Invalid, NotFound

_EXAMPLE = "write it like AC.L2-3.1.1[a] or 3.1.1[a]"
_REQUIREMENT = re.compile(r"(?:([A-Za-z]{2})\.[Ll]2-)?(\d{1,2}\.\d{1,2}\.\d{1,2})")
_OBJECTIVE = re.compile(_REQUIREMENT.pattern + r"(?:\s*[\[(]\s*([A-Za-z])\s*[\])]|([A-Za-z]))?")


class Eligibility(StrEnum):
    """Whether a requirement may stand on a POA&M (32 CFR 170.21(a)(2))."""

    NEVER = "never"
    ALLOWED = "allowed"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, order=True)
class ObjectiveId:
    """An assessment objective's identifier, such as `AC.L2-3.1.1[a]`."""

    requirement: str
    letter: str

    def __str__(self) -> str:
        return f"{self.requirement}[{self.letter}]"


@dataclass(frozen=True, slots=True)
class Objective:
    """An assessment objective with its summary in plain words."""

    requirement_id: str
    letter: str
    summary: str

    @property
    def id(self) -> str:
        """Such as `AC.L2-3.1.1[a]`."""
        return f"{self.requirement_id}[{self.letter}]"


@dataclass(frozen=True, slots=True)
class Partial:
    """The lesser value of a requirement that is NOT MET but partly done (32 CFR 170.24(c)(2)(i)(B)(4))."""

    points: int
    when: str
    clause: str
    poam: Eligibility


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement. `weight` is its value in points, None for the system security plan."""

    id: str
    nist_id: str
    family: str
    title: str
    type: str
    weight: int | None
    partial: Partial | None
    poam: Eligibility
    poam_reason: str
    objectives: tuple[Objective, ...]
    look_for: str
    typical_artifacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of requirements."""

    code: str
    name: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True)
class Catalog:
    """All requirements of a level, in catalog order."""

    level: int
    families: tuple[Family, ...]
    requirements: tuple[Requirement, ...]

    @cached_property
    def _by_id(self) -> Mapping[str, Requirement]:
        return {r.id: r for r in self.requirements}

    @cached_property
    def _objectives(self) -> Mapping[str, Objective]:
        return {o.id: o for r in self.requirements for o in r.objectives}

    def requirement(self, identifier: str) -> Requirement:
        """The requirement of a canonical identifier; raises `NotFound`."""
        found = self._by_id.get(identifier)
        if found is None:
            raise NotFound(f"There is no requirement {_quoted(identifier)} at level {self.level}.")
        return found

    def objective(self, identifier: str) -> Objective:
        """The objective of a canonical identifier; raises `NotFound`."""
        found = self._objectives.get(identifier)
        if found is None:
            raise NotFound(f"There is no objective {_quoted(identifier)} at level {self.level}.")
        return found


@cache
def load(level: int = 2) -> Catalog:
    """The catalog of a level; raises `Invalid` for a level that is not kept."""
    if level != 2:
        raise Invalid({"level": "The level must be 2: systems of levels 1 and 3 are not kept in this version."})
    facts = _data("level2.json")
    requirements = tuple(_requirement(r, _guidance(r["family"])[r["nist_id"]]) for r in facts["requirements"])
    families = tuple(
        Family(f["code"], f["name"], tuple(r for r in requirements if r.family == f["code"])) for f in facts["families"]
    )
    return Catalog(level, families, requirements)


def _data(name: str) -> Any:
    return json.loads(files("cmmc_tracker.domain").joinpath("data", name).read_text("utf-8"))


@cache
def _guidance(family: str) -> Any:
    return _data(f"guidance/{family.lower()}.json")


def _requirement(fact: Mapping[str, Any], guidance: Mapping[str, Any]) -> Requirement:
    partial = fact["partial"]
    return Requirement(
        id=fact["id"],
        nist_id=fact["nist_id"],
        family=fact["family"],
        title=fact["title"],
        type=fact["type"],
        weight=fact["weight"],
        partial=partial
        and Partial(partial["points"], partial["when"], partial["clause"], Eligibility(partial["poam_when_partial"])),
        poam=Eligibility(fact["poam"]),
        poam_reason=fact["poam_reason"],
        objectives=tuple(Objective(fact["id"], one, guidance["objectives"][one]) for one in fact["objectives"]),
        look_for=guidance["look_for"],
        typical_artifacts=tuple(guidance["artifacts"]),
    )


def parse_requirement_id(text: str) -> str:
    """The canonical identifier of what a person typed: `3.1.1`, `AC.L2-3.1.1`, `ac.l2-3.1.1`.

    Raises `Invalid` naming `requirement` for what cannot be read or does not exist.
    """
    match = _REQUIREMENT.fullmatch(text.strip())
    if match is None:
        raise Invalid({"requirement": f"{_quoted(text)} is not a requirement; write it like AC.L2-3.1.1 or 3.1.1."})
    return _canonical(text, match, "requirement")


def parse_objective_id(text: str) -> ObjectiveId:
    """The objective that a person typed: `3.1.1[a]`, `AC.L2-3.1.1[a]`, `3.1.1 (a)`, `3.1.1a`.

    The letter may be left out where a requirement has one objective only. Raises `Invalid` naming `objective`.
    """
    match = _OBJECTIVE.fullmatch(text.strip())
    if match is None:
        raise Invalid({"objective": f"{_quoted(text)} is not an objective; {_EXAMPLE}."})
    requirement = _canonical(text, match, "objective")
    letters = [o.letter for o in load(2).requirement(requirement).objectives]
    letter = (match[3] or match[4] or "").lower()
    if not letter and len(letters) == 1:
        letter = letters[0]
    if not letter:
        raise Invalid({"objective": f"{requirement} has the objectives {_letters(letters)}: say which."})
    if letter not in letters:
        raise Invalid({"objective": f"{requirement} has no objective [{letter}], only {_letters(letters)}."})
    return ObjectiveId(requirement, letter)


def known_requirement(text: str) -> str:
    """The requirement of an address: what nobody knows is not found there, rather than a wrong field."""
    try:
        return parse_requirement_id(text)
    except Invalid as error:
        raise NotFound(error.message) from None


def known_objective(requirement: str, letter: str) -> ObjectiveId:
    """The objective of an address; raises `NotFound`."""
    try:
        return parse_objective_id(f"{requirement}[{letter}]")
    except Invalid as error:
        raise NotFound(error.message) from None


@cache
def _numbers() -> Mapping[str, str]:
    return {r["nist_id"]: r["id"] for r in _data("level2.json")["requirements"]}


def _canonical(text: str, match: re.Match[str], field: str) -> str:
    found = _numbers().get(match[2])
    if found is None:
        raise Invalid({field: f"There is no requirement {match[2]}; {_EXAMPLE}."})
    if match[1] and match[1].upper() != found[:2]:
        raise Invalid({field: f"{_quoted(text)} names the wrong family: {match[2]} is {found}."})
    return found


def _letters(letters: list[str]) -> str:
    return f"[{letters[0]}]" if len(letters) == 1 else f"[{letters[0]}] to [{letters[-1]}]"


def _quoted(text: str) -> str:
    shown = "".join(c for c in text if c.isprintable())
    return f"“{shown[:60]}{'…' if len(shown) > 60 else ''}”"
