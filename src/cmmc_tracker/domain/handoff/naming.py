"""Where each artifact of a package lies, so that an assessor finds it by requirement and any system can unpack it.

`artifacts/<family>/<requirement>/<letters> <title>.<extension>`: each file once, at the first requirement that it
proves; its other places are listed beside it. Names are ASCII, short, without what Windows refuses, and apart from each
other whatever the case: in the hash log two names must never look alike (our decision; docs/rules.md).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain, count

from cmmc_tracker.domain.catalog import ObjectiveId, load

ROOT = "artifacts"
HELD = "held"
LONGEST_PATH = 200
_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$|clock\$) *(?:\..*)?", re.IGNORECASE)
_LONGEST_EXTENSION = 12


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file that goes into a package: which it is, and the objectives that it proves, in any order."""

    artifact: int
    version: int
    position: int  # in the version, from 1
    files: int  # how many the version has
    title: str
    filename: str
    objectives: tuple[ObjectiveId, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A file with its path in the package, with slashes, and the folders where it would lie too."""

    wanted: Wanted
    path: str
    further: tuple[str, ...]


def place(files: Iterable[Wanted], level: int) -> list[Placed]:
    """Give each file its path; the same files get the same paths, in whatever order they come."""
    every = (ObjectiveId(r.id, o.letter) for r in load(level).requirements for o in r.objectives)
    order = {one: number for number, one in enumerate(every)}
    taken: set[str] = set()
    placed = []
    for one in sorted(files, key=lambda f: (f.artifact, f.position)):
        known = sorted((o for o in one.objectives if o in order), key=order.__getitem__)
        folders = list(dict.fromkeys(_folder(o) for o in known)) or [f"{ROOT}/unlinked"]
        letters = "".join(o.letter for o in known if _folder(o) == folders[0])
        path = _apart(folders[0], _name(replace(one, title=f"{letters} {one.title}".strip())), one, taken)
        taken.add(path.casefold())
        placed.append(Placed(one, path, tuple(folders[1:])))
    return sorted(placed, key=lambda p: p.path.encode())


def held_path(artifact: int, filename: str) -> str:
    """Where an artifact that is held elsewhere stands in the hash log, with backslashes: no file lies there."""
    return f".\\{HELD}\\{artifact}\\{clean(filename, 120) or 'file'}"


def in_log(path: str) -> str:
    """A path as the hash log writes it."""
    return ".\\" + path.replace("/", "\\")


def clean(text: str, longest: int) -> str:
    """A name that every system takes, as like the text as can be; empty where nothing of it is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    name = " ".join(_REFUSED.sub(" ", plain).split())[:longest].strip(" .")
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _folder(objective: ObjectiveId) -> str:
    return f"{ROOT}/{objective.requirement.partition('.')[0]}/{objective.requirement}"


def _name(one: Wanted) -> tuple[str, str]:
    """The name before its extension, and the extension with its dot, from the file's own name."""
    stem, dot, extension = one.filename.rpartition(".")
    ending = clean(extension, _LONGEST_EXTENSION).replace(" ", "") if dot and stem else ""
    title = one.title.removesuffix(f".{extension}") if ending else one.title
    if one.files > 1:
        title = f"{title} {one.position:02}"
    return clean(title, LONGEST_PATH) or f"artifact {one.artifact}", f".{ending.lower()}" if ending else ""


def _apart(folder: str, name: tuple[str, str], one: Wanted, taken: set[str]) -> str:
    """The path, with the artifact's number where another has it already, cut to what every system takes."""
    own = f"{one.artifact}-{one.position}"
    marks = chain(("", f" ({one.artifact})", f" ({own})"), (f" ({own}-{number})" for number in count(2)))
    for mark in marks:  # titles may look like any of them
        room = LONGEST_PATH - len(folder) - 1 - len(mark) - len(name[1])
        path = f"{folder}/{name[0][:room].rstrip(' .')}{mark}{name[1]}"
        if path.casefold() not in taken:
            return path
    raise AssertionError("there is always another number")
