"""What is recorded of a system as a whole and asked for by SPRS and by every document's title page. Pure.

32 CFR 170.16(a)(1)(i): CAGE codes, assessment scope and their like go into SPRS with the results.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.typed import Typed

LONGEST_SCOPE = 200
LONGEST_CONTRACTS = 4_000
MOST_CODES = 40
MOST_EMPLOYEES = 9_999_999
_CODE = re.compile(r"[0-9A-Z]{5}")
_BETWEEN = re.compile(r"[\s,;]+")


class ScopeKind(StrEnum):
    """What an assessment scope is in SPRS."""

    ENTERPRISE = "enterprise"
    ENCLAVE = "enclave"


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """The facts; what nobody has said is empty or None. `cage_codes` have blanks between them."""

    cage_codes: str = ""
    scope_kind: ScopeKind | None = None
    scope_name: str = ""
    employees: int | None = None
    contracts: str = ""
    in_use_since: date | None = None

    @classmethod
    def parse(cls, given: Mapping[str, Any], today: date) -> "SystemFacts":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(given)
        employees = typed.number("employees")
        if (employees is None and "employees" in typed.wrong) or (employees or 0) > MOST_EMPLOYEES:
            typed.wrong["employees"] = "This is a whole number above zero, or empty."
        facts = cls(
            cage_codes=_codes(typed.line("cage_codes", 300), typed.wrong),
            scope_kind=typed.choice("scope_kind", ScopeKind),
            scope_name=typed.line("scope_name", LONGEST_SCOPE),
            employees=employees,
            contracts=typed.text("contracts", LONGEST_CONTRACTS),
            in_use_since=typed.day("in_use_since", latest=today),
        )
        typed.done()
        return facts

    def columns(self) -> dict[str, Any]:
        """The facts as their row keeps them."""
        return {**asdict(self), "scope_kind": self.scope_kind or ""}


def _codes(line: str, wrong: dict[str, str]) -> str:
    """CAGE codes, each once: five digits or capital letters (FAR 4.1801: five characters)."""
    codes = list(dict.fromkeys(one for one in _BETWEEN.split(line.upper()) if one))
    bad = next((one for one in codes if not _CODE.fullmatch(one)), "")
    if bad:
        wrong["cage_codes"] = f"{bad[:20]} is no CAGE code: five digits or letters, such as 1ABC2."
    elif len(codes) > MOST_CODES:
        wrong["cage_codes"] = f"At most {MOST_CODES} codes can be kept."
    return " ".join(codes)
