"""What the server writes: one line a record, as text or as JSON, and one line a request.

Each request has a number, which its answer carries (`X-Request-Id`) and every line that it causes. A trusted proxy may
give it. A line names the endpoint and the path without what makes a link secret; never a query, a header or a body.
"""

import json
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, has_request_context, request

from cmmc_tracker.domain.audit import stamp
from cmmc_tracker.gate import doors

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
access = logging.getLogger("cmmc_tracker.access")


def new_id() -> str:
    """The number of a request: 64 random bits."""
    return secrets.token_hex(8)


def watch(app: Flask, *, trusts: bool) -> None:
    """Number every request and write its line; `trusts`: a proxy stands before us whose number is taken."""

    @app.before_request
    def _begin() -> None:
        given = request.headers.get(HEADER, "") if trusts else ""
        g.request_id = given if _GIVEN.fullmatch(given) else new_id()
        g.begun = time.perf_counter()

    @app.after_request
    def _end(response: Response) -> Response:
        response.headers[HEADER] = g.get("request_id") or new_id()
        if access.isEnabledFor(logging.INFO):
            _write(response)
        return response


def _write(response: Response) -> None:
    """The request's line. Its time ends where the answer begins to go out."""
    actor = g.get("actor")
    fields = {
        "method": request.method[:20],
        "endpoint": request.endpoint or "",
        "path": doors.loggable(request.path),
        "status": response.status_code,
        "ms": round((time.perf_counter() - g.get("begun", time.perf_counter())) * 1_000, 1),
        "user": actor.id if actor else None,
        "address": doors.address(),
    }
    who = f"user {fields['user']}" if actor else "nobody"
    said = (fields["method"], fields["path"], fields["status"], fields["endpoint"] or "-", fields["ms"], who)
    access.info("%a %a %d %s %.1f ms, %s at %a", *said, fields["address"], extra={"fields": fields})


def numbered(record: logging.LogRecord) -> bool:
    """A filter that tells every record which request caused it, where one did."""
    if not hasattr(record, "request_id"):
        record.request_id = g.get("request_id", "") if has_request_context() else ""
    return True


class Lines(logging.Formatter):
    """Adds the request's number to the lines of another formatter."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The line, its number at its end; a trace stays below."""
        first, line_end, rest = self._inner.format(record).partition("\n")
        number = getattr(record, "request_id", "")
        return f"{first}{f', request {number}' if number else ''}{line_end}{rest}"


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: no sign in it can end the line or be obeyed by a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The record."""
        said: dict[str, Any] = {
            "at": stamp(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        number = getattr(record, "request_id", "")
        if number:
            said["request_id"] = number
        said |= getattr(record, "fields", {})
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=True, default=str)


def arrange(form: str) -> None:
    """Let the handlers that the command line set up write in that form (`text` or `json`)."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(numbered)
        inner = handler.formatter or logging.Formatter()
        handler.setFormatter(JsonLines() if form == "json" else Lines(inner))
