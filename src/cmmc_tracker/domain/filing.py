"""What a file's name and its folders say about where it belongs. Pure.

People file evidence by the identifiers: `3.1.1/firewall.png`, `AC.L2-3.1.1[a] Rules.pdf`, `03.05.03_b MFA.docx`. The
identifiers are looked for here and read by the catalog, so nothing is named that does not exist: a wrong letter, a
wrong family or a number that is not in the standard is left alone, and so are dates (2026.3.1), versions (v3.1.1,
Python 3.11.2) and addresses (10.3.1.1). Zeros that only make names sort (03.01.01) are taken away.

A name is read for a level: at Level 1 `AC.L1-b.1.i`, the paragraph of the FAR, and the NIST objectives by which its
requirements are assessed (32 CFR 170.15(c)(1)(i)); at Level 3 `AC.L3-3.1.2e`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from cmmc_tracker.domain.artifacts import LONGEST_TITLE
from cmmc_tracker.domain.catalog import (
    ObjectiveId,
    at_first_level,
    load,
    parse_objective_id,
    parse_requirement_id,
)
from cmmc_tracker.domain.text import clean_line, is_visible
from cmmc_tracker.errors import Invalid

LONGEST_PATH = 20_000  # characters; of a longer path the end is read
LONGEST_ORIGIN = 1_000  # characters of a path that is kept beside an artifact
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})  # beside those whose names begin with a dot
_UNTITLED = "Untitled"
_NOTHING = "nothing in its name or folders names an objective"
_SHOWN = 60
_EXTENSION = re.compile(r"(?:\.tar)?\.(?!v[0-9])(?:[A-Za-z][A-Za-z0-9]{1,4}|7z)$", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\\/]")
_EDGES = " \t-–—_.,;:&+#"
_JOINT = re.compile(r"[\s,;&+_–-]{0,5}(?:and)?[\s,;&+_–-]{0,5}")
_EMPTY_BRACKETS = re.compile(r"\(\s{0,3}\)|\[\s{0,3}\]")

# Letters of objectives: `[a]`, `(a)`, `[b],[c]`, `[a-d]`, `[a] to [d]`; without brackets `a`, `a-d`, `.a`, `-a`, `_a`.
_LIST = r"[A-Za-z](?:\s{0,2}[-–,;&+]\s{0,2}[A-Za-z])*"
_BRACKET = rf"[\[(]\s{{0,2}}{_LIST}\s{{0,2}}[\])]"
_BRACKETS = rf"{_BRACKET}(?:\s{{0,2}}(?:[-–,;&+]|and|to)?\s{{0,2}}{_BRACKET})*"
_PAIR = re.compile(r"(?<![a-z])([a-z])(?![a-z])(?:[\s\])]*(?:[-–]|to)[\s\[(]*([a-z])(?![a-z]))?")
_LETTERS_FIRST = re.compile(rf"{_BRACKETS}|{_LIST}$")

# What makes three numbers a version: a word before them or a mark of a release after them.
_PROGRAMS = "python|openssl|django|ruby|rails|electron|snort|samba|mongodb|kernel|puppet"
_VERSION_BEFORE = re.compile(
    rf"(?<![^\W_])(?:v|ver|version|rev|revision|rel|release|build|firmware|{_PROGRAMS})[\s._-]{{0,3}}$", re.IGNORECASE
)
_RELEASE_AFTER = re.compile(
    r"[\s._-]?(?:rc[0-9]*|beta[0-9]*|alpha[0-9]*|amd64|x64|x86|win32|win64|setup|installer|lts|sp[0-9])(?![^\W_])",
    re.IGNORECASE,
)

# Words that may stand beside a family in a folder's name without making it another thing.
_BESIDE = {"and", "family", "domain", "controls", "control", "evidence", "artifacts", "cmmc", "nist", "level", "l2"}
_DOCUMENTS = "polic(?:y|ies)|procedures?|plan|standard|controls|evidence"


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names: objectives, requirements without a letter, and where in the text they stand."""

    objectives: tuple[ObjectiveId, ...] = ()
    requirements: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    below: bool = False  # letters alone, in a folder that names their requirement

    def __bool__(self) -> bool:
        return bool(self.objectives or self.requirements)


