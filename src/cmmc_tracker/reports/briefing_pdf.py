"""The briefing for the affirming official as one page: what the page of the status says, to read and to keep."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from cmmc_tracker.domain import lifecycle
from cmmc_tracker.domain.briefing import Facts, open_checks
from cmmc_tracker.domain.clocks import AssessmentKind
from cmmc_tracker.domain.lifecycle import Recorded, Stage, Standing
from cmmc_tracker.reports.blocks import Block, bullet, fact, heading, paragraph
from cmmc_tracker.reports.pdf import paper, typeset

_SHOWN = 6  # objectives and checks that are named: more would not fit on the page
_LONGEST = 300  # characters of a sentence of the page
_LINE = 90  # characters of what stands in one line


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The page of a snapshot; what is long is cut, so that it stays one page."""
    whole = paper(snapshot, "Briefing for the affirming official", _blocks(snapshot))
    page = replace(
        whole,
        system=_short(whole.system, _LINE),
        organization=_short(whole.organization, _LINE),
        facts=tuple((name, _short(value, _LINE)) for name, value in whole.facts),
    )
    return typeset(page, snapshot["frozen_at"])


def _blocks(snapshot: Mapping[str, Any]) -> Iterator[Block]:
    yield heading(1, "What the record says, and what has changed")
    drift = snapshot.get("drift")
    for line in _facts(snapshot).lines:
        yield bullet(_short(line))
    if drift:
        yield heading(1, "Otherwise than in the package of record")
        for one in drift[:_SHOWN]:
            yield bullet(one)
        if len(drift) > _SHOWN:
            yield paragraph(f"And {len(drift) - _SHOWN} more: all stand on the page of the status.")
    yield from _open(snapshot.get("not_ready", ()), in_short=bool(drift))
    yield heading(1, "Who affirms what")
    official = next((one for one in snapshot["assignments"] if one["duty"] == "affirming_official"), None)
    named = (official["user"], official["title"], official["contact"]) if official else ()
    yield fact("Affirming official", _short(", ".join(part for part in named if part)), "nobody is named yet")
    yield paragraph(
        "The affirmation is submitted in SPRS by that person: that the organization has implemented, and will go on "
        "implementing, all requirements of the level in the assessment scope (32 CFR 170.22(a)). This page is no "
        "advice; it tells what the records say."
    )


def _open(found: Sequence[Mapping[str, Any]], *, in_short: bool) -> Iterator[Block]:
    """The checks that are open, with their places; `in_short` all in one sentence, where there is room for no more."""
    places = (f"{one['requirement']}[{one['letter']}]" if one["letter"] else one["requirement"] for one in found)
    lines = open_checks(zip((one["check"] for one in found), places, strict=True))
    if lines and in_short:
        yield paragraph(_short(f"Open by the readiness checks: {'; '.join(lines)}"))
    elif lines:
        yield heading(1, "Open by the readiness checks")
        for one in lines[:_SHOWN]:
            yield bullet(_short(one, _LINE))
        if len(lines) > _SHOWN:
            yield paragraph(f"And {len(lines) - _SHOWN} more: all stand in the readiness report.")


def _facts(snapshot: Mapping[str, Any]) -> Facts:
    score, statuses, drift = snapshot["score"], snapshot["statuses"], snapshot.get("drift")
    since = statuses[-1]["status_on"] if statuses else ""
    changed = [one for one in snapshot["changes"] if one["happened_on"] >= since]
    return Facts(
        standing=_standing(snapshot),
        score=score["score"],
        max=score["max"],
        supports=score["supports"],
        supports_reason=score["supports_reason"],
        unproven=score.get("met_without_final_evidence", 0),
        readiness=snapshot.get("readiness", ""),
        drift=None if drift is None else len(drift),
        changes=tuple((one["kind"], _day(one["settled_on"])) for one in changed),
    )


def _standing(snapshot: Mapping[str, Any]) -> Standing:
    """What the last recorded status is on the day of the snapshot."""
    today = date.fromisoformat(snapshot["frozen_at"][:10])
    if not snapshot["statuses"]:
        return lifecycle.standing(None, [], today)
    last = snapshot["statuses"][-1]
    days = date.fromisoformat(last["status_on"]), date.fromisoformat(last["first_status_on"])
    affirmed = [date.fromisoformat(one["affirmed_on"]) for one in last["affirmations"]]
    return lifecycle.standing(Recorded(AssessmentKind(last["kind"]), Stage(last["stage"]), *days), affirmed, today)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _short(line: str, longest: int = _LONGEST) -> str:
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
