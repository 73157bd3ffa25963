"""Which licence each of the product's dependencies has, and whether it may be among them: a step of `tools/check.py`.

    .venv/bin/python tools/licences.py

Read from the metadata of what is installed for `requirements.lock`. A licence that is not on the list stops: those that
would reach over to the product or its users' own work (GPL, AGPL, SSPL) are not on it, nor is one that nobody knows.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
# By their names in SPDX. LGPL and MPL bind only changes of the library itself, which nobody makes here.
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-CMU", "MIT-0"),
        *("HPND", "LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib", "ZPL-2.1"),
    }
)
# What metadata of before SPDX says, by the words of its classifiers and of its free text.
_OLDER = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "bsd": "BSD",
    "bsd license": "BSD",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mit": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "zope public license": "ZPL-2.1",
    "zpl 2.1": "ZPL-2.1",
}
# What no metadata says in SPDX's words, and somebody read in the distribution's own licence files.
_READ = {"pypdfium2": "BSD-3-Clause AND Apache-2.0"}  # and PDFium's parts: BSD, MIT, Apache, FreeType, libtiff, zlib


@dataclass(frozen=True)
class Licensed:
    """A distribution and what its metadata says of its licence, in SPDX's words where they are known."""

    name: str
    version: str
    licence: str

    @property
    def may_be(self) -> bool:
        """Whether the licence is one of those that may be among the product's."""
        return may_be(self.licence)


def may_be(expression: str) -> bool:
    """Whether an SPDX expression is fulfilled by licences of the list: all of AND, one of OR (SPDX 2.3, annex D)."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression)
    found, rest = _any(tokens)
    return bool(tokens) and not rest and found


def _any(tokens: list[str]) -> tuple[bool, list[str]]:
    found, rest = _all(tokens)
    while rest[:1] == ["OR"]:
        other, rest = _all(rest[1:])
        found = found or other
    return found, rest


def _all(tokens: list[str]) -> tuple[bool, list[str]]:
    found, rest = _one(tokens)
    while rest[:1] == ["AND"]:
        other, rest = _one(rest[1:])
        found = found and other
    return found, rest


def _one(tokens: list[str]) -> tuple[bool, list[str]]:
    if tokens[:1] == ["("]:
        found, rest = _any(tokens[1:])
        return found and rest[:1] == [")"], rest[1:]
    return bool(tokens) and tokens[0] in ALLOWED, tokens[1:]


def locked(lock: Path = LOCK) -> list[str]:
    """The names in a lock."""
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==", lock.read_text(), re.MULTILINE)
    return list(dict.fromkeys(found))


def listed(names: list[str]) -> list[Licensed]:
    """Each of these that is installed here, sorted; what is for other systems only is not."""
    found = []
    for name in names:
        try:
            # An e-mail message, as PEP 566 has it; what is annotated does not say all that one can do.
            meta = cast("Message", distribution(name).metadata)
        except PackageNotFoundError:
            continue
        classifiers = [c.rsplit(" :: ", 1)[-1] for c in meta.get_all("Classifier") or [] if c.startswith("License ::")]
        said = _READ.get(name) or meta.get("License-Expression")
        expression = said or _spdx([meta.get("License") or "", *classifiers])
        found.append(Licensed(meta["Name"], meta["Version"], expression))
    return sorted(found, key=lambda one: one.name.lower())


def _spdx(words: list[str]) -> str:
    """The first of the words that is known, or what was said."""
    short = [" ".join(word.split()) for word in words if word and len(word) < 100]
    for word in short:
        known = _OLDER.get(word.lower(), word)
        if known in ALLOWED:
            return known
    return short[0] if short else "not said"


def main() -> int:
    """Tell which may not be; the exit status is 1 then."""
    everything = listed(locked())
    wrong = [one for one in everything if not one.may_be]
    for one in wrong:
        print(f"{one.name} {one.version}: {one.licence} is not among the licences that may be (tools/licences.py)")
    print(f"{len(everything)} distributions, {len(wrong)} with a licence that may not be")
    return 1 if wrong or not everything else 0


if __name__ == "__main__":
    sys.exit(main())
