"""Objectives found by words or numbers, for choosing among all of them. Pure."""

import re
from collections.abc import Iterator
from functools import cache

from cmmc_tracker.domain.catalog import Objective, load

_MOST_WORDS = 8


def objectives_about(text: str, family: str = "", level: int = 2) -> Iterator[Objective]:
    """The objectives of a level in which every word stands, in catalog order; of one family where it is named.

    A word may stand anywhere in the identifier, the requirement's title or the summary; a number is whole at its end,
    so that 3.1.1 does not find 3.1.12.
    """
    words = [re.compile(re.escape(word) + r"(?!\d)" * word[-1].isdigit()) for word in text.casefold().split()]
    for code, haystack, objective in _haystacks(level):
        if family in {"", code} and all(word.search(haystack) for word in words[:_MOST_WORDS]):
            yield objective


@cache
def _haystacks(level: int) -> tuple[tuple[str, str, Objective], ...]:
    return tuple(
        (family.code, f"{one.id} {family.name} {requirement.title} {one.summary}".casefold(), one)
        for family in load(level).families
        for requirement in family.requirements
        for one in requirement.objectives
    )
