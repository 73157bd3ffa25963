"""PDFs: names that make a reader act, by a bounded scan of the raw bytes and of object streams. Pure.

A PDF's names may be written with hexadecimal escapes (ISO 32000-1, 7.3.5) and may stand in compressed object streams
(7.5.7); both are undone here, within budgets of bytes, so that the same file always gets the same sentences.
"""

import re
import zlib
from collections.abc import Iterator
from functools import lru_cache

from cmmc_tracker.domain.examination.reading import Unreadable, Window, inflated

_PIECE, _OVERLAP = 1_048_576, 512
_MOST_SLASHES, _MOST_ESCAPES, _MOST_DOUBTFUL = 2_000_000, 200_000, 2_000
_MOST_STREAMS, _MOST_PACKED, _MOST_INFLATED, _STREAM = 4_000, 16 * 1_048_576, 16 * 1_048_576, 4 * 1_048_576
_DELIMITER = rb"(?=[\s\0/<>\[\](){}%])"
_GAP = re.compile(rb"(?:[\s\0]|%[^\r\n]{0,80}[\r\n]){0,40}")
_FOLLOWED = re.compile(rb"<<|\d{1,10}[\s\0]{1,9}\d{1,10}[\s\0]{1,9}R|[(<]")
# Short names turn up in packed data by chance: what follows must be an action (or, of JS, a text) too. A place in the
# document, `[`, is no action.
_BY_WHAT_FOLLOWS = {"js": "script", "acts": "acts"}
# A letter or digit as #XX; other signs would change where a name ends.
_ESCAPE = re.compile(rb"#(3[0-9]|4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])")
_NAMES = {
    "script": rb"JavaScript" + _DELIMITER,
    "js": rb"JS" + _DELIMITER,
    "launch": rb"Launch" + _DELIMITER,
    "acts": rb"(?:OpenAction|AA)" + _DELIMITER,
    "files": rb"EmbeddedFiles?" + _DELIMITER,
    "media": rb"RichMedia(?:Content)?" + _DELIMITER,
    "sends": rb"(?:SubmitForm|ImportData)" + _DELIMITER,
    "form": rb"XFA" + _DELIMITER,
    "locked": rb"Encrypt" + _DELIMITER,
}
_SENTENCES = {
    "script": "It holds JavaScript, which a PDF program may run.",
    "launch": "It can start another program (Launch).",
    "acts": "It does something by itself when it is opened or used (OpenAction or AA); often it only goes to a page.",
    "files": "It carries other files inside.",
    "media": "It carries video, sound or other active media (RichMedia).",
    "sends": "It can send what is typed into it to an address, or take data in from one.",
    "form": "It holds an XFA form, which may run scripts.",
    "locked": "It is encrypted, so what its compressed parts hold could not be examined.",
}
_STREAM_BEGINS = re.compile(rb"stream\r?\n")


def findings(window: Window) -> list[str]:
    """What to know of a PDF before opening it."""
    scan = _Scan(window)
    scan.raw()
    scan.object_streams()
    said = [text for name, text in _SENTENCES.items() if name in scan.found]
    if not window.up_to(0, 8).startswith(b"%PDF-"):
        said.append("Something stands before its beginning, so that other programs may take it for another kind.")
    if scan.unread and "locked" not in scan.found:
        said.append("Not all of it could be examined: parts are damaged, disguised or too large.")
    return said


@lru_cache(maxsize=512)
def _pattern(found: frozenset[str]) -> re.Pattern[bytes]:
    """What is still looked for: each is wanted once, so a file that repeats a name costs no more."""
    dropped = found | _BY_WHAT_FOLLOWS.keys() if "doubtful" in found else found
    wanted = [rb"(?P<" + name.encode() + rb">" + text + rb")" for name, text in _NAMES.items() if name not in dropped]
    return re.compile(rb"/(?:" + rb"|".join(wanted) + rb")") if wanted else re.compile(rb"(?!)")


class _Scan:
    def __init__(self, window: Window) -> None:
        self._window = window
        self._slashes, self._escapes = _MOST_SLASHES, _MOST_ESCAPES
        self._doubtful = 0
        self._streams: list[int] = []  # places behind `/ObjStm`
        self.found: set[str] = set()
        self.unread = False

    def raw(self) -> None:
        """The bytes as they are, piece by piece; pieces overlap, so that no name is cut."""
        for at, piece in _pieces(self._window):
            self._look(piece)
            self._note_streams(at, piece)

    def _look(self, data: bytes) -> None:
        if self._slashes >= 0:
            self._slashes -= data.count(b"/")
        if self._slashes < 0:
            self.unread = True
            return
        if b"#" in data:
            data, count = _ESCAPE.subn(_unescaped, data, self._escapes + 1)
            self._escapes = max(0, self._escapes - count)
            self.unread = self.unread or self._escapes == 0
        at, pattern = 0, _pattern(frozenset(self.found))
        while match := pattern.search(data, at):
            at = match.end()
            if self._counts(match.lastgroup or "", data, at):
                pattern = _pattern(frozenset(self.found))

    def _counts(self, name: str, data: bytes, at: int) -> bool:
        """Note a name that was found; whether it need not be looked for any more."""
        if name not in _BY_WHAT_FOLLOWS:
            self.found.add(name)
            return True
        begins = _GAP.match(data, at)
        if begins and _FOLLOWED.match(data, begins.end()):
            self.found |= {name, _BY_WHAT_FOLLOWS[name]}
            return True
        self._doubtful += 1
        if self._doubtful < _MOST_DOUBTFUL:
            return False
        self.found.add("doubtful")
        self.unread = True
        return True

    def _note_streams(self, start: int, piece: bytes) -> None:
        at = piece.find(b"/ObjStm")
        while at >= 0:
            place = start + at + 7
            if not self._streams or place > self._streams[-1]:
                if len(self._streams) == _MOST_STREAMS:
                    self.unread = True
                    return
                self._streams.append(place)
            at = piece.find(b"/ObjStm", at + 7)

    def object_streams(self) -> None:
        """What stands compressed, as far as the budget goes."""
        packed, left = _MOST_PACKED, _MOST_INFLATED
        for number, place in enumerate(self._streams):
            begins = _STREAM_BEGINS.search(self._window.up_to(place, 2_048))
            if begins is None:
                continue
            start = place + begins.end()
            end = self._streams[number + 1] if number + 1 < len(self._streams) else self._window.size
            length = min(end - start, packed, _STREAM)
            data = self._inflated(start, length, min(left, _STREAM))
            packed, left = packed - min(length, len(data) + 1_024), left - len(data)
            self._look(data + b" ")
            if packed <= 0 or left <= 0 or self._slashes < 0:
                self.unread = True
                return

    def _inflated(self, start: int, length: int, most: int) -> bytes:
        try:
            data = inflated(self._window, start, length, most, zlib.MAX_WBITS)
        except Unreadable:
            self.unread = True
            return b""
        self.unread = self.unread or len(data) == most
        return data


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))


def _pieces(window: Window) -> Iterator[tuple[int, bytes]]:
    for at in range(0, max(window.size, 1), _PIECE):
        start = max(0, at - _OVERLAP)
        piece = window.up_to(start, at - start + _PIECE)
        yield start, piece if start + len(piece) < window.size else piece + b" "
