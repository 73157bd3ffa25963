"""Runs alone in a child process: draws a picture anew, small enough for a page, under limits that end it.

It reads a PNG or a JPEG from the open file that is its standard input. It writes one line, `PICTURE <width> <height>`,
and then a new file of the pixels alone: no profile, no place, nothing behind its end. That is a PNG, or a JPEG where a
PNG would be large. Like `pdf_child.py` it imports nothing of the product, and once it reads the file it can open no
other and reach no network.
"""

import io
import resource
import sys
from importlib import import_module
from typing import Any

MEMORY = 768 * 1_048_576  # bytes of address space; the largest picture takes 200 MB of it, twice when it is turned
SECONDS = 15  # of processor time
PIXELS = 50_000_000  # as elsewhere: `preview_pages.PIXELS`
WIDEST = 1_600  # pixels of the longer side: 9 to a millimetre on a page
LARGEST_PNG = 600_000  # bytes; a drawing of lines takes a tenth of it, a photograph ten times as much

BROKEN, TOO_LARGE = 2, 3


def main() -> int:
    """Do the one thing asked for; returns the exit status."""
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    from PIL import Image, ImageOps  # noqa: PLC0415 after the limits, so that they hold for it

    # Readers, writers, and what reads which way up a picture is (EXIF): none could be found any more below.
    Image.preinit()
    import_module("PIL.TiffImagePlugin")
    Image.MAX_IMAGE_PIXELS = PIXELS
    for closed in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(closed, (0, 0))
    try:
        with Image.open(sys.stdin.buffer, formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > PIXELS:
                return TOO_LARGE
            turned = ImageOps.exif_transpose(picture)
        made = _written(_small(turned, Image))
    except Exception:
        return BROKEN
    sys.stdout.buffer.write(made)
    return 0


def _small(picture: Any, image: Any) -> Any:
    """The picture on white, at most so wide."""
    if picture.mode not in {"RGB", "L"}:
        clear = picture.convert("RGBA")
        picture = image.new("RGB", clear.size, "white")
        picture.paste(clear, mask=clear.getchannel("A"))
    picture.thumbnail((WIDEST, WIDEST))
    picture.info.clear()
    return picture


def _written(picture: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, "PNG")
    if made.tell() > LARGEST_PNG:
        made = io.BytesIO()
        picture.save(made, "JPEG", quality=85)
    return b"PICTURE %d %d\n" % picture.size + made.getvalue()


if __name__ == "__main__":
    sys.exit(main())
