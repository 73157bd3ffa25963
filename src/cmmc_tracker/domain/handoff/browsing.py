"""A frozen package as an assessor walks through it: by requirement, by artifact, by word. Pure.

All of it is read from the frozen record alone; what is there today does not matter, but for artifacts that are kept
from sight today: of those nothing is told but their number.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import Objective, Requirement
from cmmc_tracker.errors import NotFound

_NARRATIVE_AROUND = 160  # characters that are shown of a text around the word that was found


@dataclass(frozen=True, slots=True)
class FrozenFile:
    """A file of the frozen version: in the store, or held elsewhere at `location`."""

    position: int
    filename: str
    media_type: str
    size: int | None
    sha256: str
    path: str  # in the package; empty for what is held elsewhere
    location: str


@dataclass(frozen=True, slots=True)
class FrozenArtifact:
    """An artifact as it was frozen; `why_hidden` says why it is kept from sight today: nothing else is told then."""

    id: int
    version: int
    title: str
    kind: str
    description: str
    status: str
    covers_from: str
    covers_until: str
    collected_on: str
    files: tuple[FrozenFile, ...]
    why_hidden: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An artifact as evidence of one objective: where to look in it, and what it shows there."""

    artifact: FrozenArtifact
    locator: str
    shows: str


@dataclass(frozen=True, slots=True)
class Found:
    """An objective with what was found of it and its evidence."""

    objective: Objective
    status: Status
    note: str
    methods: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement in the list: how it stood, its objectives' statuses by letter, and how many artifacts prove it."""

    requirement: Requirement
    status: Status
    objectives: Mapping[str, Status]
    artifacts: int


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a search found; `words` is the text around."""

    requirement: Requirement | None
    artifact: FrozenArtifact | None
    words: str


@dataclass(frozen=True)
class Frozen:
    """The record of a package. `hidden` are the artifacts that are kept from sight today, each with the reason."""

    record: Mapping[str, Any]
    hidden: Mapping[int, str]

    @cached_property
    def level(self) -> int:
        """The CMMC level of the system."""
        return int(self.record["system"]["level"])

    @cached_property
    def artifacts(self) -> Mapping[int, FrozenArtifact]:
        """The artifacts by number."""
        paths: dict[tuple[int, str], str] = {}
        for file in self.record["files"]:
            paths.setdefault((file["artifact"], file["sha256"]), file["path"])
        return {one["id"]: self._artifact(one, paths) for one in self.record["artifacts"]}

    def _artifact(self, one: Mapping[str, Any], paths: Mapping[tuple[int, str], str]) -> FrozenArtifact:
        why = self.hidden.get(one["id"], "")
        if why:
            known = (one["id"], one["current_version"], f"Artifact {one['id']}")
            return FrozenArtifact(*known, "", "", "", "", "", "", (), why)
        files = (
            *(_stored(file, paths[one["id"], file["sha256"]]) for file in one["files"]),
            *map(_held, one["held"]),
        )
        return FrozenArtifact(
            *(one["id"], one["current_version"], one["title"], Kind(one["kind"]).label, one["description"]),
            *(one["status"], one["covers_from"] or "", one["covers_until"] or "", one["collected_on"] or ""),
            files,
        )

    def artifact(self, artifact_id: int) -> FrozenArtifact:
        """An artifact; raises `NotFound`."""
        if artifact_id not in self.artifacts:
            raise NotFound("The package has no such artifact.")
        return self.artifacts[artifact_id]

    def proves(self, artifact_id: int) -> list[tuple[str, str, str]]:
        """What an artifact was linked to: (objective, locator, shows)."""
        found = next(one for one in self.record["artifacts"] if one["id"] == artifact_id)
        if artifact_id in self.hidden:
            return [(f"{link['requirement']}[{link['letter']}]", "", "") for link in found["links"]]
        return [(f"{one['requirement']}[{one['letter']}]", one["locator"], one["shows"]) for one in found["links"]]

    @cached_property
    def lines(self) -> list[Line]:
        """Every requirement of the level, in order."""
        proven: dict[str, set[int]] = defaultdict(set)
        for artifact in self.record["artifacts"]:
            for link in artifact["links"]:
                proven[link["requirement"]].add(artifact["id"])
        statuses = self.record["score"]["statuses"]
        return [
            Line(
                one,
                Status(statuses.get(one.id, Status.NOT_ASSESSED)),
                {o.letter: Status(self._findings[one.id, o.letter]["status"]) for o in one.objectives},
                len(proven[one.id]),
            )
            for one in catalog.load(self.level).requirements
        ]

    @cached_property
    def _findings(self) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        return {(one["requirement"], one["letter"]): one for one in self.record["findings"]}

    def implementation(self, requirement: str) -> Mapping[str, Any]:
        """How the system implements a requirement: `narrative`, `status`, `responsibility`."""
        found: Mapping[str, Any] = next(
            one for one in self.record["implementations"] if one["requirement"] == requirement
        )
        return found

    def objectives(self, requirement: Requirement) -> list[Found]:
        """The objectives of a requirement with what was found and the evidence."""
        return [self._objective(one) for one in requirement.objectives]

    def _objective(self, objective: Objective) -> Found:
        finding = self._findings[objective.requirement_id, objective.letter]
        here = (objective.requirement_id, objective.letter)
        evidence = tuple(
            Evidence(self.artifacts[one["id"]], *(("", "") if one["id"] in self.hidden else _where(link)))
            for one in self.record["artifacts"]
            for link in one["links"]
            if (link["requirement"], link["letter"]) == here
        )
        methods = tuple(finding["methods"])
        return Found(objective, Status(finding["status"]), finding["note"], methods, evidence)

    def search(self, words: Iterable[str], texts: Mapping[str, str]) -> list[Hit]:
        """Requirements and artifacts that have every one of the words, capitals left out of account.

        `texts` are the words around a hit in a file's own text, by the file's SHA-256.
        """
        wanted = [word.casefold() for word in words]
        if not wanted:
            return []
        return [*self._requirements_with(wanted), *self._artifacts_with(wanted, texts)]

    def _requirements_with(self, wanted: list[str]) -> Iterable[Hit]:
        for line in self.lines:
            one, said = line.requirement, self.implementation(line.requirement.id)["narrative"]
            if _has(wanted, one.id, one.title, said, *(o.summary for o in one.objectives)):
                yield Hit(one, None, _around(said, wanted))

    def _artifacts_with(self, wanted: list[str], texts: Mapping[str, str]) -> Iterable[Hit]:
        for one in self.artifacts.values():
            if one.why_hidden:
                continue
            links = [text for _, *said in self.proves(one.id) for text in said]
            names = [text for file in one.files for text in (file.filename, file.location)]
            inside = next((texts[file.sha256] for file in one.files if file.sha256 in texts), "")
            if inside or _has(wanted, one.title, one.description, *names, *links):
                yield Hit(None, one, inside or _around(one.description, wanted))


def _stored(file: Mapping[str, Any], path: str) -> FrozenFile:
    known = (file["position"], file["filename"], file["media_type"], file["size"], file["sha256"])
    return FrozenFile(*known, path, "")


def _held(file: Mapping[str, Any]) -> FrozenFile:
    known = (file["position"], file["filename"] or "", file["media_type"] or "", file["size"], file["sha256"])
    return FrozenFile(*known, "", file["location"])


def _where(link: Mapping[str, Any]) -> tuple[str, str]:
    return link["locator"], link["shows"]


def _has(wanted: list[str], *texts: str) -> bool:
    whole = "\n".join(texts).casefold()
    return all(word in whole for word in wanted)


def _around(text: str, wanted: list[str]) -> str:
    """The beginning of a text, or what stands around the first of the words in it."""
    at = max(0, text.casefold().find(wanted[0]) - _NARRATIVE_AROUND // 2)
    cut = text[at : at + _NARRATIVE_AROUND]
    return f"{'…' if at else ''}{cut}{'…' if at + _NARRATIVE_AROUND < len(text) else ''}"
