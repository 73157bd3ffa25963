"""Reads OSCAL documents with compliance-trestle; run by the Python of `.venv-oscal`, which has no part of the product.

    .venv-oscal/bin/python tools/second_reader_child.py FILE…

Each is read into trestle's model and written again: what comes out must say the same as what went in, so that nothing
of a document is something that another program passes over. Prints a line for each; the exit status is 1 where one
is not read or not the same.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

_MODELS = {
    "system-security-plan": ("ssp", "SystemSecurityPlan"),
    "plan-of-action-and-milestones": ("poam", "PlanOfActionAndMilestones"),
    "assessment-results": ("assessment_results", "AssessmentResults"),
    "assessment-plan": ("assessment_plan", "AssessmentPlan"),
    "profile": ("profile", "Profile"),
}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def read(path: Path) -> str:
    """What is wrong with a document; empty for one that trestle reads and gives back."""
    said = json.loads(path.read_text(encoding="utf-8"))
    (root,) = said
    module, name = _MODELS[root]
    model = getattr(importlib.import_module(f"trestle.oscal.{module}"), name)
    try:
        found = model.oscal_read(path)
    except Exception as error:
        return f"it is not read: {error}"
    if found is None:
        return "it is not read"
    return differing(said, json.loads(found.oscal_serialize_json()))


def differing(said: Any, given: Any, place: str = "") -> str:
    """Where what comes out says something else; instants may be written in another way."""
    if isinstance(said, dict) and isinstance(given, dict):
        if said.keys() != given.keys():
            return f"{place}: {sorted(said.keys() ^ given.keys())} stand in one only"
        return next(filter(None, (differing(said[key], given[key], f"{place}/{key}") for key in said)), "")
    if isinstance(said, list) and isinstance(given, list):
        if len(said) != len(given):
            return f"{place}: {len(said)} became {len(given)}"
        pairs = enumerate(zip(said, given, strict=True))
        return next(filter(None, (differing(one, other, f"{place}/{n}") for n, (one, other) in pairs)), "")
    return "" if _plain(said) == _plain(given) else f"{place}: {said!r} became {given!r}"


def _plain(value: Any) -> Any:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return re.sub(r"\.0+(?=[Z+-])", "", value).replace("+00:00", "Z")
    return value


def main() -> int:
    """Read the files that are named."""
    wrong = {one: read(Path(one)) for one in sys.argv[1:]}
    for one, why in wrong.items():
        print(f"{Path(one).name}: {why or 'read, and given back the same'}")
    return int(any(wrong.values()) or not wrong)


if __name__ == "__main__":
    sys.exit(main())
