"""What a plan's document keeps of its texts, so that an import finds them again as they were written. Pure.

A Word file shows a text without its Markdown, and what it refers to by today's name. So it carries the source of each
requirement's texts as well, beside a digest of the lines that it shows of that requirement. Where somebody changed
these in Word the digest does not fit any more, and what is shown counts.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from cmmc_tracker.domain.text import clean_line, clean_text

ELEMENT = "cmmcTrackerPlan"  # of the document's own part of XML, whose text is one line
_BEGINS = "cmmc-tracker-plan 1 "
WRITTEN = "How it is implemented"
VALUES = "Values that the organization defines"
IN_TEXT = "From the text of"  # in the caption of a table that somebody wrote
ARTIFACTS = "Artifacts"
PLANNED = "Open on a plan of action"
ANSWERED, LEFT_OUT = "Answered for by", "Without a text"
_CAPTION = re.compile(rf"Table [0-9]+: (?:{VALUES},|{IN_TEXT}) [A-Z]{{2}}\.L[123]-[0-9.]+")
SECTION, NEXT_SECTION = "5 Requirements", "6 Requirements that do not apply"


@dataclass(frozen=True, slots=True)
class Source:
    """The texts of one requirement, and the digest of the lines by which a document shows it."""

    digest: str
    narrative: str
    objectives: Mapping[str, str]

    @property
    def text(self) -> str:
        """All of it as one text."""
        return joined(self.narrative, self.objectives)


def of_objective(letter: str) -> str:
    """The heading above the text of one objective."""
    return f"Objective [{letter}]"


def joined(narrative: str, objectives: Mapping[str, str]) -> str:
    """A narrative and what is written by objective, each behind its letter, as one text."""
    lettered = (f"[{letter}] {text}" for letter, text in objectives.items() if text.strip())
    return clean_text("\n\n".join(one for one in (narrative, *lettered) if one.strip()))


def lines_of(text: str) -> list[str]:
    """The lines of a text as an import reads them: clean, without empty ones."""
    return [line for line in map(clean_line, clean_text(text).splitlines()) if line]


def is_caption(line: str) -> bool:
    """Whether a line is the caption of a table among the requirements: Word numbers them anew, so it says nothing."""
    return _CAPTION.fullmatch(line) is not None


def digest(lines: Iterable[str]) -> str:
    """SHA-256 of what a document shows of a requirement, captions apart; 64 hex digits."""
    shown = "\n".join(line for line in lines if not is_caption(line))
    return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()


def kept(sources: Mapping[str, Source]) -> str:
    """The line that a document carries; ASCII without a blank, so that every format and reader holds it as it is."""
    told = {name: asdict(one) for name, one in sources.items()}
    return _BEGINS + json.dumps(told, sort_keys=True, separators=(",", ":")).replace(" ", "\\u0020")


def found_in(lines: Iterable[str]) -> Mapping[str, Source] | None:
    """The sources that stand among the lines of a document by requirement, or None where it carries none."""
    line = next((one for one in lines if one.startswith(_BEGINS)), "")
    try:
        given = json.loads(line.removeprefix(_BEGINS))
        return {name: _source(one) for name, one in given.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # none, cut short, or made by somebody else


def _source(given: Mapping[str, object]) -> Source:
    said, objectives = given["narrative"], given["objectives"]
    if not isinstance(said, str) or not isinstance(objectives, dict):
        raise TypeError
    return Source(str(given["digest"]), said, {str(letter): str(text) for letter, text in objectives.items()})
