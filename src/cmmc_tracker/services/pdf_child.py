"""Runs alone in a child process: draws one page of a PDF, under limits that end it when the file misbehaves.

`pdf_child.py NUMBER WIDTH` reads the PDF from the open file that is its standard input. It writes one line,
`PAGES <how many>`, and then the page as a PNG; for page 0 the line only. It imports nothing of the product, so that
it starts quickly and holds nothing worth stealing. Once it reads the file it can open no other, reach no network,
write to no disk and start no process: the last limits are set between its own imports and the file's first byte.
"""

import io
import resource
import sys
from typing import Any

MEMORY = 512 * 1_048_576  # bytes of address space; ordinary pages and scans were seen to take 45 to 70 MiB
SECONDS = 10  # of processor time
TALLEST = 4_000  # pixels: a page of a kilometre stays a picture

BROKEN, NO_SUCH_PAGE, LOCKED = 2, 3, 4


def main() -> int:
    """Do the one thing asked for; returns the exit status."""
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_CPU, SECONDS)
    _limit(resource.RLIMIT_CORE, 0)
    import pypdfium2  # noqa: PLC0415 after the limits, so that they hold for it
    from PIL import Image  # noqa: PLC0415 as above

    Image.preinit()  # loads the writer of PNG, which could not be found any more below
    for closed in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        _limit(closed, 0)
    try:
        document = pypdfium2.PdfDocument(sys.stdin.buffer)
        number, width = int(sys.argv[1]), int(sys.argv[2])
        if number > len(document):
            return NO_SUCH_PAGE
        picture = _drawn(document, number, width) if number else b""
    except pypdfium2.PdfiumError as error:
        return LOCKED if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD else BROKEN
    except (MemoryError, ValueError, OSError):
        return BROKEN
    sys.stdout.buffer.write(b"PAGES %d\n" % len(document) + picture)
    return 0


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def _drawn(document: Any, number: int, width: int) -> bytes:
    document.init_forms()  # what was typed into a form is part of the page
    page = document[number - 1]
    wide, tall = page.get_size()
    scale = min(width / max(wide, 1), TALLEST / max(tall, 1))
    picture = io.BytesIO()
    page.render(scale=scale).to_pil().save(picture, "PNG")
    return picture.getvalue()


if __name__ == "__main__":
    sys.exit(main())
