"""What lists read from an address: the place to go on from, and how many."""

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import request, url_for

from cmmc_tracker.errors import Invalid, Malformed


def cursor_of(args: Mapping[str, str]) -> int | None:
    """The place in a list where the page before ended; raises `Malformed` for what is none."""
    text = args.get("cursor", "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise Malformed("This page of the list does not exist; go back to its beginning.")
    return int(text)


def limit_of(args: Mapping[str, str], default: int = 25, most: int = 200) -> int:
    """How many to list; raises `Invalid` outside of 1 to `most`."""
    text = args.get("limit", "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not 1 <= int(text) <= most:
        raise Invalid({"limit": f"The limit must be a whole number from 1 to {most}."})
    return int(text)


def following_url(endpoint: str, cursor: int | None) -> str:
    """The address of this list from `cursor` on, its filters kept; from the beginning without one.

    What stands in the address asked for goes into the query only: `url_for` would take `_scheme` for its own.
    """
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    query = urlencode([*kept, ("cursor", cursor)] if cursor else kept)
    bare = url_for(endpoint).partition("?")[0]  # what every address says of the open system is among what is kept
    return bare + (f"?{query}" if query else "")
