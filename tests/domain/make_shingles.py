"""Writes the hashes of every run of six words of an OSCAL catalog: tests tell a copied run without the text.

python -m tests.domain.make_shingles CATALOG.json
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.domain.test_guidance import RUN, SHINGLES, words


def prose(thing: Any) -> Iterator[str]:
    """Every text of a catalog."""
    if isinstance(thing, dict):
        for name, value in thing.items():
            if name in {"prose", "title"} and isinstance(value, str):
                yield value
            else:
                yield from prose(value)
    elif isinstance(thing, list):
        for one in thing:
            yield from prose(one)


def main() -> None:
    """Read the catalog, write the hashes."""
    found = set()
    for text in prose(json.loads(Path(sys.argv[1]).read_text())):
        split = words(text)
        for at in range(len(split) - RUN + 1):
            run = " ".join(split[at : at + RUN])
            found.add(hashlib.sha256(run.encode()).hexdigest()[:12])
    SHINGLES.write_text("\n".join(sorted(found)) + "\n")


if __name__ == "__main__":
    main()
