"""The catalog: families, requirements and objectives of a level, and the one place where identifiers are read.

Identifiers, official short titles, values and objective letters are facts carried over into `data/level*.json`
with their sources; summaries and hints, in `data/guidance/` and for Level 3 beside the facts, were written for this
project.

A Level 1 requirement is assessed with the objectives of the NIST requirements that it maps to, FCI read for CUI (32 CFR
170.15(c)(1)(i)). Where these are several their letters run on: PE.L1-b.1.ix has [a] [b] of 3.10.3, [c] of 3.10.4, [d]
[e] [f] of 3.10.5. A Level 3 requirement has one finding, [a]: the tracker lists and counts there, no more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from string import ascii_lowercase
from typing import Any

from cmmc_tracker.errors import Invalid, NotFound

LEVELS = (1, 2, 3)
_EXAMPLE = "write it like AC.L2-3.1.1[a] or 3.1.1[a]"
_NUMBERS = {1: r"[Bb]\.1\.[IiVvXx]{1,5}", 2: r"\d{1,2}\.\d{1,2}\.\d{1,2}", 3: r"\d{1,2}\.\d{1,2}\.\d{1,2}[Ee]"}
_LETTER = r"(?:\s*[\[(]\s*([A-Za-z])\s*[\])]|([A-Za-z]))?"
_BRACED = r"(?:\s*[\[(]\s*([A-Za-z])\s*[\])])?()"  # where a number may end with a letter of its own
_REQUIREMENT = {
    level: re.compile(rf"(?:([A-Za-z]{{2}})\.[Ll]{level}-)?({number})", re.ASCII) for level, number in _NUMBERS.items()
}
_OBJECTIVE = {
    level: re.compile(found.pattern + (_LETTER if level == 2 else _BRACED), re.ASCII)
    for level, found in _REQUIREMENT.items()
}
_NAMED_LEVEL = re.compile(r"\s*[A-Za-z]{2}\.[Ll]([123])-")


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
    """An assessment objective with its summary in plain words.

    `source` is the objective of NIST SP 800-171A that a Level 1 objective is, such as `3.10.4[a]`; else empty.
    """

    requirement_id: str
    letter: str
    summary: str
    source: str = ""

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
    """A requirement. `weight` is its value in points, None for the system security plan and for all of Level 1.

    `nist_id` names the requirements that it maps to, with commas between where they are several.
    """

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

    @property
    def is_gate(self) -> bool:
        """Whether it is the system security plan: no points, but without it no score (170.24(c)(2)(i)(B)(5))."""
        return self.weight is None and ".L2-" in self.id


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
    """The catalog of a level; raises `Invalid` for what is no level."""
    if level not in LEVELS:
        raise Invalid({"level": "The level must be 1, 2 or 3."})
    facts = _data(f"level{level}.json")
    read = {1: _first_level, 2: _second_level, 3: _third_level}[level]
    requirements = tuple(read(fact) for fact in facts["requirements"])
    families = tuple(
        Family(f["code"], f["name"], tuple(r for r in requirements if r.family == f["code"])) for f in facts["families"]
    )
    return Catalog(level, families, requirements)


def _data(name: str) -> Any:
    return json.loads(files("cmmc_tracker.domain").joinpath("data", name).read_text("utf-8"))


@cache
def _guidance(family: str) -> Any:
    return _data(f"guidance/{family.lower()}.json")


def _first_level(fact: Mapping[str, Any]) -> Requirement:
    mapped = [r for r in load(2).requirements if r.nist_id in fact["nist_ids"]]
    objectives = [(f"{r.nist_id}[{o.letter}]", o.summary) for r in mapped for o in r.objectives]
    return Requirement(
        id=fact["id"],
        nist_id=", ".join(fact["nist_ids"]),
        family=fact["family"],
        title=fact["title"],
        type="basic",
        weight=None,
        partial=None,
        poam=Eligibility.NEVER,
        poam_reason="at Level 1 a POA&M is permitted at no time: 32 CFR 170.21(a)(1)",
        objectives=tuple(
            Objective(fact["id"], letter, _of_fci(summary), source)
            for letter, (source, summary) in zip(ascii_lowercase, objectives, strict=False)
        ),
        look_for=_of_fci(" ".join(r.look_for for r in mapped)),
        typical_artifacts=tuple(dict.fromkeys(_of_fci(one) for r in mapped for one in r.typical_artifacts)),
    )


def _of_fci(text: str) -> str:
    """What was written for Level 2, said of the information that Level 1 protects."""
    return text.replace("CUI", "FCI")


def _third_level(fact: Mapping[str, Any]) -> Requirement:
    return Requirement(
        id=fact["id"],
        nist_id=fact["nist_id"],
        family=fact["family"],
        title=fact["title"],
        type="enhanced",
        weight=1,
        partial=None,
        poam=Eligibility(fact["poam"]),
        poam_reason=fact["poam_reason"],
        objectives=(Objective(fact["id"], "a", fact["summary"]),),
        look_for=fact["look_for"],
        typical_artifacts=tuple(fact["artifacts"]),
    )


def _second_level(fact: Mapping[str, Any]) -> Requirement:
    guidance = _guidance(fact["family"])[fact["nist_id"]]
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


def parse_requirement_id(text: str, level: int = 2) -> str:
    """The canonical identifier of what a person typed: `3.1.1`, `AC.L2-3.1.1`, `ac.l2-3.1.1`, `AC.L1-b.1.i`.

    `level` is what a number without a level in front means. Raises `Invalid` naming `requirement` for what cannot be
    read or does not exist.
    """
    level = _named_level(text, level)
    match = _REQUIREMENT[level].fullmatch(text.strip())
    if match is None:
        example = _example(level)
        raise Invalid({"requirement": f"{_quoted(text)} is not a requirement; write it like {example}."})
    return _canonical(text, match, "requirement", level)


def _example(level: int) -> str:
    first = load(level).requirements[0].id
    return f"{first} or {first.split('-')[1]}"


def parse_objective_id(text: str, level: int = 2) -> ObjectiveId:
    """The objective that a person typed: `3.1.1[a]`, `AC.L2-3.1.1[a]`, `3.1.1 (a)`, `3.1.1a`.

    `level` is what a number without a level in front means. The letter may be left out where a requirement has one
    objective only. Raises `Invalid` naming `objective`.
    """
    level = _named_level(text, level)
    match = _OBJECTIVE[level].fullmatch(text.strip())
    if match is None:
        raise Invalid({"objective": f"{_quoted(text)} is not an objective; {_EXAMPLE}."})
    requirement = _canonical(text, match, "objective", level)
    letters = [o.letter for o in load(level).requirement(requirement).objectives]
    letter = (match[3] or match[4] or "").lower()
    if not letter and len(letters) == 1:
        letter = letters[0]
    if not letter:
        raise Invalid({"objective": f"{requirement} has the objectives {_letters(letters)}: say which."})
    if letter not in letters:
        raise Invalid({"objective": f"{requirement} has no objective [{letter}], only {_letters(letters)}."})
    return ObjectiveId(requirement, letter)


def _named_level(text: str, level: int) -> int:
    named = _NAMED_LEVEL.match(text)
    return int(named[1]) if named else level


def level_of(requirement: str) -> int:
    """The level of a canonical identifier."""
    return int(requirement[4])


@cache
def _first_level_by_source() -> Mapping[str, ObjectiveId]:
    return {o.source: ObjectiveId(r.id, o.letter) for r in load(1).requirements for o in r.objectives}


def at_first_level(objective: ObjectiveId) -> ObjectiveId | None:
    """The Level 1 objective that is assessed by this one of Level 2, None where there is none (170.15(c)(1)(i))."""
    return _first_level_by_source().get(f"{objective.requirement.split('-', 1)[1]}[{objective.letter}]")


def known_requirement(text: str, level: int = 2) -> str:
    """The requirement of an address: what nobody knows is not found there, rather than a wrong field."""
    try:
        return parse_requirement_id(text, level)
    except Invalid as error:
        raise NotFound(error.message) from None


def known_objective(requirement: str, letter: str, level: int = 2) -> ObjectiveId:
    """The objective of an address; raises `NotFound`."""
    try:
        return parse_objective_id(f"{requirement}[{letter}]", level)
    except Invalid as error:
        raise NotFound(error.message) from None


@cache
def _numbers(level: int) -> Mapping[str, str]:
    """Requirements by what stands behind the level in their identifiers, in small letters."""
    return {r.id.split("-", 1)[1]: r.id for r in load(level).requirements}


def _canonical(text: str, match: re.Match[str], field: str, level: int) -> str:
    found = _numbers(level).get(match[2].lower())
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
