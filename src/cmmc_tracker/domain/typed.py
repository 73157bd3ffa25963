"""Reading a form field by field: everything that is wrong is gathered and said at once. Pure."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar

from cmmc_tracker.domain.artifacts import parse_day
from cmmc_tracker.domain.text import clean_line, clean_text, is_visible
from cmmc_tracker.errors import Invalid

E = TypeVar("E", bound=StrEnum)


class Typed:
    """What somebody typed; each reader returns the clean value, or notes under the field's name what is wrong."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.wrong: dict[str, str] = {}

    def _raw(self, name: str, most: int) -> str:
        """What was given; nothing of what is far too long: cleaning a megabyte to refuse it would cost time."""
        value = self._given.get(name)
        if isinstance(value, str) and len(value) > 2 * most:
            self.wrong[name] = f"This has at most {most:,} characters; shorten it."
            return ""
        return value if isinstance(value, str) else ""

    def line(self, name: str, most: int, needed: str = "") -> str:
        """One line of at most `most` characters; `needed` is the sentence for where it is missing."""
        return self._bounded(name, clean_line(self._raw(name, most)), most, needed)

    def text(self, name: str, most: int, needed: str = "") -> str:
        """Several lines of at most `most` characters together."""
        return self._bounded(name, clean_text(self._raw(name, most)), most, needed)

    def _bounded(self, name: str, text: str, most: int, needed: str) -> str:
        if needed and not is_visible(text):
            self.wrong.setdefault(name, needed)
        elif len(text) > most:
            self.wrong[name] = f"This has at most {most:,} characters; shorten it."
        return text

    def day(self, name: str, latest: date | None = None) -> date | None:
        """A day, none where nothing is given; not after `latest`."""
        try:
            found = parse_day(self._raw(name, 40))
        except ValueError as error:
            self.wrong[name] = str(error)
            return None
        if found is not None and latest is not None and found > latest:
            self.wrong[name] = f"{found:%-d %b %Y} is still to come; give the day on which it was so."
        return found

    def switch(self, name: str) -> bool:
        """A box that is ticked or left out."""
        value = self._given.get(name)
        if value not in {None, "", "on", True, False}:
            self.wrong[name] = "This is either on or left out."
        return value in {"on", True}

    def choice(self, name: str, among: type[E], needed: str = "") -> E | None:
        """One of an enum's members, or None where nothing is chosen; `needed` as in `line`."""
        value = self._raw(name, 40)
        if value in set(among):
            return among(value)
        if value or needed:
            self.wrong.setdefault(name, needed or "Choose one of the list, or leave it open.")
        return None

    def number(self, name: str) -> int | None:
        """A whole number above zero, such as an artifact's; None where nothing is given."""
        value = self._raw(name, 20).strip()
        if not value:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and int(value)):
            self.wrong[name] = "Choose one of the list, or leave it open."
            return None
        return int(value)

    def done(self) -> None:
        """Raise `Invalid` naming everything that was wrong."""
        if self.wrong:
            raise Invalid(self.wrong)
