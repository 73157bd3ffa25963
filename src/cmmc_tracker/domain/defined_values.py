"""The values that objectives ask the organization to define: lock after n tries, review every n days. Pure.

54 objectives of NIST SP 800-171A ask for something to be defined or specified; which ones is a fact, the names here are
our own. One register of them feeds the security plan, so that no two places say different numbers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.clocks import LONGEST_REVIEW_MONTHS
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.errors import Invalid, NotFound

LONGEST = 5_000
_MOST = 100_000


class Unit(StrEnum):
    """What a value is counted in; `text` is not counted."""

    TEXT = "text"
    COUNT = "count"
    MINUTES = "minutes"
    DAYS = "days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Asked:
    """A value that an objective asks for."""

    objective: ObjectiveId
    name: str
    unit: Unit


# "Periodically" is at least once a year (32 CFR 170.4), in the unit of the value.
_PERIODIC = {
    "RA.L2-3.11.1[a]": LONGEST_REVIEW_MONTHS,
    "RA.L2-3.11.2[a]": 366,
    "CA.L2-3.12.1[a]": LONGEST_REVIEW_MONTHS,
    "CA.L2-3.12.4[g]": LONGEST_REVIEW_MONTHS,
    "SI.L2-3.14.5[a]": 366,
}


@cache
def asked() -> Mapping[ObjectiveId, Asked]:
    """All values that are asked for, by their objective, in catalog order."""
    rows = json.loads(files("cmmc_tracker.domain").joinpath("data", "defined_values.json").read_text("utf-8"))
    found = (Asked(parse_objective_id(row["objective"]), row["name"], Unit(row["unit"])) for row in rows)
    return {one.objective: one for one in found}


def parse(objective: ObjectiveId, value: Any) -> str:
    """Read a value that a person defined; empty takes it away.

    Raises `NotFound` for an objective that asks for none, `Invalid` at `value` for a number that is none, or an
    interval that is longer than the rule lets "periodically" be.
    """
    wanted = asked().get(objective)
    if wanted is None:
        raise NotFound(f"{objective} asks for no value to be defined.")
    text = clean_text(value) if isinstance(value, str) else ""
    if not isinstance(value, str) or len(text) > LONGEST:
        raise Invalid({"value": f"This must be text of at most {LONGEST:,} characters."})
    if not text or wanted.unit is Unit.TEXT:
        return text
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:7]) <= _MOST and len(text) < 7):
        raise Invalid({"value": f"This must be a whole number{_of(wanted.unit)} from 1 to {_MOST:,}."})
    longest = _PERIODIC.get(str(objective))
    if longest is not None and int(text) > longest:
        raise Invalid({"value": f"This may be at most {longest} {wanted.unit}: once a year at least (32 CFR 170.4)."})
    return str(int(text))


def shown(one: Asked, value: str) -> str:
    """A value as the plan says it, such as `15 minutes`."""
    if one.unit in {Unit.TEXT, Unit.COUNT} or not value:
        return value
    return f"{value} {one.unit.value.removesuffix('s')}{'' if value == '1' else 's'}"


def _of(unit: Unit) -> str:
    return "" if unit is Unit.COUNT else f" of {unit}"
