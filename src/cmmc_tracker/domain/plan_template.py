"""An organization's own template of the security plan: the placeholders that stand in it, and what fits where. Pure.

A placeholder is a name in two pairs of braces. It is looked up, never computed: there is no language in a template,
so nothing in one can be run.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmmc_tracker.errors import Invalid

LARGEST = 2 * 1_048_576  # bytes; a template stands in every frozen snapshot
IN_BRACES = re.compile(r"\{\{\s*([A-Za-z0-9_.-]{0,60})\s*\}\}")
TEXTS = {
    "organization": "the organization",
    "system.name": "the system's name",
    "system.identifier": "its identifier here",
    "system.level": "the CMMC level",
    "system.scope": "the assessment scope",
    "system.cage_codes": "the CAGE codes",
    "system.contracts": "the contracts",
    "plan.as_of": "the instant of the records, UTC",
    "plan.state": "PROVISIONAL and how much is not assessed, or nothing",
    "plan.version": "the number of the plan's last version",
    "plan.approved_by": "who approved last",
    "plan.approved_on": "when that was",
    "plan.score": "the score",
    "tracker": "the tracker's name and version",
}
BLOCKS = {
    "ssp.record_of_changes": "the plan's versions",
    "ssp.identification": "system identification",
    "ssp.boundary": "the boundary",
    "ssp.environment": "the environment of operation, with assets",
    "ssp.connections": "connections, providers, flows of CUI",
    "ssp.requirements": "all requirements",
    "ssp.not_applicable": "requirements that do not apply",
    "ssp.exceptions": "enduring exceptions and temporary deficiencies",
    "ssp.upkeep": "how the plan is kept up",
    "ssp.annexes": "inventory, matrices, plans of action, abbreviations",
}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph's text, and whether blocks may stand in its place: it lies in the body, not in a table or edge."""

    text: str
    is_free: bool


def check(paragraphs: Iterable[Paragraph]) -> list[str]:
    """The placeholders of a template, each once; raises `Invalid` naming `file` for none and for what does not fit."""
    found, unknown, crowded, caught, twice = [], [], [], [], []
    for one in paragraphs:
        for name in IN_BRACES.findall(one.text):
            if name in BLOCKS:
                if name in found:
                    twice.append(name)
                found.append(name)
                if IN_BRACES.sub("", one.text).strip() or len(IN_BRACES.findall(one.text)) > 1:
                    crowded.append(name)
                elif not one.is_free:
                    caught.append(name)
            elif name in TEXTS:
                found.append(name)
            else:
                unknown.append(name or "(empty)")
    problems = [
        *_told(unknown, "is no placeholder that is known here; the list stands beside the form"),
        *_told(crowded, "is a whole part of the plan: let it stand alone in its paragraph"),
        *_told(caught, "is a whole part of the plan: put it into the text itself, not into a table, header or frame"),
        *_told(twice, "is a whole part of the plan and stands there twice: leave one of them"),
    ]
    if problems:
        raise Invalid({"file": f"{' '.join(problems)} Nothing was kept."})
    if not found:
        example = "such as {{system.name}} or {{ssp.requirements}}"
        raise Invalid({"file": f"There is no placeholder in it, {example}. Nothing was kept."})
    return list(dict.fromkeys(found))


def _told(names: Sequence[str], why: str) -> list[str]:
    shown = ", ".join(f"{{{{{name}}}}}" for name in dict.fromkeys(names[:_SHOWN]))
    return [f"{shown} {why}."] if names else []
