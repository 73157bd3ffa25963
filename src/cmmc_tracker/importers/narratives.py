"""An existing system security plan: its text by requirement, from a document's lines or a sheet's rows. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from string import ascii_lowercase

from cmmc_tracker.domain import plan_source
from cmmc_tracker.domain.assessment import LONGEST_NARRATIVE
from cmmc_tracker.domain.catalog import LEVELS, load
from cmmc_tracker.domain.plan_source import NEXT_SECTION, SECTION, VALUES, Source, is_caption, lines_of
from cmmc_tracker.domain.text import clean_text
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
    A plan that we exported is told by what it carries, and gives back its texts as they were written.
    """
    lines = lines_of(text)
    ours = plan_source.found_in(lines)
    if ours is not None:
        return _bounded(_ours(lines, ours))
    parts: dict[str, list[str]] = defaultdict(list)
    now: list[str] = []
    about, heading = "", ""

    def close() -> None:
        if about:
            said = clean_text("\n\n".join(now)) or (heading if len(heading) > 60 else "")
            parts[about].append(said)

    for line in lines:
        found = _beginning(line)
        if found is None:
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


def _ours(lines: Sequence[str], sources: Mapping[str, Source]) -> dict[str, list[str]]:
    """The texts of a plan of ours: the source where a requirement's part is as it was made, else what it shows."""
    known = [one for level in LEVELS for one in load(level).requirements]
    places = {f"{one.id} {one.title}": place for place, one in enumerate(known)}
    families = {f"5.{n} {family.name}" for level in LEVELS for n, family in enumerate(load(level).families, 1)}
    begins = max((at for at, line in enumerate(lines) if line == SECTION), default=len(lines))
    shown: dict[str, list[str]] = {}
    last, now = -1, list[str]()
    for line in takewhile(lambda one: one != NEXT_SECTION, lines[begins + 1 :]):
        if places.get(line, -1) > last:  # they stand in catalog order; another such line is somebody's own
            last = places[line]
            now = shown.setdefault(known[last].id, [])
        elif line in families:
            now = []
        else:
            now.append(line)
    found = {}
    for requirement, part in shown.items():
        source = sources.get(requirement)
        whole = source is not None and source.digest == plan_source.digest(part)
        found[requirement] = [source.text if source and whole else _shown_text(part)]
    return found


def _shown_text(part: Sequence[str]) -> str:
    """Of what a plan of ours shows of a requirement: how it is implemented, an objective's text behind its letter."""
    letters = {plan_source.of_objective(letter): letter for letter in ascii_lowercase}
    follow = (f"{plan_source.ANSWERED}: ", f"{plan_source.LEFT_OUT}: ")
    ends = (VALUES, plan_source.ARTIFACTS, plan_source.PLANNED)
    said: list[str] = []
    begun, letter = False, ""
    for line in part:
        if line == plan_source.WRITTEN or line in letters:
            begun, letter = True, letters.get(line, "")
        elif begun and (line in ends or line.startswith(follow) or (is_caption(line) and VALUES in line)):
            break
        elif is_caption(line):
            continue
        elif begun:
            said.append(f"[{letter}] {line}" if letter else line)
            letter = ""
    return clean_text("\n\n".join(said))


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