@dataclass(frozen=True, slots=True)
class Filed:
    """Where a file belongs by its name and folders, a title made of its name, and what told it."""

    objectives: tuple[ObjectiveId, ...]
    requirements: tuple[str, ...]
    family: str
    title: str
    why: str


def recognise(path: str, level: int = 2) -> Filed:
    """Where a file belongs by its name with its folders, which either separator may part, in a system of a level.

    The name goes before the folders and a near folder before a far one; yet where that place names a requirement and
    another one an objective of it, the objective stands. A requirement with one objective is that objective.
    """
    *folders, name = _parts(path) or [""]
    stem = _EXTENSION.sub("", name)
    parts = [*folders, stem]
    places = _places(parts, level)
    here = next((at for at in reversed(range(len(places))) if places[at]), None)
    title = _title(stem, places[-1].spans, name)
    if here is None:
        family, why = _family(parts)
        return Filed((), (), family, title, why)
    objectives, requirements, helped = _narrowed(places, here)
    families = {str(one)[:2] for one in (*objectives, *requirements)}
    return Filed(
        objectives, requirements, families.pop() if len(families) == 1 else "", title, _why(parts, [here, *helped])
    )


def origin_of(path: str) -> str:
    """A path as it is kept beside an artifact: clean, parted by `/`, its far folders left out where it is too long.

    Empty for a name without folders: that is kept as the file's name anyway.
    """
    parts = _parts(path)
    while len("/".join(parts)) > LONGEST_ORIGIN and len(parts) > 1:
        parts = parts[1:]
    return "/".join(parts) if len(parts) > 1 else ""


def is_system_file(path: str) -> bool:
    """Whether a file of a folder is hidden, or one that the computer put there by itself (`.DS_Store`, `Thumbs.db`)."""
    parts = _parts(path)
    return any(part.startswith((".", "~$")) for part in parts) or (bool(parts) and parts[-1].lower() in _SYSTEM_FILES)


def named_in(text: str, *, running: bool = False, level: int = 2) -> Named:
    """The objectives and requirements that a text names, each once, in the order in which they stand.

    In running text three bare numbers are the number of a section more often than a requirement, and `3.1.1(a)` one
    of a contract: there, only what has its level before it or a letter in square brackets counts.
    """
    objectives: dict[ObjectiveId, None] = {}
    requirements: dict[str, None] = {}
    spans = []
    for span, found in sorted(_each(text, level, running=running), key=lambda one: one[0]):
        objectives |= dict.fromkeys(found.objectives)
        requirements |= dict.fromkeys(found.requirements)
        spans.append(span)
    narrower = {one.requirement for one in objectives}
    return Named(tuple(objectives), tuple(r for r in requirements if r not in narrower), tuple(spans))


def _each(text: str, level: int, *, running: bool) -> Iterator[tuple[tuple[int, int], Named]]:
    """Everything in a text that names something of a level, with its place."""
    for match in _pattern(level).finditer(text):
        if running and not (match["level"] or "[" in (match["bracketed"] or "")):
            continue
        found = _read_first(match) if level == 1 else _read(match, level)
        if found and not (level > 1 and _is_other(text, match, level)):
            yield match.span(), found
    if level == 1:
        for span, named in _each(text, 2, running=running):
            found = _at_first_level(named)
            if found:
                yield span, found


def _at_first_level(named: Named) -> Named:
    """What is named by numbers of NIST SP 800-171, as Level 1 has it; nothing where it asks for none of that."""
    objectives = filter(None, map(at_first_level, named.objectives))
    first = (at_first_level(ObjectiveId(one, "a")) for one in named.requirements)
    return Named(tuple(objectives), tuple(one.requirement for one in first if one))


