"""A register's table: bytes of CSV into rows within bounds, and the header that says what its columns are. Pure."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cmmc_tracker.errors import Invalid

LARGEST = 20_000_000  # bytes
LONGEST_LINE = 130_000  # characters: below what the reader takes in one cell, so that none can fail unseen
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 5_000, 50, 20_000
MOST_EMPTY = 20_000  # rows, with the filled ones
_MOST_LINES = 200_000  # cells may have several
_SEPARATORS = ",;\t|"
_SNIFFED = 20_000  # characters
_HEADER_WITHIN = 20  # rows
_BRACKETS = re.compile(r"[(\[][^()\[\]]{0,200}[)\]]")
_BETWEEN = re.compile(r"[\W_]+")
_FORMULA_SIGNS = frozenset("=+-@＝＋－＠")
_HINT = re.compile(r"sep=([,;\t|])", re.IGNORECASE)

IDENTITY = frozenset({"title", "file", "location", "sha256"})
_SYNONYMS = {
    "title": "title name artifact artifactname artifacttitle evidence evidencename evidencetitle document documentname "
    "documenttitle",
    "file": "file filename filepath path artifactfile evidencefile documentfile attachment",
    "location": "location url uri link storedat storage storagelocation filelocation evidencelocation repository",
    "sha256": "sha256 sha hash sha256hash sha256checksum sha256sum hashvalue filehash checksum digest",
    "size": "size bytes sizebytes sizeinbytes filesize",
    "objectives": "objective objectives objectiveid objectiveids assessmentobjective assessmentobjectives control "
    "controls controlid controlids controlnumber requirement requirements requirementid requirementids "
    "securityrequirement securityrequirements practice practices practiceid practiceids cmmcpractice cmmcpractices "
    "cmmcid nistid nistcontrol nistcontrols mappedto mapsto satisfies supports",
    "kind": "kind type artifacttype artifactkind evidencetype documenttype category",
    "covers_from": "coversfrom coverfrom coveredfrom from start startdate periodstart periodfrom coveragestart "
    "validfrom begin begins",
    "covers_until": "coversuntil coversto coveruntil covereduntil until to end enddate periodend periodto coverageend "
    "validuntil validto ends",
    "collected_on": "collected collectedon collectiondate datecollected collecteddate gathered gatheredon obtained "
    "capturedate captured date evidencedate",
    "owner": "owner ownedby responsible responsibleperson responsibleparty artifactowner evidenceowner assignee "
    "assignedto",
    "reviewer": "reviewer reviewedby reviewperson",
    "description": "description details detail notes note comment comments remarks summary purpose",
    "cadence": "cadence frequency interval howoften reviewfrequency updatefrequency refreshfrequency "
    "collectionfrequency reviewcycle refresh renewal recurrence",
}
FIELDS = {word: field for field, words in _SYNONYMS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its header: where it stands, what it means, and if nothing, why it is left out."""

    position: int
    name: str
    field: str = ""
    left_out: str = ""


def compact(text: str) -> str:
    """A word for comparing: without case, signs and what stands in brackets."""
    return _BETWEEN.sub("", _BRACKETS.sub("", text[:300]).casefold())


def plain(cell: str) -> str:
    """The cell without the apostrophe that our own exports put before what would begin a formula."""
    guarded = cell.startswith("'") and cell.lstrip("'").lstrip()[:1] in _FORMULA_SIGNS
    return cell[1:] if guarded else cell


def read_csv(data: bytes) -> list[list[str]]:
    """The rows of a CSV file, those without anything too, so that numbers stay; cells are stripped.

    UTF-16 with its mark, else UTF-8, else Windows-1252; the separator (comma, semicolon, tab or bar) is found out.
    Raises `Invalid` naming `file` for what is no table, and for more than the bounds allow.
    """
    if not data.strip(b"\0 \t\r\n"):
        raise refused("The file is empty.")
    _refuse_long_line(data)
    if len(data) > LARGEST:
        raise refused(f"The file is too large for a register: {len(data):,} bytes of at most {LARGEST:,}.")
    text = _decoded(data)
    if "\0" in text:
        raise refused("The file has NUL characters in it, so it is no text; save it as CSV.")
    _refuse_lines(text)
    hint = _HINT.fullmatch(text.split("\n", 1)[0].strip("\r "))
    separator = hint[1] if hint else _separator(text)
    rows = bounded(_rows(text, separator))
    return [[], *rows[1:]] if hint else rows


