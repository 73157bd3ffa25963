"""Markings of controlled information (CUI) in a text and in a file's name. Pure.

What counts is a line that stands as a marking stands: a banner, a portion mark, a designation block, a distribution
statement. The mere word does not, for half of the evidence speaks about CUI: policies, training, and texts that explain
how to mark. It helps people to notice; a text without a finding may hold CUI all the same.

The time grows with the text's length only: expressions are anchored at a line's start and hardly ever go back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from heapq import merge

from cmmc_tracker.domain.text import clean_line

MOST, LONGEST = 20, 120
_PASSED_OVER = 2_000  # lines that look like markings and are explained away; after so many the text is given up
_CONTEXT = 300  # characters of what stands before a line
_LINE = 400  # characters of a line that are looked at closely
_BESIDE = 80  # characters on each side of a marking inside of a line


class MarkingKind(StrEnum):
    """What sort of marking a line carries."""

    BANNER = "banner"
    PORTION = "portion"
    DESIGNATION = "designation"
    FOUO = "fouo"
    NOFORN = "noforn"
    DISTRIBUTION = "distribution"
    FILE_NAME = "file_name"

    @property
    def sentence(self) -> str:
        """What it means, for people."""
        return _SENTENCES[self]


_SENTENCES = {
    MarkingKind.BANNER: "A line stands like a CUI banner, so the whole document may be controlled.",
    MarkingKind.PORTION: "A paragraph carries the portion mark (CUI).",
    MarkingKind.DESIGNATION: "It has the block that names who controls the information.",
    MarkingKind.FOUO: "It is marked FOUO (for official use only), an older marking: what it covers may be CUI today.",
    MarkingKind.NOFORN: "It is marked NOFORN: foreign nationals may not get it.",
    MarkingKind.DISTRIBUTION: "It carries a distribution statement that limits who may get it.",
    MarkingKind.FILE_NAME: "Its file name hints at controlled information; look whether the document is marked.",
}


@dataclass(frozen=True, slots=True)
class Marking:
    """A marking: its kind, the line as it is shown, and the line's number from 1; 0 for the file's name."""

    kind: MarkingKind
    shown: str
    line: int


_Place = tuple[int, list[MarkingKind], str]  # a line's start, what it carries, the letter of its statement
_LEAD = r"\n[ \t\u00a0*_=#|\u2022-]*+"
_TAIL = r"[ \t\u00a0*_=#|-]*+(?=\n)"
_ITEM = r"(?:(?:\d{1,3}(?:\.\d{1,3}){0,4}[.)]?|[A-Za-z][.)])[ \t]++)?"  # of a list, or of a numbered paragraph
_GOES_ON = r"[ \t]*+[,.;:a-z]"  # a sentence, of which a line's break was in the middle
_SAID = r"(?:is|are|was|means?|stands?|would|shows?|marks?|indicates?|can|may|must|should|shall|and|or|for)\b"
_MARKED = re.compile(
    rf"""{_LEAD}(?=[A-Za-z0-9(])(?:
    (?P<banner>(?:(?:UNCLASSIFIED|U)[ ]?//[ ]?)?(?:CUI|CONTROLLED)
        (?:{_TAIL}|[ ]?//[ ]?[A-Z][A-Z0-9](?![A-Z0-9/,-]*+[ ]{_SAID})))
    |(?P<portion>{_ITEM}\(CUI(?://[A-Z][A-Z0-9/,\ -]*+)?\)(?!{_GOES_ON}|[ \t]*+Controlled[ ]Unclassified))
    |(?P<designation>(?i:controlled[ ]by|cui[ ]categor(?:y|ies))[ \t]*+:(?![ \t]*+[\[<{{_…]))
    |(?P<fouo>(?:(?:UNCLASSIFIED|U)[ ]?//[ ]?)?
        (?:(?:FOUO|FOR[ ]OFFICIAL[ ]USE[ ]ONLY(?:[ ]\(FOUO\))?)(?:{_TAIL}|[ ]?//)
        |For[ ][Oo]fficial[ ][Uu]se[ ][Oo]nly{_TAIL})
        |{_ITEM}\((?:U//)?FOUO\)(?!{_GOES_ON}))
    |(?P<noforn>(?:NOFORN|NOT[ ]RELEASABLE[ ]TO[ ]FOREIGN[ ]NATIONALS)\.?{_TAIL})
    |(?P<distribution>\(?(?i:distribution[ ]statement)[ \t]*+[:“"'(]?[ ]?(?P<letter>[A-Fa-f])["”')]?
        (?=[ \t]*+(?:[.:;,)\n]|[-–—](?![ \t]*+[A-F]\b)|(?i:distribution|further|approved)\b)))
    |(?P<limited>(?i:distribution[ ](?:is[ ])?(?:authorized|limited)[ ]to[ ](?:the[ ])?(?:u\.?s\b|dod\b|department)
        |further[ ]dissemination[ ]only[ ]as[ ]directed[ ]by))
    )""",
    re.VERBOSE,
)
# In the middle of a heading or footer, between signs that part it ("Acme - FOR OFFICIAL USE ONLY - page 3"), or at the
# end of other markings ("SECRET//NOFORN").
_INSIDE = re.compile(r"FOR OFFICIAL USE ONLY|U//FOUO|//NOFORN")
_PARTED_BEFORE = re.compile(r"(?:[-–—|*•]|[ \t][ \t]|\t)[ \t]*\Z|\(\Z")
_PARTED_AFTER = re.compile(r"\)?[ \t]*(?:[-–—|*•]|\Z)|[ \t][ \t]|\t")
_MARKS = re.compile(r"[ \t]*\(?[A-Z][A-Z0-9 /,-]*")
_PROSE = re.compile(rf"\w|[ ]{_SAID}")
_INTRODUCED = re.compile(r"(?i:\b(?:examples?|e\.g\.|such as|like|follow(?:s|ing)|shown|reads?|appears?|templates?)\b)")
_BREAKS = ("\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")
_SPELLED_OUT = "Controlled Unclassified Information"

_WORDS = re.compile(r"[A-Za-z]+")
# Pages check names by these words before a file is sent; what counts is decided here.
NAME_WORDS = frozenset({"cui", "fouo", "noforn"})
# Names of what is written about CUI; FOUO and NOFORN count whatever stands beside them.
ABOUT_WORDS = frozenset(
    {
        *("awareness", "boundary", "diagram", "flow", "flows", "guidance", "guide", "handling", "inventory", "marking"),
        *("markings", "matrix", "plan", "policies", "policy", "procedure", "procedures", "program", "register"),
        *("scope", "sop", "standard", "template", "training"),
    }
)


def scan(text: str, name: str = "") -> tuple[Marking, ...]:
    """The markings of a text and of its file's name, the name's first, at most 20.

    Lists of several distribution statements (three letters and more) explain them and do not count. A text is given up
    after 2,000 lines that only look like markings.
    """
    for sign in _BREAKS:
        text = text.replace(sign, "\n")
    text = f"\n{text}\n"
    found, letters = [*_of_name(name)], set[str]()
    for markings, letter in _lines(text):
        found += markings
        letters.add(letter)
        if len(found) >= 10 * MOST:
            break
    if len(letters - {""}) >= 3:
        found = [one for one in found if one.kind is not MarkingKind.DISTRIBUTION]
    return tuple(found[:MOST])


def _lines(text: str) -> Iterator[tuple[list[Marking], str]]:
    """The markings of each line, and the letter of its distribution statement, also of A, which limits nothing."""
    line, counted, over = 0, 0, 0
    for at, looks_like, letter in merge(_marked(text), _inside(text), key=lambda place: place[0]):
        if at == counted:
            continue  # the same line, found both ways
        line, counted = line + text.count("\n", counted, at), at
        kinds = [] if _explained(text, at - 1, looks_like) else looks_like
        over += not kinds
        if over > _PASSED_OVER:
            return
        shown = clean_line(text[at : min(text.find("\n", at), at + _LINE)])[:LONGEST] if kinds else ""
        yield [Marking(kind, shown, line) for kind in kinds], letter


def _marked(text: str) -> Iterator[_Place]:
    for match in _MARKED.finditer(text):
        yield match.start() + 1, _kinds(match), (match["letter"] or "").upper()


def _kinds(match: re.Match[str]) -> list[MarkingKind]:
    group = match.lastgroup
    if group == "limited" or (group == "distribution" and match["letter"] not in {"A", "a"}):
        return [MarkingKind.DISTRIBUTION]
    if group == "distribution" or group is None:
        return []
    kinds = [MarkingKind(group)]
    end = match.string.find("\n", match.end())
    if group in {"banner", "portion"} and "NOFORN" in match.string[match.start() : min(end, match.start() + _LINE)]:
        kinds.append(MarkingKind.NOFORN)
    return kinds


def _inside(text: str) -> Iterator[_Place]:
    past = 0
    for tries, match in enumerate(_INSIDE.finditer(text)):
        if tries > _PASSED_OVER:
            return
        if match.start() < past:
            continue
        start, past = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        before = text[max(start, match.start() - _BESIDE) : match.start()]
        after = text[match.end() : min(past, match.end() + _BESIDE)]
        if match[0] == "//NOFORN":
            if match.start() - start < _BESIDE and _MARKS.fullmatch(before) and not _PROSE.match(after):
                yield start, [MarkingKind.NOFORN], ""
        elif _PARTED_BEFORE.search(before) and _PARTED_AFTER.match(after):
            yield start, [MarkingKind.FOUO], ""


def _explained(text: str, at: int, kinds: list[MarkingKind]) -> bool:
    """Whether what stands around makes it an example, an abbreviation or the end of a sentence."""
    before = text[max(0, at - _CONTEXT) : at].rstrip().rsplit("\n", 1)[-1].rstrip()
    if before.endswith(":") and _INTRODUCED.search(before):
        return True
    if MarkingKind.PORTION in kinds:
        return before[-11:].lower() == "information"
    return MarkingKind.BANNER in kinds and text.startswith(_SPELLED_OUT, text.find("\n", at + 1) + 1)


def _of_name(name: str) -> Iterator[Marking]:
    words = {word.lower() for word in _WORDS.findall(name[:_LINE])}
    marks = words & NAME_WORDS
    if marks and not (marks == {"cui"} and words & ABOUT_WORDS):
        yield Marking(MarkingKind.FILE_NAME, clean_line(name[:_LINE])[:LONGEST], 0)
