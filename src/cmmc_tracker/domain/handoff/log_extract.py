"""Which entries of the audit log concern one system, and what of them goes into a package. Pure.

The extract is for somebody outside, so it has no network addresses; what people said to each other stays here, so does
what an artifact was called that must not be seen, and what one assessor searched for is nothing for the next. Such
entries stand in it all the same, without their detail: their numbers and hashes are there, and whoever has the log can
be asked for the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.domain.audit import Entry, Event

BY_SLUG = frozenset({"asset_group", "objective", "plan", "requirement", "system"})  # `kind:slug` or `kind:slug/rest`
_BETWEEN_PEOPLE = frozenset({"evidence_request", "remark", "upload_link"})
_OF_ASSESSORS = frozenset({Event.PACKAGE_ANSWERED, Event.PACKAGE_ASKED})
SAID = "(left out: what people said to each other is not part of the record)"
SOUGHT = "(left out: what an assessor searched for)"
HIDDEN = "(left out: the artifact is in quarantine or was taken out)"


@dataclass(frozen=True, slots=True)
class Concern:
    """What belongs to a system: its name in addresses, its things by kind and number, the contents of its artifacts.

    `hidden` are the artifacts that nobody may see now, whatever they were called.
    """

    slug: str
    numbered: Mapping[str, frozenset[int]]
    contents: frozenset[str] = frozenset()
    hidden: frozenset[int] = frozenset()

    def concerns(self, entity: str, detail: Mapping[str, Any]) -> bool:
        """Whether an entry is of this system. One that names a system is of that system only."""
        if isinstance(detail.get("system"), str):
            return bool(detail["system"] == self.slug)
        kind, _, thing = entity.partition(":")
        if kind in BY_SLUG:
            return thing.partition("/")[0] == self.slug
        if kind == "blob":
            return thing in self.contents
        return _number(thing) in self.numbered.get(kind, ())

    def told(self, entry: Entry, detail: Mapping[str, Any]) -> str:
        """The detail as the extract has it: to the letter, or why it is left out."""
        kind, _, thing = entry.entity.partition(":")
        about = {_number(thing) if kind == "artifact" else None, detail.get("artifact")}
        # What a spill itself says names nothing that was in the artifact.
        if not about.isdisjoint(self.hidden) and entry.action != Event.ARTIFACT_SPILLED:
            return HIDDEN
        if entry.action.partition(":")[0] in _BETWEEN_PEOPLE or entry.action in _OF_ASSESSORS:
            return SAID
        if entry.action == Event.PACKAGE_LOOKED_AT and "search" in detail:
            return SOUGHT
        return entry.detail


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
