"""A first draft of a requirement's narrative: a fill-in pattern in our own words, with blanks. Pure.

It is offered into the text field and never kept unseen. It claims nothing: what is so stands in the blanks, and those
are for a person to fill; a text that still has one can be told.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from cmmc_tracker.domain import defined_values
from cmmc_tracker.domain.catalog import ObjectiveId, Requirement

FIRST_LINE = "**Draft.** Fill in what stands in ⟨ ⟩, take away what is not so, then this line."
_BLANK = re.compile(r"⟨[^⟨⟩\s][^⟨⟩\n]{0,99}⟩")


@cache
def _patterns() -> Mapping[str, str]:
    found: dict[str, str] = json.loads(
        files("cmmc_tracker.domain").joinpath("data", "narrative_patterns.json").read_text("utf-8")
    )
    return found


def draft(requirement: Requirement, values: Mapping[str, str]) -> str:
    """The pattern for a requirement; `values` are the defined values by their letter, as the plan says them."""
    lines = [FIRST_LINE, "", _patterns()[requirement.family], ""]
    for one in requirement.objectives:
        asked = defined_values.asked().get(ObjectiveId(requirement.id, one.letter))
        value = f" {asked.name}: {values.get(one.letter) or '⟨value⟩'}." if asked else ""
        lines.append(f"- [{one.letter}]{value} How: ⟨what is done, by whom, with what⟩. Shown by: ⟨artifact⟩.")
    return "\n".join(lines)


def blanks(text: str) -> list[str]:
    """The blanks of a draft that nobody has filled yet, each once."""
    return list(dict.fromkeys(_BLANK.findall(text)))
