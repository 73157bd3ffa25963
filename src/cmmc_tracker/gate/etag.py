"""`If-Match`: the version that the sender has seen (RFC 9110, 13.1.1)."""

import re

from flask import request

from cmmc_tracker.errors import Malformed, Stale

_TAG = re.compile(r'\s*(?:W/)?"(\d{1,9})"\s*')


def expected_version() -> int | None:
    """The version in `If-Match`, or None when there is none or it is `*`.

    Raises `Stale` for a tag that no version of ours has, `Malformed` for what is no tag.
    """
    header = request.headers.get("If-Match", "").strip()
    if header in {"", "*"}:
        return None
    match = _TAG.fullmatch(header)
    if match:
        return int(match[1])
    if header.startswith(('"', 'W/"')):
        raise Stale("Somebody else changed this since you read it. Nothing was saved; read it again.")
    raise Malformed('If-Match must carry the version in double quotes, such as "3".')


def form_version(field: str = "version") -> int | None:
    """The version in a form's hidden field `version`, or another; raises `Malformed` for what is no number."""
    text = request.form.get(field, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise Malformed("The form's version is not a number; reload the page.")
    return int(text)
