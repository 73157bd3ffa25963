"""How two frozen records differ: judgements, texts, plans, scope, providers, artifacts, score. Pure.

Both are what `services.handoff.record` writes, of one system or of two; the first is the older one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cmmc_tracker.errors import Invalid

Record = Mapping[str, Any]
_BOOKKEEPING = {"id", "version", "system_id", "snapshot"}


class Kind(StrEnum):
    """What became of a thing between two records."""

    ADDED = "added"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Field:
    """A fact that is another now; what is long is long."""

    name: str
    then: str
    now: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is there, is gone, or is otherwise."""

    kind: Kind
    what: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The changes of one part of the record."""

    name: str
    label: str
    changes: tuple[Change, ...]

    def count(self, kind: Kind) -> int:
        """How many are of that kind."""
        return sum(one.kind is kind for one in self.changes)


@dataclass(frozen=True, slots=True)
class _Part:
    """How the rows of a part are told apart, called and compared; no fields: all but bookkeeping."""

    name: str
    label: str
    source: str
    key: tuple[str, ...]
    title: tuple[str, ...]
    fields: tuple[str, ...] = ()


_OBJECTIVE = ("requirement", "letter")
_PARTS = (
    _Part(
        *("judgements", "Judgements", "findings", _OBJECTIVE, _OBJECTIVE),
        ("status", "methods", "note", "examined", "interviewed", "tested", "confirmed_by"),
    ),
    _Part(
        *("bases", "Exceptions, deficiencies and other bases", "specials", _OBJECTIVE, _OBJECTIVE),
        ("basis", "description", "mitigation", "reference", "reviewed_on"),
    ),
    _Part(
        *("narratives", "How requirements are implemented", "implementations", ("requirement",), ("requirement",)),
        ("status", "responsibility", "partial", "narrative"),
    ),
    _Part("texts", "What is written by objective", "objective_texts", _OBJECTIVE, _OBJECTIVE, ("text",)),
    _Part("values", "Defined values", "defined_values", _OBJECTIVE, _OBJECTIVE, ("value",)),
    _Part(
        *("items", "POA&M and operational plans", "items", ("id",), ("requirement", "weakness")),
        ("kind", "status", "weakness", "owner", "planned_completion", "resources", "milestones", "closing_note"),
    ),
    _Part("sections", "Sections of the plan", "sections", ("section",), ("section",)),
    _Part("assets", "Assets", "assets", ("id",), ("name",)),
    _Part("groups", "Groups of assets", "groups", ("name",), ("name",)),
    _Part("scope", "Boundary, sites and connections", "entries", ("id",), ("name",)),
    _Part("flows", "Flows of CUI", "flows", ("id",), ("what", "source", "destination")),
    _Part("providers", "Providers", "providers", ("id",), ("name",)),
    _Part(
        *("matrix", "Responsibilities of providers", "matrix", ("provider", *_OBJECTIVE), ("provider", *_OBJECTIVE)),
        ("duty", "text", "artifact_id"),
    ),
    _Part("people", "Who answers for what", "assignments", ("duty", "requirement"), ("duty", "requirement")),
    _Part("statuses", "Recorded statuses", "statuses", ("id",), ("kind", "stage", "status_on")),
    _Part("changes", "Changes of the environment", "changes", ("id",), ("happened_on", "text")),
)
_ARTIFACT = ("title", "kind", "status", "covers_from", "covers_until", "collected_on")
LABELS: Mapping[str, str] = {
    "score": "Score",
    "artifacts": "Artifacts",
    **{one.name: one.label for one in _PARTS},
}


def compare(then: Record, now: Record) -> list[Section]:
    """The parts in which the records differ, in the order in which a reader asks for them.

    Raises `Invalid` for what is no record of a system.
    """
    try:
        then, now = _opened(then), _opened(now)
        sections = [
            Section("score", LABELS["score"], tuple(_score(then["score"], now["score"]))),
            Section("artifacts", LABELS["artifacts"], tuple(_artifacts(then["artifacts"], now["artifacts"]))),
            *(Section(one.name, one.label, tuple(_rows(one, then, now))) for one in _PARTS),
        ]
    except (KeyError, TypeError, AttributeError):
        raise Invalid({"record": "This is no record of a system as a package has it."}) from None
    return [one for one in sections if one.changes]


def _opened(record: Record) -> Record:
    """The record with the lines of all matrices as rows of their own."""
    lines = [{**line, "provider": one["name"]} for one in record["providers"] for line in one["matrix"]]
    bare = [{name: value for name, value in one.items() if name != "matrix"} for one in record["providers"]]
    return {**record, "providers": bare, "matrix": lines}


def counts(sections: Sequence[Section]) -> dict[str, dict[str, int]]:
    """How many changes of each kind there are, by part."""
    return {one.name: {kind.value: one.count(kind) for kind in Kind} for one in sections}


def sentence(told: Mapping[str, Mapping[str, int]]) -> str:
    """Those numbers in words, such as "Artifacts: 2 added, 1 gone"; nothing changed is said, too."""
    parts = [
        f"{LABELS[name]}: " + ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
        for name, kinds in told.items()
        if name in LABELS and any(kinds.values())
    ]
    return "; ".join(parts) or "Nothing changed"


def _score(then: Record, now: Record) -> Iterator[Change]:
    fields = _differing(then, now, ("score", "supports", "unassessed_objectives"))
    if fields:
        yield Change(Kind.CHANGED, "Score", fields)


def _artifacts(then: Sequence[Record], now: Sequence[Record]) -> Iterator[Change]:
    before, after = ({one["id"]: one for one in rows} for rows in (then, now))
    for number in sorted(before.keys() | after.keys()):
        old, new = before.get(number), after.get(number)
        title = f"Artifact {number}: {(new or old or {})['title']}"
        if old is None:
            yield Change(Kind.ADDED, title)
        elif new is None:
            yield Change(Kind.GONE, title)
        elif fields := _differing(_told_artifact(old), _told_artifact(new), ("version", *_ARTIFACT, "evidence_for")):
            yield Change(Kind.CHANGED, title, fields)


def _told_artifact(one: Record) -> dict[str, Any]:
    links = [f"{link['requirement']}[{link['letter']}]" for link in one["links"]]
    return {"version": one["current_version"], "evidence_for": links, **{name: one[name] for name in _ARTIFACT}}


def _rows(part: _Part, then: Record, now: Record) -> Iterator[Change]:
    before, after = ({_key(part, row): row for row in record[part.source]} for record in (then, now))
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        title = _title(part, new or old or {})
        if old is None:
            yield Change(Kind.ADDED, title)
        elif new is None:
            yield Change(Kind.GONE, title)
        elif fields := _differing(old, new, part.fields or _facts(new)):
            yield Change(Kind.CHANGED, title, fields)


def _key(part: _Part, row: Record) -> tuple[str, ...]:
    """Numbers are filled up, so that they keep their order as text."""
    return tuple(f"{row[name]:>12}" for name in part.key)


def _title(part: _Part, row: Record) -> str:
    if part.title == _OBJECTIVE:
        return f"{row['requirement']}[{row['letter']}]"
    words = [str(row.get(name) or "").replace("_", " ") for name in part.title]
    return ": ".join(one for one in words if one)


def _facts(row: Record) -> tuple[str, ...]:
    return tuple(name for name in row if name not in _BOOKKEEPING and not name.endswith(("_at", "_by")))


def _differing(then: Record, now: Record, names: Sequence[str]) -> tuple[Field, ...]:
    told = (Field(name.replace("_", " "), _said(then.get(name)), _said(now.get(name))) for name in names)
    return tuple(one for one in told if one.then != one.now)


def _said(value: Any) -> str:
    """A value as text; equal texts are equal values."""
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_said(one) for one in value)
    if isinstance(value, Mapping):
        kept = ((name, _said(one)) for name, one in value.items() if name not in _BOOKKEEPING)
        return ", ".join(f"{name.replace('_', ' ')}: {one}" for name, one in kept if one)
    return str(value)