@cache
def _pattern(level: int) -> re.Pattern[str]:
    """An identifier in a text. Every repetition is bounded, so the time grows with the text only."""
    codes = "|".join(family.code for family in load(2).families)
    front = (
        rf"(?:(?P<family>(?i:{codes}))[._-]{{0,2}}|(?P<capitals>{codes})\s?[._–-]?\s?)?"
        rf"(?:[Ll](?P<level>[0-9])[\s._-]{{1,3}})?"
    )
    letters = rf"(?:\s{{0,3}}(?P<bracketed>{_BRACKETS})|[._-]?(?P<bare>{_LIST})(?![^\W_])|(?![^\W_]))"
    if level == 1:
        roman = r"[IiVvXx]{1,5}"
        own = rf"(?<![^\W_]){front}[Bb](?P<sep>[._-])1(?P=sep)(?P<roman>{roman})(?![^\W_])"
        far = rf"\([Bb]\)\s?\(1\)\s?\((?P<paragraph>{roman})\)"
        return re.compile(rf"(?:{own}|{far})(?:\s{{0,3}}(?P<bracketed>{_BRACKETS})|[._-](?P<bare>{_LIST})(?![^\W_]))?")
    number = r"0?3(?P<sep>[._-])0?(?P<two>[1-9][0-9]?)(?P=sep)0?(?P<three>[1-9][0-9]?)"
    ends = rf"(?![0-9]|\.[0-9]){letters}" if level == 2 else r"[Ee](?![^\W_])(?:\s?(?P<bracketed>\[[Aa]\]))?"
    return re.compile(rf"(?<![^\W_])(?<![0-9]\.){front}{number}{ends}")


def _is_other(text: str, match: re.Match[str], level: int) -> bool:
    """Whether the numbers are a version, a date with dashes, or an identifier of another level."""
    # The 17 requirements that levels 1 and 2 share were called AC.L1-3.1.1 for years.
    if match["level"] not in ({None, "1", "2"} if level == 2 else {None, "3"}):
        return True
    if match["family"] or match["capitals"] or match["level"]:
        return False
    if match["sep"] != "." or _RELEASE_AFTER.match(text, match.end("three")):
        return True
    return _VERSION_BEFORE.search(text[max(0, match.start() - 20) : match.start()]) is not None


def _read(match: re.Match[str], level: int) -> Named:
    family = match["family"] or match["capitals"]
    number = f"{family}.L{level}-" * bool(family) + f"3.{match['two']}.{match['three']}{'e' * (level == 3)}"
    letters = (match["bracketed"] or match["bare"]) if level == 2 else ""
    return _of(number, letters or "", level)


def _read_first(match: re.Match[str]) -> Named:
    family = match["family"] or match["capitals"]
    if match["level"] not in {None, "1"}:
        return Named()
    number = f"{family}.L1-" * bool(family) + f"b.1.{match['roman'] or match['paragraph']}"
    return _of(number, match["bracketed"] or match["bare"] or "", 1)


def _of(number: str, letters: str, level: int) -> Named:
    """What a number of a level names, with those letters or without any."""
    try:
        requirement = parse_requirement_id(number, level)
    except Invalid:
        return Named()
    if letters:
        return Named(_lettered(requirement, letters))
    only = _objective(requirement)
    return Named((only,)) if only else Named((), (requirement,))


def _lettered(number: str, letters: str) -> tuple[ObjectiveId, ...]:
    """The objectives of those letters; of a range that does not end where it should, none."""
    found: dict[ObjectiveId, None] = {}
    for pair in _PAIR.finditer(letters.lower()):
        first = _objective(f"{number}[{pair[1]}]")
        last = _objective(f"{number}[{pair[2]}]") if pair[2] else first
        if first and last:
            between = range(ord(first.letter), ord(last.letter) + 1)
            found |= dict.fromkeys(ObjectiveId(first.requirement, chr(letter)) for letter in between)
    return tuple(found)


@lru_cache(maxsize=2_000)
def _objective(text: str) -> ObjectiveId | None:
    try:
        return parse_objective_id(text)
    except Invalid:
        return None


def _parts(path: str) -> list[str]:
    """The folders and the name, cleaned; `..` takes the folder before it away."""
    parts: list[str] = []
    for part in _SEPARATORS.split(path[-LONGEST_PATH:]):
        clean = clean_line(part)
        if clean == "..":
            parts = parts[:-1]
        elif clean not in {"", "."}:
            parts.append(clean)
    return parts


