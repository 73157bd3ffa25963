"""What a package is frozen for, for how long it is kept, and the picture that its hash is of. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import chain, count
from typing import Any

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.clocks import retained_until, years_after
from cmmc_tracker.domain.handoff import hashlog, naming
from cmmc_tracker.domain.handoff.naming import Wanted
from cmmc_tracker.domain.markings import scan
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Conflict, Invalid

FIRST_DAY = date(2025, 11, 10)  # of phase 1, 32 CFR 170.3(e)(1): nothing can have been frozen for it before
LONGEST_NAME = 200
LONGEST_REASON = 2_000
LONGEST_YEARS = 100


class Purpose(StrEnum):
    """What a package is made for; `final` is the one of record, whose log's hash goes into the CMMC eMASS."""

    READINESS = "readiness"
    START = "start"
    FINAL = "final"
    CLOSEOUT = "closeout"
    AFFIRMATION = "affirmation"

    @property
    def label(self) -> str:
        """The purpose as people read it."""
        return _LABELS[self]


_LABELS = {
    Purpose.READINESS: "to look at before an assessment",
    Purpose.START: "start of the assessment",
    Purpose.FINAL: "final: of record",
    Purpose.CLOSEOUT: "POA&M closeout",
    Purpose.AFFIRMATION: "yearly affirmation",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A package that is to be frozen; `reason` says why, although something is not ready."""

    name: str
    purpose: Purpose
    reason: str
    releasable: bool

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Asked":
        """Read JSON or a form; raises `Invalid` naming each wrong field."""
        wrong: dict[str, str] = {}
        name, reason = given.get("name"), given.get("reason") or ""
        purpose, releasable = given.get("purpose") or Purpose.READINESS, given.get("releasable", False)
        if not isinstance(name, str) or not 0 < len(clean_line(name)) <= LONGEST_NAME:
            wrong["name"] = f"Give the package a name of at most {LONGEST_NAME} characters."
        if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
            wrong["reason"] = f"This must be text of at most {LONGEST_REASON:,} characters."
        if purpose not in set(Purpose):
            wrong["purpose"] = f"This must be one of {', '.join(Purpose)}."
        if not isinstance(releasable, bool):
            wrong["releasable"] = "This must be true or false."
        if wrong:
            raise Invalid(wrong)
        return cls(clean_line(str(name)), Purpose(purpose), clean_text(reason), releasable)


def canonical(snapshot: Mapping[str, Any]) -> str:
    """The snapshot's text: JSON with sorted keys and no blanks, so that the same records give the same bytes."""
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def confirmed(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The snapshot without the assets and providers that are suggested only.

    A suggestion counts for nothing until somebody confirms it, so no score rests on one; nor may a document that is
    handed out say that something is in the scope which nobody said is.
    """
    plan = snapshot["plan"]
    return {**snapshot, **_undrafted(snapshot), "plan": {**plan, **_undrafted(plan)}}


def _undrafted(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [one for one in part[name] if not one["draft"]] for name in ("assets", "providers")}


def digest(text: str) -> str:
    """SHA-256 of a snapshot's text, 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def retained(status_on: date | None, today: date, later: date | None) -> date:
    """Until when what a package pins is kept: six years from the status date, or from today where there is none yet.

    Nor is there one where its six years are over: the package is of another assessment then.
    32 CFR 170.15(c)(2), 170.16(c)(4), 170.17(c)(4), 170.18(c)(4). `later` is a date that an administrator set.
    """
    until = retained_until(status_on or today)
    return max(filter(None, (until if until >= today else retained_until(today), later)))


def parse_later(given: Any, until: date, today: date) -> date:
    """Until when something is kept instead: it lengthens, and never shortens.

    Raises `Invalid` for what is no day and for one more than a hundred years away, `Conflict` for an earlier day than
    `until` or the same one.
    """
    try:
        later = parse_day(given)
    except ValueError as error:
        raise Invalid({"retained_until": str(error)}) from None
    if later is None or later > years_after(today, LONGEST_YEARS):
        raise Invalid({"retained_until": f"Give a day, at most {LONGEST_YEARS} years from now."})
    if later <= until:
        raise Conflict(
            f"It is kept until {until:%-d %b %Y} already. That can be made longer, and never shorter.",
            "32 CFR 170.17(c)(4)",
        )
    return later


def parse_why(given: Any, field: str = "reason") -> str:
    """Why a legal hold is placed or lifted; raises `Invalid` at the field for nothing and for too much."""
    why = clean_text(given) if isinstance(given, str) else ""
    if not is_visible(why) or len(why) > LONGEST_REASON:
        raise Invalid({field: f"Say why, in at most {LONGEST_REASON:,} characters."})
    return why


def files_of(record: Mapping[str, Any], level: int) -> list[dict[str, Any]]:
    """The files of a record's artifacts with their paths in the package, as snapshot and manifest list them."""
    wanted, facts = [], {}
    for artifact in record["artifacts"]:
        proves = tuple(ObjectiveId(link["requirement"], link["letter"]) for link in artifact["links"])
        for file in artifact["files"]:
            one = Wanted(
                artifact["id"],
                artifact["current_version"],
                file["position"],
                len(artifact["files"]),
                artifact["title"],
                file["filename"],
                proves,
            )
            wanted.append(one)
            facts[one] = file
    return [
        {
            "path": placed.path,
            "further": list(placed.further),
            "size": facts[placed.wanted]["size"],
            "sha256": facts[placed.wanted]["sha256"],
            "media_type": facts[placed.wanted]["media_type"],
            "original": placed.wanted.filename,
            "artifact": placed.wanted.artifact,
            "version": placed.wanted.version,
            "objectives": [str(one) for one in placed.wanted.objectives],
            "markings": marked(facts[placed.wanted]),
        }
        for placed in naming.place(wanted, level)
    ]


def marked(file: Mapping[str, Any]) -> list[str]:
    """The kinds of the markings of CUI that a file carries, in its text as far as it was read, and in its name."""
    return sorted({*file.get("markings", ()), *(one.kind.value for one in scan("", file["filename"] or ""))})


def log_of(record: Mapping[str, Any], files: list[dict[str, Any]]) -> bytes:
    """The log of all artifacts: those in the package, and those that are held elsewhere by their registered hash."""
    rows = [hashlog.Row(one["sha256"], naming.in_log(one["path"])) for one in files]
    return hashlog.artifacts_log([*rows, *(row for _, row in held_of(record))])


def held_of(record: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], hashlog.Row]]:
    """The files that are held elsewhere, with their rows of the log; two of one name are told apart by number."""
    taken: set[str] = set()
    for artifact in record["artifacts"]:
        for held in artifact["held"]:
            name = held["filename"] or f"file {held['position']}"
            tries = chain((name,), (f"{number} {name}" for number in count(held["position"])))
            paths = (naming.held_path(artifact["id"], one) for one in tries)
            path = next(one for one in paths if one.casefold() not in taken)
            taken.add(path.casefold())
            yield {**held, "artifact": artifact["id"]}, hashlog.Row(held["sha256"], path)
