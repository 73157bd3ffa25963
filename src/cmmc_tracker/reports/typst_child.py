"""Runs alone in a child process: typesets one document with typst.

It reads JSON from standard input: `source`, `inputs` (its data, by name), `pictures` (base64; the source has them as
lists of bytes), `at` (the document's time) and `note`, which is given to the source as `sys.inputs.note` where the last
way had to do. It writes the PDF to standard output. A child,
because typst keeps what the last ten documents needed, 150 MB for a security plan, as long as its process lives.
"""

import base64
import json
import resource
import sys
from contextlib import suppress
from datetime import datetime
from typing import Any

import typst

SECONDS = 120  # of processor time; a plan of 110 texts of 20,000 characters was seen to take 9
# The fonts of typst itself first: the same bytes on every machine. Signs that they lack (Chinese, say) are looked for
# among the machine's fonts; what none of these has is drawn as an empty box, which PDF/UA does not allow.
_WAYS: tuple[dict[str, Any], ...] = (
    {"pdf_standards": "ua-1", "ignore_system_fonts": True},
    {"pdf_standards": "ua-1"},
    {},
)


def main() -> None:
    """Do the one thing asked for; an error ends the process with its traceback."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.load(sys.stdin.buffer)
    asked["inputs"]["pictures"] = json.dumps([list(base64.b64decode(one)) for one in asked.pop("pictures")])
    sys.stdout.buffer.write(_typeset(asked))


def _typeset(asked: dict[str, Any]) -> bytes:
    *ways, last = _WAYS
    for way in ways:
        with suppress(typst.TypstError):
            return _tried(asked, "", way)
    return _tried(asked, asked["note"], last)


def _tried(asked: dict[str, Any], note: str, way: dict[str, Any]) -> bytes:
    at = datetime.fromisoformat(asked["at"])
    inputs = {**asked["inputs"], "note": note}
    made: bytes = typst.compile(asked["source"].encode(), sys_inputs=inputs, timestamp=at, **way)
    return made


if __name__ == "__main__":
    main()
