"""What people type into the search: words, operators, an objective, a hash; and where to mark what was found. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.artifacts import ArtifactStatus, Kind, parse_day
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.text import clean_line, normal
from cmmc_tracker.errors import Invalid, TrackerError

LONGEST = 500
SHORTEST_HASH = 8
OPERATORS = ("kind", "owner", "state", "objective", "stale", "before", "after")
_TOKEN = re.compile(r'([a-z]+):("[^"]*"|\S*)|("[^"]*"|\S+)', re.IGNORECASE)
_HASH = re.compile(rf"[0-9a-f]{{{SHORTEST_HASH},64}}")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Query:
    """A search, parsed. `words` is what is left for the index; `hash` is lower-case hex, 8 digits at least."""

    words: str = ""
    kind: Kind | None = None
    owner: str = ""
    state: ArtifactStatus | None = None
    objective: ObjectiveId | None = None
    requirement: str = ""
    stale_on: date | None = None
    before: date | None = None
    after: date | None = None
    hash: str = ""
    plain: list[str] = field(default_factory=list)  # the words one by one, for marking

    @property
    def is_empty(self) -> bool:
        """Whether nothing narrows."""
        return self == Query(plain=self.plain)


def parse(text: str, today: date) -> Query:
    """Read a search. Raises `Invalid` at `q` for an operator whose value cannot be read.

    A SHA-256 may be pasted with spaces and capitals. A word before a colon that is no operator is a word.
    """
    line = clean_line(text)[:LONGEST]
    squeezed = line.replace(" ", "").lower()
    if len(squeezed) == 64 and _HASH.fullmatch(squeezed):
        return Query(hash=squeezed)
    query, words = Query(), []
    for name, value, word in _TOKEN.findall(line):
        if name.lower() in OPERATORS:
            query = _with(query, name.lower(), value.strip('"'), today)
        else:
            words.append(word.strip('"') or f"{name} {value}")
    return _bare(query, words)


def _bare(query: Query, words: list[str]) -> Query:
    """A lone hash or number of a requirement or an objective is meant as that."""
    if len(words) == 1:
        if _HASH.fullmatch(words[0].lower()):
            query = replace(query, hash=words[0].lower())
        found = numbered(words[0])
        if isinstance(found, ObjectiveId):
            return replace(query, objective=found)
        if found:
            return replace(query, requirement=found)
    text = " ".join(words)
    return replace(query, words=text, plain=_WORD.findall(text.replace("_", " "))[:12])


def numbered(text: str) -> ObjectiveId | str:
    """The objective, or the requirement's identifier, that a text is the number of; empty when it is neither."""
    if not any(sign.isdigit() for sign in text) or "." not in text:
        return ""
    for read in (catalog.parse_objective_id, catalog.known_requirement):
        try:
            return read(text)
        except TrackerError:
            continue
    return ""


def _with(query: Query, name: str, value: str, today: date) -> Query:
    try:
        return replace(query, **_READERS[name](value, today))
    except (ValueError, TrackerError) as error:
        said = getattr(error, "message", "") or str(error)
        raise Invalid({"q": f"{name}: {said}"}) from None


def _kind(value: str, _today: date) -> dict[str, Any]:
    wanted = value.lower().replace(" ", "_").replace("-", "_")
    if wanted not in set(Kind):
        raise ValueError(f"There is no kind {value[:40]!r}; choose one of {', '.join(Kind)}.")
    return {"kind": Kind(wanted)}


def _state(value: str, _today: date) -> dict[str, Any]:
    wanted = value.lower().replace(" ", "_").replace("-", "_")
    if wanted not in set(ArtifactStatus):
        raise ValueError(f"There is no state {value[:40]!r}; choose one of {', '.join(ArtifactStatus)}.")
    return {"state": ArtifactStatus(wanted)}


def _objective(value: str, _today: date) -> dict[str, Any]:
    found = numbered(value)
    if isinstance(found, ObjectiveId):
        return {"objective": found}
    if found:
        return {"requirement": found}
    raise ValueError(f"{value[:40]!r} is no objective; write it as 3.1.1[a].")


def _stale(value: str, today: date) -> dict[str, Any]:
    return {"stale_on": today if value.lower() in {"", "yes", "today"} else parse_day(value)}


def _day(name: str) -> Any:
    return lambda value, _today: {name: parse_day(value) or _no_day()}


def _no_day() -> date:
    raise ValueError("A day is needed, such as 2026-11-24.")


_READERS = {
    "kind": _kind,
    "owner": lambda value, _today: {"owner": value[:80]},
    "state": _state,
    "objective": _objective,
    "stale": _stale,
    "before": _day("before"),
    "after": _day("after"),
}


def marked(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """The text in stretches, each with whether it is the beginning of a word that was searched for."""
    wanted = [re.escape(normal(word)) for word in words if word]
    if not wanted:
        return [(text, False)]
    pattern = re.compile(rf"(?<![^\W_])({'|'.join(sorted(wanted, key=len, reverse=True))})", re.IGNORECASE)
    found, last = [], 0
    for match in pattern.finditer(text):
        found += [(text[last : match.start()], False), (match[0], True)]
        last = match.end()
    return [one for one in [*found, (text[last:], False)] if one[0]]
