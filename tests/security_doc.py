"""What is wrong with the documents on security: the functions that `test_security_doc.py` feeds them to."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
BARE = re.compile(r"`(test_\w+)`")
PATHS = re.compile(
    r"`((?:tests|docs|deploy|tools|src|web|gate|services|storage|domain|reports|api|cli|bench)/[\w./-]*)`"
)
STATES = ("met", "not met", "n/a")
_ROW = re.compile(
    r"\| (?P<number>[\d.]+) +\| (?P<level>[\d, ]+?) +\| (?P<what>.+?) +\| (?P<state>[a-z/ ]+?) +\| (?P<where>.*) \|"
)
_COUNT = re.compile(r"\| (1|2|both) +\| +(\d+) +\| +(\d+) +\| +(\d+) +\| +(\d+) +\|")


def known_tests(root: Path = Path("tests")) -> set[str]:
    """Every test as `tests/path.py::name`, read from the source; a parametrised one by its plain name."""
    return {
        f"{file.as_posix()}::{node.name}"
        for file in root.rglob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def lines_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Heading, name and body of each line of the document; a heading without any has an empty name."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        heading, _, rest = part.partition("\n")
        lines = re.split(r"^### ", rest, flags=re.M)[1:]
        if not lines:
            yield heading.strip(), "", rest
        for line in lines:
            name, _, body = line.partition("\n")
            yield heading.strip(), name.strip(), body


def wrong_lines(text: str, known: set[str], outline: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with a document of lines: tests that are not there, lines without one, lines that are missing."""
    wrong, found = [], {}
    for heading, name, body in lines_of(text):
        found.setdefault(heading, [])
        if not name:
            wrong.append(f"{heading}: no line stands under it")
            continue
        found[heading].append(name)
        named = [f"{file}::{test}" for file, test in NAMED.findall(body)]
        wrong += [f"{heading}, {name}: there is no test {one}" for one in named if one not in known]
        if not named:
            wrong.append(f"{heading}, {name}: no test is named")
        if len(re.sub(r"`[^`]*`", "", body).split()) < 4:
            wrong.append(f"{heading}, {name}: nothing is said")
    if list(found)[: len(outline)] != list(outline):
        wrong.append("the headings are not those of the document, in their order")
    for heading, names in outline.items():
        wrong += [f"{heading}: the line {name} is missing" for name in names if name not in found.get(heading, [])]
        if [name for name in found.get(heading, []) if name in names] != list(names):
            wrong.append(f"{heading}: the lines are not in the document's order")
    return wrong


def wrong_names(text: str, known: set[str]) -> list[str]:
    """Tests that a text names, by file or by their name alone, and that are not there."""
    names = {one.partition("::")[2] for one in known}
    by_file = [f"{file}::{test}" for file, test in NAMED.findall(text)]
    return [one for one in by_file if one not in known] + [one for one in BARE.findall(text) if one not in names]


def wrong_paths(text: str, root: Path = Path()) -> list[str]:
    """Files that a text names, from the root or from the package, and that are not there."""
    places = (root, root / "src" / "cmmc_tracker")
    return [one for one in PATHS.findall(text) if not any((place / one).exists() for place in places)]


def wrong_table(text: str, levels: Mapping[int, Sequence[str]]) -> list[str]:
    """What is wrong with a table of the ASVS: numbers, levels, states, places and counts."""
    wrong: list[str] = []
    given: dict[str, str] = {}
    for row in map(_ROW.fullmatch, text.splitlines()):
        if row is None:
            continue
        number, state = row["number"], row["state"]
        of_row = _numbers(number, levels)
        levels_of_row = ", ".join(str(level) for level in sorted(levels) if set(levels[level]) & set(of_row))
        if not of_row or levels_of_row != row["level"]:
            wrong.append(f"{number}: the standard has no such number at level {row['level']}")
        if state not in STATES:
            wrong.append(f"{number}: {state} is no state")
        if state == "met" and "`" not in row["where"] and "OpenSSL" not in row["where"]:
            wrong.append(f"{number}: met, but nothing says where")
        if len(row["where"].split()) < 2 and state != "met":
            wrong.append(f"{number}: {state}, but nothing says why")
        wrong += [f"{one} stands there twice" for one in of_row if one in given]
        given |= dict.fromkeys(of_row, state)
    wrong += [f"{one} is missing" for numbers in levels.values() for one in numbers if one not in given]
    return wrong + _wrong_counts(text, given, levels)


def _numbers(number: str, levels: Mapping[int, Sequence[str]]) -> list[str]:
    """The numbers that a row is about: its own, or all of its chapter."""
    everything = [one for numbers in levels.values() for one in numbers]
    return [one for one in everything if one == number or ("." not in number and one.startswith(f"{number}."))]


def _wrong_counts(text: str, given: Mapping[str, str], levels: Mapping[int, Sequence[str]]) -> list[str]:
    written = {row[0]: [int(one) for one in row[1:]] for row in _COUNT.findall(text)}
    of_level = {**{str(level): list(numbers) for level, numbers in levels.items()}}
    of_level["both"] = [one for numbers in levels.values() for one in numbers]
    wrong = []
    for name, numbers in of_level.items():
        counted = [sum(given.get(one) == state for one in numbers) for state in STATES]
        if written.get(name) != [*counted, len(numbers)]:
            wrong.append(f"the counts of level {name} are {[*counted, len(numbers)]}, not {written.get(name)}")
    return wrong


def left_to_do(text: str) -> list[str]:
    """The numbers that are not met and stand in no list at the end, and those listed there that are met."""
    table, _, end = text.partition("## What is left to do")
    rows = [row for row in map(_ROW.fullmatch, table.splitlines()) if row is not None]
    not_met = {row["number"] for row in rows if row["state"] == "not met"}
    listed: set[str] = set()
    for first, last in re.findall(r"\b(\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))?", end):
        stem, low = first.rsplit(".", 1)
        high = last.rsplit(".", 1)[1] if last else low
        listed |= {f"{stem}.{n}" for n in range(int(low), int(high) + 1)}
    return sorted(not_met ^ listed)
