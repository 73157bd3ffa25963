"""A message that offers to undo what was just done: rather that than asking before."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.audit import stamp
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services.work import Work

UNDO = "undo"
LINKS, TRASH = "links", "trash"


def flash_undo(text: str, action: str, fields: Mapping[str, str]) -> None:
    """Say on the next page what was done, with a button that posts the fields to the address that undoes it."""
    flash(_offer(text, action, fields), UNDO)  # type: ignore[arg-type]


def fields_of(what: str, work: Work) -> dict[str, str]:
    """What undoes what this Work did, at `artifacts.undo`: the instant of it, however much it was."""
    return {"what": what, "at": stamp(work.now)}


def said(text: str, fields: Mapping[str, str], fallback: str, action: str = "") -> ResponseReturnValue:
    """Go back where the form says, or to `fallback`, with a message and, where `fields` are given, its undo.

    A script that sent the form and shows what became of it where it stands asks for the message alone.
    """
    wanted = request.form.get("next", "")[:500]
    where = local_path(wanted) if wanted else fallback
    sent = {**fields, "next": wanted} if fields else {}
    action = (action or url_for("artifacts.undo")) if fields else ""
    if request.headers.get("X-Part") == "message":
        return render_template("message.html", message=_offer(text, action, sent))
    if action:
        flash_undo(text, action, sent)
    else:
        flash(text)
    return redirect(where, code=302)


def _offer(text: str, action: str, fields: Mapping[str, str]) -> dict[str, object]:
    return {"text": text, "action": action, "fields": dict(fields)}
