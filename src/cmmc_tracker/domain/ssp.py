"""The system security plan's text: what a narrative refers to, and where the plan contradicts the rest. Pure.

A narrative is Markdown. `[[artifact:12]]`, `[[asset:3]]` and `[[provider:2]]` refer to things by number, so that a
reference stays true when the thing is renamed; it is shown by its name of the day.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind
from cmmc_tracker.domain.assessment import ImplementationStatus, Status
from cmmc_tracker.domain.narrative_drafts import blanks
from cmmc_tracker.domain.snapshot import RequirementState, Snapshot
from cmmc_tracker.domain.text import normal

REFERENCE = re.compile(r"\[\[(artifact|asset|provider):([0-9]{1,18})\]\]", re.ASCII)
# A policy that is named in the text: capitalized words before the word itself.
_POLICY = re.compile(r"\b((?:[A-Z][\w&-]{1,30} (?:(?:and|of|for|to) )?){1,5})(Policy|Procedure|Standard)\b", re.ASCII)
_NO_NAMES = frozenset({"the", "this", "our", "each", "a", "any", "its", "that", "see", "in", "under"})
MOST_NAMES = 50


class Subject(StrEnum):
    """What a narrative may refer to."""

    ARTIFACT = "artifact"
    ASSET = "asset"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One thing that a narrative refers to."""

    subject: Subject
    number: int


@dataclass(frozen=True, slots=True)
class CitedArtifact:
    """An artifact as far as the plan's text depends on it."""

    title: str
    kind: Kind
    status: ArtifactStatus
    received_on: date


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Where the plan says one thing and the records another.

    `requirement` is empty for the system as a whole, of which `section` names the part of the plan, if it is a text's.
    """

    sentence: str
    requirement: str = ""
    subject: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class PlanText:
    """A text of the plan that may cite things: of a requirement, or a section about the system; `on`: last written."""

    text: str
    on: date | None
    requirement: str = ""
    section: str = ""


def references(narrative: str) -> list[Reference]:
    """What a narrative refers to, each once, in the order of its first mention."""
    found = (Reference(Subject(m[1]), int(m[2])) for m in REFERENCE.finditer(narrative))
    return list(dict.fromkeys(found))


def resolved(narrative: str, names: Mapping[Reference, str]) -> str:
    """The narrative with each reference replaced by the thing's name; one that leads nowhere says so."""

    def name(match: re.Match[str]) -> str:
        one = Reference(Subject(match[1]), int(match[2]))
        return names.get(one) or gone(one)

    return REFERENCE.sub(name, narrative)


def gone(one: Reference) -> str:
    """What stands for a reference that leads nowhere."""
    return f"({one.subject} {one.number}, which is not here any more)"


def named_policies(narrative: str) -> list[str]:
    """The policies, procedures and standards that a narrative names by title, each once."""
    found: dict[str, None] = {}
    for match in _POLICY.finditer(narrative):
        words = match[1].split()
        while words and words[0].lower() in _NO_NAMES:
            words.pop(0)
        if words:
            found[f"{' '.join(words)} {match[2]}"] = None
        if len(found) == MOST_NAMES:
            break
    return list(found)


def contradictions(
    snapshot: Snapshot, cited: Mapping[int, CitedArtifact], sections: Iterable[PlanText] = ()
) -> list[Contradiction]:
    """Where the plan contradicts findings, evidence or scope; `cited` are the system's artifacts by number.

    `sections` are the texts about the system as a whole: its description, boundary, environment, roles, connections.
    """
    titles = {_key(one.title) for one in cited.values() if one.kind in _DOCUMENTS}
    present = {
        Subject.ASSET: {one.id for one in snapshot.assets},
        Subject.PROVIDER: {one.id for one in snapshot.providers},
    }
    found: list[Contradiction] = []
    for state in snapshot.requirements:
        found += _of_status(state)
        if state.narrative:
            said = PlanText(state.narrative, state.narrative_on, state.requirement.id)
            found += _of_references(said, cited, present)
            found += _of_names(said, titles)
    for said in sections:
        found += _of_references(said, cited, present)
        found += _of_names(said, titles)
    found += _of_categories(snapshot)
    return found


_DOCUMENTS = {Kind.POLICY, Kind.PROCEDURE, Kind.PLAN}
_I = ImplementationStatus


def _of_status(state: RequirementState) -> Iterator[Contradiction]:
    said, status = state.implementation_status, state.status
    if said == _I.IMPLEMENTED and status is Status.NOT_MET:
        letters = " ".join(f"[{one.letter}]" for one in state.objectives if one.status is Status.NOT_MET)
        yield _about(state, f"The plan says that it is implemented; {letters} was found NOT MET.")
    if said in {_I.PLANNED, _I.PARTIAL} and status is Status.MET:
        yield _about(state, f"The plan says that it is {said}; every objective was found MET.")
    if said == _I.NOT_APPLICABLE and status is not Status.NOT_APPLICABLE:
        yield _about(state, f"The plan says that it does not apply; it was found {status.label}.")
    if status is Status.NOT_APPLICABLE and said != _I.NOT_APPLICABLE:
        yield _about(state, f"It was found not applicable; the plan says that it is {said.replace('_', ' ')}.")
    if said == _I.INHERITED and state.responsibility == "own":
        yield _about(state, "The plan says that it is inherited, and that it is our own duty alone.")


def _of_references(
    said: PlanText, cited: Mapping[int, CitedArtifact], present: Mapping[Subject, set[int]]
) -> Iterator[Contradiction]:
    for one in references(said.text):
        if one.subject is not Subject.ARTIFACT:
            if one.number not in present[one.subject]:
                yield _told(said, f"The text refers to {one.subject} {one.number}, which is not here any more.")
            continue
        artifact = cited.get(one.number)
        subject = f"artifact:{one.number}"
        if artifact is None:
            yield _told(said, f"The text cites artifact {one.number}, which is not here any more.")
        elif artifact.status is ArtifactStatus.SUPERSEDED:
            yield _told(said, f"The text cites {artifact.title}, which is retired.", subject)
        elif said.on and artifact.received_on > said.on:
            yield _told(said, f"The text is older than the {artifact.title} that it cites.", subject)


def _of_names(said: PlanText, titles: set[str]) -> Iterator[Contradiction]:
    if "⟨" in said.text and (left := blanks(said.text)):
        yield _told(said, f"The text is a draft still: {left[0]} stands in it.")
    for name in named_policies(said.text):
        if not any(_key(name) in title or title in _key(name) for title in titles):
            yield _told(said, f"The text names the “{name}”; no such document is among the artifacts.")


def _told(said: PlanText, sentence: str, subject: str = "") -> Contradiction:
    return Contradiction(sentence, said.requirement, subject, said.section)


def _of_categories(snapshot: Snapshot) -> Iterator[Contradiction]:
    """A category of which no asset at all is treated in the plan."""
    treated = {one.category for one in snapshot.assets if one.in_plan}
    present = dict.fromkeys(one.category for one in snapshot.assets if one.category and one.category.in_scope)
    for category in present:
        if category not in treated:
            yield Contradiction(f"There are assets of the kind {category.label}, and the plan treats none of them.")


def _about(state: RequirementState, sentence: str) -> Contradiction:
    return Contradiction(sentence, state.requirement.id)


def _key(title: str) -> str:
    return " ".join(normal(title, "NFKC").casefold().replace("_", " ").split())


def uncovered(narratives: Mapping[str, str], letters: Sequence[str]) -> list[str]:
    """The objectives that a text written by objective leaves out: the letters without a word of their own."""
    return [letter for letter in letters if not narratives.get(letter, "").strip()]
