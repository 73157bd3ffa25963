"""A message that offers to undo what was just done: rather that than asking before."""

from collections.abc import Mapping

from flask import flash

UNDO = "undo"


def flash_undo(text: str, action: str, fields: Mapping[str, str]) -> None:
    """Say on the next page what was done, with a button that posts the fields to the address that undoes it."""
    flash({"text": text, "action": action, "fields": dict(fields)}, UNDO)  # type: ignore[arg-type]