def _places(parts: Sequence[str], level: int) -> list[Named]:
    """What each part names. Letters alone count in a folder of one requirement: `3.1.1/[a] Rules.pdf`, `3.1.1/a/`."""
    places: list[Named] = []
    for part in parts:
        named = named_in(part, level=level)
        above = places[-1] if places else Named()
        letters = _LETTERS_FIRST.match(part)
        if not named and letters and len(above.requirements) == 1 and not above.objectives:
            found = _lettered(above.requirements[0], letters[0])
            named = Named(found, (), (letters.span(),) if found else (), bool(found))
        places.append(named)
    return places


def _narrowed(places: Sequence[Named], here: int) -> tuple[tuple[ObjectiveId, ...], tuple[str, ...], list[int]]:
    """What one place names, with objectives of its requirements from the places around, and which places helped."""
    objectives = dict.fromkeys(places[here].objectives)
    open_ = list(places[here].requirements)
    helped = []
    for at in range(here - 1, -1, -1):
        more = [one for one in places[at].objectives if one.requirement in open_]
        if more:
            objectives |= dict.fromkeys(more)
            open_ = [r for r in open_ if r not in {one.requirement for one in more}]
            helped.append(at)
    if places[here].below:
        helped.append(here - 1)
    return tuple(objectives), tuple(open_), helped


def _family(parts: Sequence[str]) -> tuple[str, str]:
    """The family that the name or else the nearest folder speaks of, and where it was read."""
    spoken = _words(parts[-1])
    for family in load(2).families:
        named = f" {' '.join(_name_words(family.name))} " in f" {' '.join(w for w in spoken if w != 'and')} "
        if named or re.match(rf"{family.code}[\s_-]{{1,3}}(?:{_DOCUMENTS})(?![^\W_])", parts[-1], re.IGNORECASE):
            return family.code, _why(parts, [len(parts) - 1])
    for at in range(len(parts) - 2, -1, -1):
        code = _family_folders().get(_folder_key(parts[at]))
        if code:
            return code, _why(parts, [at])
    return "", _NOTHING


@cache
def _family_folders() -> dict[str, str]:
    """What a folder of a family may be called: `AC`, `Access Control`, `AC - Access Control`, `3.1 Access Control`."""
    found: dict[str, str] = {}
    for family in load(2).families:
        code, number = family.code.lower(), family.requirements[0].nist_id.rsplit(".", 1)[0].split(".")[1]
        name = " ".join(_name_words(family.name))
        for key in (code, name, f"{code} {name}", f"{name} {code}"):
            found |= {_folder_key(key): family.code, _folder_key(f"3.{number} {key}"): family.code}
        found[_folder_key(f"3.{number}")] = family.code
    return found


def _folder_key(folder: str) -> str:
    """A folder's name without what may stand beside a family; numbers before it only sort, but 3.1 is a family."""
    words = [word for word in _words(folder) if word not in _BESIDE]
    letters = [word for word in words if not word.isdigit()]
    numbers = [word.lstrip("0") for word in words if word.isdigit()]
    is_number = numbers[:1] == ["3"] and len(numbers) == 2 and re.search(r"0?3\.[0-9]", folder)
    return " ".join([*(numbers if is_number else []), *letters]) if letters or is_number else ""


def _name_words(name: str) -> list[str]:
    return [word for word in _words(name) if word != "and"]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _why(parts: Sequence[str], places: Iterable[int]) -> str:
    told = []
    for at in places:
        shown = parts[at][:_SHOWN] + "…" * (len(parts[at]) > _SHOWN)
        told.append("its name" if at == len(parts) - 1 else f"the folder “{shown}”")
    return f"from {' and '.join(told)}"


def _title(stem: str, spans: Sequence[tuple[int, int]], name: str) -> str:
    """The name as a title: without the identifiers and what joins them, underscores as spaces; never empty."""
    kept, at = [], 0
    for start, end in spans:
        between = stem[at:start]
        kept.append(" " if at and _JOINT.fullmatch(between) else between)
        at = end
    without = _EMPTY_BRACKETS.sub(" ", " ".join([*kept, stem[at:]]))
    for text in (without.replace("_", " "), stem, name):
        title = clean_line(text).strip(_EDGES)[:LONGEST_TITLE].rstrip()
        if is_visible(title):
            return title
    return _UNTITLED
