"""What would come of unpacking a ZIP archive into single artifacts, and the reading of one member.

The table of contents is the archive's own word. The plan refuses what cannot be true of it, two readers must agree on
it, and `read` believes no size: it counts and stops. Members are bytes with a name to be shown; nothing is written to
disk here or joined into a path, so a name that leads out of its folder leads nowhere.
"""

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from cmmc_tracker.domain.examination.archives import Contents, Entry, contents
from cmmc_tracker.domain.examination.reading import Unreadable, Window, amount
from cmmc_tracker.domain.text import clean_line, normal
from cmmc_tracker.domain.uploads import clean_name, extension_of, media_type
from cmmc_tracker.errors import Invalid, UnsupportedType

MOST_TAKEN = 2_000
MOST_MEMBERS = 10_000  # of which most may be folders and what is not taken
PIECE = 65_536
_SHOWN = 300  # characters of a path, and of a title
_LONGEST_PATH = 4_096
_DENSEST = 1_032  # deflate packs no tighter (zlib's technical notes)
_BOMB_SIZE, _BOMB_RATIO = 10 * 1_048_576, 100  # beyond both, no document of people's
_STORED, _DEFLATED = 0, 8
_UNIX = frozenset({3, 19})
_LOCAL = struct.Struct("<4s22xHH")
_ARCHIVES = re.compile(r"\.(?:7z|bz2|cab|gz|iso|jar|lzh|rar|tar|tgz|war|xz|zip|zipx|zst)\Z", re.IGNORECASE)
_JUNK = re.compile(r"(?:\A|/)(?:__MACOSX/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini|~\$[^/]*)\Z", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_JUNK_SAID = "a hidden file that a computer made for itself"
_NESTED = "an archive in an archive is not unpacked: unpack it first"


@dataclass(frozen=True, slots=True)
class Planned:
    """A member that is taken: where it stands in the archive, and what it becomes.

    `path` is for showing only; `name` is the file's cleaned name; `title` tells members of one name apart; `notes` say
    what is odd about it. The rest is how `read` finds its bytes.
    """

    path: str
    name: str
    title: str
    size: int
    notes: tuple[str, ...]
    packed: int
    start: int
    deflated: bool
    crc: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A member that is not taken, and why, as the end of a sentence; `junk` marks what no person put there."""

    path: str
    size: int
    why: str
    junk: bool = False


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """Every member of an archive in its order: those that become artifacts and those that do not."""

    entries: tuple[Planned, ...]
    refused: tuple[Refused, ...]

    @property
    def size(self) -> int:
        """Bytes that the taken members say they have together."""
        return sum(one.size for one in self.entries)

    @property
    def summary(self) -> tuple[str, ...]:
        """The plan in lines."""
        left = [one for one in self.refused if not one.junk]
        junk = len(self.refused) - len(left)
        lines = [f"Files taken: {len(self.entries):,}, {amount(self.size)} together"]
        lines += [f"Not taken, each with its reason: {len(left):,}"] if left else []
        lines += [f"Hidden files of a computer's own, left out: {junk:,}"] if junk else []
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Member:
    entry: Entry
    info: zipfile.ZipInfo
    path: str


def plan(file: BinaryIO, size: int, *, most_each: int, most_together: int) -> ArchivePlan:
    """What would be taken of an archive of that size; nothing is unpacked.

    A member may have `most_each` bytes, all that are taken `most_together`. Raises `Invalid` naming `file` for what is
    no archive or a damaged one, for one that shares bytes between its members, and for one with too many or too much.
    """
    window = Window(file, size)
    members = _members(file, window)
    starts = [_start(window, member) for member in members]
    _refuse_shared(members, starts)
    taken, refused = [], []
    for member, start in zip(members, starts, strict=True):
        why = _hindrance(member, most_each)
        if why is None:
            taken.append((member, start))
        else:
            refused.append(Refused(member.path, member.entry.size, why, junk=why is _JUNK_SAID))
    files = [member for member, _ in taken]
    _refuse_too_much(files, most_together)
    return ArchivePlan(_planned(files, [start for _, start in taken]), tuple(refused))


def _planned(files: list[_Member], starts: list[int]) -> tuple[Planned, ...]:
    names = [clean_name(_slashed(member.entry.name)) for member in files]
    return tuple(
        Planned(
            path=member.path,
            name=name,
            title=title,
            size=member.entry.size,
            notes=notes,
            packed=member.entry.packed,
            start=start,
            deflated=member.entry.method == _DEFLATED,
            crc=member.info.CRC,
        )
        for member, name, title, notes, start in zip(
            files, names, _titles(files, names), _notes(files, names), starts, strict=True
        )
    )


def read(file: BinaryIO, planned: Planned) -> Iterator[bytes]:
    """The bytes of one member in pieces of at most 64 KiB.

    Whether they are right is known at their end only: raises `Invalid` as soon as there are more than were declared,
    for damage, and for a wrong checksum, and then nothing that came before may be kept.
    """
    crc = given = 0
    for piece in _unpacked(file, planned):
        if not piece:
            continue
        given += len(piece)
        if given > planned.size:
            raise _broken(planned, "unpacks to more than it says")
        crc = zlib.crc32(piece, crc)
        yield piece
    if given < planned.size:
        raise _broken(planned, "is shorter than it says")
    if crc != planned.crc:
        raise _broken(planned, "does not have the checksum that it should")


def _unpacked(file: BinaryIO, planned: Planned) -> Iterator[bytes]:
    if not planned.deflated:
        yield from _packed(file, planned)
        return
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for packed in _packed(file, planned):
            piece = packed
            while piece and not machine.unused_data:
                yield machine.decompress(piece, PIECE)
                piece = machine.unconsumed_tail
        while found := machine.decompress(b"", PIECE):  # what it still holds when all packed bytes are in it
            yield found
    except zlib.error:
        raise _broken(planned, "is damaged") from None
    if machine.unused_data or not machine.eof:
        raise _broken(planned, "is damaged, or cut short")


def _packed(file: BinaryIO, planned: Planned) -> Iterator[bytes]:
    at, left = planned.start, planned.packed
    while left:
        file.seek(at)
        piece = file.read(min(PIECE, left))
        if not piece:
            raise _broken(planned, "is cut short")
        at, left = at + len(piece), left - len(piece)
        yield piece


def _members(file: BinaryIO, window: Window) -> list[_Member]:
    try:
        found = contents(window)
    except (Unreadable, struct.error):
        raise _refused("This is no ZIP archive, or it is damaged.") from None
    if found.count > MOST_MEMBERS:
        raise _refused(
            f"The archive holds {found.count:,} entries; at most {MOST_MEMBERS:,} are looked through. "
            "Split it into smaller ones."
        )
    if not found.entries:
        raise _refused("The archive is empty.")
    return [
        _Member(entry, info, _path(entry.name))
        for entry, info in zip(found.entries, _second_reading(file, found), strict=True)
    ]


def _second_reading(file: BinaryIO, found: Contents) -> list[zipfile.ZipInfo]:
    """The entries as another reader has them: with checksum and mode, which ours leaves out, and in agreement."""
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, OverflowError, struct.error):
        raise _refused("The archive is damaged, or built in an unusual way.") from None
    ours = [(entry.offset + found.shift, entry.packed, entry.size, entry.method) for entry in found.entries]
    if ours != [(one.header_offset, one.compress_size, one.file_size, one.compress_type) for one in infos]:
        raise _refused("The archive is built so that programs do not agree on what it holds.")
    return infos


def _hindrance(member: _Member, most: int) -> str | None:
    """Why a member is not taken; None when it is."""
    entry = member.entry
    if len(entry.name) > _LONGEST_PATH:
        return f"its path has {len(entry.name):,} characters"
    path = _slashed(entry.name)
    if _JUNK.search(path):
        return _JUNK_SAID
    if not path.endswith("/") and entry.encrypted:
        return "encrypted: unpack it with its password first"
    return _no_file(member, path) or _wrong_name(path) or _wrong_size(entry, most)


def _no_file(member: _Member, path: str) -> str | None:
    mode = member.info.external_attr >> 28 if member.info.create_system in _UNIX else 0
    if path.endswith("/") or mode == 0o04:
        return "a folder: only files are taken"
    if member.entry.link or mode == 0o12:
        return "a link, not a file"
    return "a device, not a file" if mode not in {0, 0o10} else None


def _wrong_name(path: str) -> str | None:
    try:
        name = clean_name(path)
        media_type(name)
    except Invalid:
        return "it has no name that can be kept"
    except UnsupportedType as error:
        return _NESTED if _ARCHIVES.search(name[-12:]) else error.message
    return _NESTED if extension_of(name) == ".zip" else None


def _wrong_size(entry: Entry, most: int) -> str | None:
    if entry.size == 0:
        return "empty"
    if entry.method not in {_STORED, _DEFLATED}:
        return "packed in a way that is not read here: pack it as an ordinary ZIP"
    impossible = entry.size > _DENSEST * entry.packed + PIECE if entry.method else entry.size != entry.packed
    if impossible:
        return "it says a size that it cannot have"
    if entry.size > _BOMB_SIZE and entry.size > _BOMB_RATIO * entry.packed:
        return f"it grows {entry.size // max(entry.packed, 1):,} times in unpacking, as only a bomb does"
    if entry.size > most:
        return f"{amount(entry.size)}: a file may have {amount(most)}"
    return None


def _start(window: Window, member: _Member) -> int:
    """Where a member's packed bytes begin."""
    at = member.info.header_offset
    try:
        signature, named, extra = _LOCAL.unpack(window.at(at, _LOCAL.size))
        window.at(at, _LOCAL.size + named + extra)
    except Unreadable:
        signature, named, extra = b"", 0, 0
    start = at + _LOCAL.size + named + extra
    if signature != b"PK\x03\x04" or start + member.entry.packed > window.size:
        raise _refused(f"The archive is damaged: “{member.path}” is not where it should be.")
    return int(start)


def _refuse_shared(members: list[_Member], starts: list[int]) -> None:
    """A bomb lets many members point at the same bytes, so that a small file becomes terabytes."""
    ends = (start + member.entry.packed for member, start in zip(members, starts, strict=True))
    places = sorted(zip((member.info.header_offset for member in members), ends, strict=True))
    if any(begin < end for (_, end), (begin, _) in pairwise(places)):
        raise _refused("Members of the archive share their bytes, as only a bomb does.")


def _refuse_too_much(taken: list[_Member], most: int) -> None:
    if len(taken) > MOST_TAKEN:
        raise _refused(
            f"The archive would become {len(taken):,} artifacts; at most {MOST_TAKEN:,} are made at once. "
            "Split it into smaller ones."
        )
    together = sum(one.entry.size for one in taken)
    if together > most:
        raise _refused(
            f"The archive's files have {amount(together)} together; at most {amount(most)} are unpacked at once. "
            "Split it into smaller ones."
        )


def _titles(taken: list[_Member], names: list[str]) -> list[str]:
    """A title for each: its name, with its folders where the name alone stands for several, numbered where need be."""
    counts = Counter(_folded(name) for name in names)
    seen: Counter[str] = Counter()
    titles = []
    for member, name in zip(taken, names, strict=True):
        title = _stem(name if counts[_folded(name)] == 1 else member.path)
        seen[title] += 1
        titles.append(title if seen[title] == 1 else f"{title[: _SHOWN - 10]} ({seen[title]})")
    return titles


def _notes(taken: list[_Member], names: list[str]) -> list[tuple[str, ...]]:
    paths = [_slashed(member.entry.name) for member in taken]
    exact, folded = Counter(paths), Counter(_folded(path) for path in paths)
    notes = []
    for path, name in zip(paths, names, strict=True):
        said = []
        if _leads_out(path):
            said.append("Its path leads out of the archive's folder; only its name is used.")
        if exact[path] > 1:
            said.append("Its path stands in the archive more than once; each is kept.")
        elif folded[_folded(path)] > 1:
            said.append("Another path differs from it only by case or accents' form; both are kept.")
        if name != path.rsplit("/", 1)[-1]:
            said.append("Its name was cleaned.")
        notes.append(tuple(said))
    return notes


def _leads_out(path: str) -> bool:
    return path.startswith("/") or "\0" in path or _DRIVE.match(path) is not None or "/../" in f"/{path}/"


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


def _folded(text: str) -> str:
    return normal(text, "NFKC").casefold()


def _stem(name: str) -> str:
    ending = extension_of(name.rsplit("/", 1)[-1])
    return name[: -len(ending)] if ending else name


def _path(name: str) -> str:
    """A member's path as it is shown: printable, its end where it is long."""
    path = clean_line(_slashed(name[-4 * _SHOWN :].replace("\0", "")))
    return path if len(path) <= _SHOWN else f"…{path[1 - _SHOWN :]}"


def _refused(why: str) -> Invalid:
    return Invalid({"file": f"{why} Nothing was kept of it."})


def _broken(planned: Planned, why: str) -> Invalid:
    return Invalid({"file": f"“{planned.path}” {why}. Nothing was kept of it."})
