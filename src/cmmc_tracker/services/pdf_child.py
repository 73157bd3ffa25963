"""Runs alone in a child process: renders one page of a PDF, under limits that end it when the file misbehaves.

`pdf_child.py FILE count` writes the number of pages; `pdf_child.py FILE page N WIDTH` writes a PNG. It imports
nothing of the product, so that it starts quickly and holds nothing worth stealing.
"""

import io
import resource
import sys

MEMORY = 1_024 * 1_048_576
SECONDS = 10
TALLEST = 4_000  # pixels: a page of a kilometre stays a picture


def main() -> int:
    """Do the one thing asked for."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import pypdfium2  # noqa: PLC0415 after the limits, so that they hold for it

    try:
        document = pypdfium2.PdfDocument(sys.argv[1])
        if sys.argv[2] == "count":
            sys.stdout.write(str(len(document)))
            return 0
        number, width = int(sys.argv[3]), int(sys.argv[4])
        if not 1 <= number <= len(document):
            return 3
        page = document[number - 1]
        wide, tall = page.get_size()
        scale = min(width / max(wide, 1), TALLEST / max(tall, 1))
        picture = io.BytesIO()
        page.render(scale=scale).to_pil().save(picture, "PNG")
    except (pypdfium2.PdfiumError, MemoryError, ValueError, OSError):
        return 2
    sys.stdout.buffer.write(picture.getvalue())
    return 0


sys.exit(main())
