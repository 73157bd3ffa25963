"""An existing system security plan: its text by requirement, from a document's lines or a sheet's rows. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cmmc_tracker.domain.assessment import LONGEST_NARRATIVE
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.numbered import About, about_of, number_in, table_of

MOST_TOGETHER = 600_000  # characters of all texts: they come back with the form that confirms them
_WORDS = {
    "text": "implementation implementationstatement implementationdescription implementationdetails narrative ssp "
    "sspnarrative description how howimplemented howitisimplemented howwedoit response solution statement "
    "controlimplementation implementationnarrative currentimplementation",
}
_BEFORE_NUMBER = 12  # characters that may stand before the number that begins a requirement's part


@dataclass(frozen=True, slots=True)
class Text:
    """What a document says of one requirement, and what to know of that."""

    requirement: str
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The texts in catalog order, and what was left out."""

    texts: tuple[Text, ...]
    left_out: tuple[str, ...] = ()


def of_lines(text: str) -> Found:
    """The parts of a document: each begins with a line that begins with a requirement's number.

    What stands in that line beside the number is taken for the heading. A number that stands several times (in a table
    of contents, in a summary) counts where most is said. An objective's number begins a paragraph of its requirement.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    now: list[str] = []
    about, heading = "", ""

    def close() -> None:
        if about:
            said = clean_text("\n\n".join(now)) or (heading if len(heading) > 60 else "")
            parts[about].append(said)

    for line in map(clean_line, text.splitlines()):
        found = _beginning(line)
        if found is None:
            if line:
                now.append(line)
            continue
        one, rest = found
        if one.letter and one.requirement == about:
            now.append(f"[{one.letter}] {rest}")
            continue
        close()
        about, heading, now = one.requirement, rest, [f"[{one.letter}] {rest}"] if one.letter and rest else []
    close()
    return _bounded(parts)


def _beginning(line: str) -> tuple[About, str] | None:
    try:
        found = number_in(line[:60])
    except Invalid:
        return None
    if found is None or found.start > _BEFORE_NUMBER:
        return None
    return found.about, line[found.end :].lstrip(" :.-–—\t")


def _bounded(parts: dict[str, list[str]]) -> Found:
    texts, left_out, together = [], [], 0
    for requirement, said in parts.items():
        longest = max(said, key=len)
        notes = []
        if len([one for one in said if one]) > 1:
            notes.append(f"It stands {len(said)} times in the document; the longest text was taken.")
        if not longest:
            left_out.append(f"{requirement}: there is no text under its number.")
            continue
        if len(longest) > LONGEST_NARRATIVE or together + len(longest) > MOST_TOGETHER:
            left_out.append(f"{requirement}: its text is too long to be taken in here; copy it by hand.")
            continue
        together += len(longest)
        texts.append(Text(requirement, longest, tuple(notes)))
    return Found(tuple(texts), tuple(left_out))


def of_rows(rows: Sequence[Sequence[str]]) -> Found:
    """The texts of a sheet; rows of one requirement, and of its objectives, become one text.

    Raises `Invalid` naming `file` where no header is found.
    """
    table = table_of(rows, _WORDS, "text")
    said: dict[str, list[str]] = defaultdict(list)
    left_out = []
    for number, row in enumerate(rows[table.header + 1 :], table.header + 2):
        text = clean_text(table.cell(row, "text"))
        if not text:
            continue
        about, why = about_of(table.cell(row, "number"))
        if about is None:
            left_out.append(f"Row {number:,}: {why}")
        else:
            said[about.requirement].append(f"[{about.letter}] {text}" if about.letter else text)
    found = _bounded({requirement: ["\n\n".join(texts)] for requirement, texts in said.items()})
    return Found(found.texts, (*found.left_out, *_few(left_out)))


def _few(lines: Iterable[str]) -> list[str]:
    every = list(lines)
    return every if len(every) <= 50 else [*every[:50], f"And {len(every) - 50:,} more rows."]
