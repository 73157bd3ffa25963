"""Places for long answers. Who reads one slowly holds a thread all the while, so that one reader holds few of them.

What the server takes from a thread at once needs no place, nor does a file of this machine's disk, which the server
sends without a thread.
"""

from contextlib import ExitStack, suppress

from flask import Response, g, request

from cmmc_tracker.errors import NoSpace, TooMany
from cmmc_tracker.gate import doors

AT_ONCE = 3  # of one person, or of one package link, over all workers
AT_A_TIME = 16_777_216  # bytes: waitress's `outbuf_high_watermark`
WAIT_SECONDS = 30
_ALL_TAKEN = f"You have {AT_ONCE} large downloads under way already. Begin this one when one of them is done."


def taken(size: int) -> ExitStack:
    """A place for an answer of `size` bytes, which `hold` keeps and leaving gives back; `TooMany` when all are taken.

    Where none is needed nothing is held.
    """
    place = ExitStack()
    if size > AT_A_TIME and request.method != "HEAD":
        with suppress(NoSpace):  # reading goes on while the disk is full
            slot = doors.installation().blobs.slot(_reader(), AT_ONCE)
            if slot is None:
                raise TooMany(_ALL_TAKEN, WAIT_SECONDS)
            place.callback(slot.close)
    return place


def hold(response: Response, place: ExitStack) -> Response:
    """Keep the place until the answer was sent, or broken off."""
    response.call_on_close(place.pop_all().close)
    return response


def _reader() -> str:
    view = g.get("view")
    return f"reads:view:{view.id}" if view is not None and view.is_link else f"reads:user:{doors.actor().id}"
