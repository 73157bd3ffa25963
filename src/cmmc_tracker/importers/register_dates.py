"""Days as people write them in a register, read without a guess. Pure.

03/04/2026 is a day in March or in April. It is read only where another cell of the same column proves the order
(11/24/2026: month first); else it is refused and both readings are named.
"""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

_TIME = r"(?:[T ,]{1,2}\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}){_TIME}")
_DAY_WORD = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[ .-]{0,2}([A-Za-z]{3,9})[ .,-]{0,2}(\d{4})")
_WORD_DAY = re.compile(r"([A-Za-z]{3,9})[ .-]{0,2}(\d{1,2})(?:st|nd|rd|th)?[ ,-]{1,2}(\d{4})")
_SHORT_YEAR = re.compile(r"\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2}")
_COUNTED = re.compile(r"\d{5}(?:\.\d+)?")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_EXAMPLE = "write it as 2026-11-24"
_LONGEST = 60


class Order(StrEnum):
    """Which number of 03/04/2026 comes first."""

    MONTH = "month"
    DAY = "day"


def order_of(cells: Iterable[str]) -> Order | None:
    """The order that the cells of one column prove; None where none does, or where they prove both."""
    proven = set()
    for cell in cells:
        match = _YEAR_LAST.fullmatch(cell.strip()[: _LONGEST + 1])
        if match is not None:
            one, two = int(match[1]), int(match[3])
            if one > 12 >= two and _day(match[4], two, one):
                proven.add(Order.DAY)
            if two > 12 >= one and _day(match[4], one, two):
                proven.add(Order.MONTH)
    return proven.pop() if len(proven) == 1 else None


def iso(text: str, order: Order | None) -> str:
    """A day as 2026-11-24; raises `ValueError` with a sentence for the person who wrote the cell."""
    text = text.strip()
    if len(text) <= _LONGEST:
        if match := _YEAR_FIRST.fullmatch(text):
            return _said(text, _day(match[1], int(match[3]), int(match[4])))
        if match := _YEAR_LAST.fullmatch(text):
            return _numbered(text, match, order)
        if match := _DAY_WORD.fullmatch(text):
            return _said(text, _day(match[3], _month(match[2]), int(match[1])))
        if match := _WORD_DAY.fullmatch(text):
            return _said(text, _day(match[3], _month(match[1]), int(match[2])))
    return _said(text, None)


def _numbered(text: str, match: re.Match[str], order: Order | None) -> str:
    one, two, year = int(match[1]), int(match[3]), match[4]
    month_first, day_first = _day(year, one, two), _day(year, two, one)
    if month_first is None or day_first is None or month_first == day_first:
        return _said(text, month_first or day_first)
    if order is None:
        raise ValueError(
            f"“{text}” may be {_words(month_first)} or {_words(day_first)}: "
            f"write {month_first.isoformat()} or {day_first.isoformat()}."
        )
    return (month_first if order is Order.MONTH else day_first).isoformat()


def _said(text: str, day: date | None) -> str:
    if day is not None:
        return day.isoformat()
    shown = "".join(c for c in text[:40] if c.isprintable())
    if _COUNTED.fullmatch(text[:_LONGEST]):
        raise ValueError(f"“{shown}” is how a spreadsheet counts days: give the column a date's format, or {_EXAMPLE}.")
    if _SHORT_YEAR.fullmatch(text[:_LONGEST]):
        raise ValueError(f"“{shown}” has a year of two digits: {_EXAMPLE}.")
    raise ValueError(f"“{shown}” is not a day: {_EXAMPLE}.")


def _day(year: str, month: int, day: int) -> date | None:
    try:
        return date(int(year), month, day)
    except ValueError:
        return None


def _month(word: str) -> int:
    """The number of a month that is written out or cut to three letters and more; 0 for none."""
    word = word.lower()
    return next((n for n, name in enumerate(_MONTHS, 1) if name.startswith(word) or word == "sept" == name[:4]), 0)


def _words(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1].capitalize()}"