def bounded(rows: Iterator[list[str]]) -> list[list[str]]:
    """The rows, stripped of what is empty at their ends; raises `Invalid` where they are more than a register has."""
    found: list[list[str]] = []
    filled = 0
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > MOST_COLUMNS:
            raise refused(f"Row {number:,} has {len(cells):,} columns; a register has at most {MOST_COLUMNS}.")
        for column, cell in enumerate(cells, 1):
            if len(cell) > LONGEST_CELL:
                raise refused(
                    f"The cell in row {number:,}, column {column} is longer than {LONGEST_CELL:,} characters."
                )
        filled += bool(cells)
        if filled > MOST_ROWS + 1:  # and the header
            raise refused(f"The register has more than {MOST_ROWS:,} rows; split it.")
        if number > MOST_EMPTY:
            raise refused(f"The table goes on for more than {MOST_EMPTY:,} rows; delete the empty ones at its end.")
        found.append(cells)
    while found and not found[-1]:
        found.pop()
    if not found:
        raise refused("The register is empty.")
    return found


def header(rows: Sequence[list[str]]) -> tuple[int, tuple[Column, ...]]:
    """Where the header stands and what its columns are; raises `Invalid` when no row near the top names them."""
    for at, row in enumerate(islice(rows, _HEADER_WITHIN)):
        fields = {FIELDS[word] for cell in row if (word := compact(cell)) in FIELDS}
        if len(fields) > 1 and fields & IDENTITY:
            return at, tuple(_columns(row, rows[at + 1 :]))
    raise refused(
        "No header was found: one of the first rows must name the columns, such as title, file, objectives, kind, "
        "covers from, covers until, collected, owner, description, cadence, location, SHA-256."
    )


def _columns(row: list[str], below: Sequence[list[str]]) -> Iterator[Column]:
    taken: dict[str, str] = {}
    for position, name in enumerate(row):
        shown = "".join(c if c.isprintable() else " " for c in name[:60])
        field = FIELDS.get(compact(name), "")
        if field and field not in taken:
            taken[field] = shown
            yield Column(position, shown, field)
        elif field:
            yield Column(position, shown, left_out=f"“{taken[field]}” already says the same")
        elif name:
            yield Column(position, shown, left_out="its name is not known")
        elif any(len(one) > position and one[position] for one in below):
            yield Column(position, f"column {position + 1}", left_out="it has no name")
    for position in range(len(row), max((len(one) for one in below), default=0)):
        yield Column(position, f"column {position + 1}", left_out="it has no name")


def refused(why: str) -> Invalid:
    """The refusal of a whole register."""
    return Invalid({"file": f"{why} Nothing was changed."})


def _refuse_long_line(data: bytes) -> None:
    """Before anything is decoded: fifty megabytes without a line's end are told by their first piece."""
    beginning = data[: 4 * LONGEST_LINE + 1]
    if len(beginning) > 4 * LONGEST_LINE and b"\n" not in beginning and b"\r" not in beginning:
        raise _long_line(1)


def _long_line(number: int) -> Invalid:
    return refused(f"Line {number:,} is longer than {LONGEST_LINE:,} characters, so this is no table of people's.")


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _refuse_lines(text: str) -> None:
    lines = text.count("\n") + text.count("\r")
    if lines > _MOST_LINES:
        raise refused(f"The file has {lines:,} lines; a register has at most {MOST_ROWS:,} rows. Split it.")
    for number, line in enumerate(text.replace("\r", "\n").split("\n"), 1):
        if len(line) > LONGEST_LINE:
            raise _long_line(number)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error:
        raise refused(
            f"The quotation marks near line {reader.line_num:,} do not pair, so nobody can tell where a cell ends."
        ) from None


def _separator(text: str) -> str:
    """The one by which the most columns of a header are known; by which there are the most columns at all."""
    best, found = (0, 0), ","
    for separator in _SEPARATORS:
        beginning = csv.reader(io.StringIO(text[:_SNIFFED], newline=""), delimiter=separator)
        rows = list(islice((row for row in beginning if row), _HEADER_WITHIN))
        known = max((len({FIELDS.get(compact(cell)) for cell in row} - {None}) for row in rows), default=0)
        rank = (known, max((len(row) for row in rows), default=0))
        if rank > best:
            best, found = rank, separator
    return found
