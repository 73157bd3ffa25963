"""The rules as people read them: what each says in our own words, by which clause, and what we decided ourselves. Pure.

`docs/rules.md` lists the same numbers with the function and the test of each; a test holds the two together. A rule
whose clause was read in guides and summaries rather than in the rule's own text says so (`secondary`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `ours` is what we decided where the text is silent or leaves a choice."""

    key: str  # the anchor of it on the page
    number: str
    title: str
    clause: str
    text: str
    ours: str = ""
    secondary: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rules that belong together."""

    title: str
    rules: tuple[Rule, ...]


@cache
def sections() -> Sequence[Section]:
    """All rules in their order."""
    kept = json.loads(files("cmmc_tracker.domain").joinpath("data", "rulebook.json").read_text("utf-8"))
    return [Section(one["title"], tuple(Rule(**rule) for rule in one["rules"])) for one in kept]
