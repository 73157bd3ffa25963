"""Failures into answers: the one place where an error gets its status.

Below `/api/` the answer is `application/problem+json` (RFC 9457), elsewhere a short page. Nothing shows a stack
trace; every failure carries a reference that stands in the log, an unforeseen one beside its trace.
"""

import errno
import logging
import secrets
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from cmmc_tracker import errors
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import TrackerError
from cmmc_tracker.gate import doors
from cmmc_tracker.services.limits import ACCESS_REFUSED

log = logging.getLogger("cmmc_tracker")

STATUS: dict[type[TrackerError], int] = {
    errors.Invalid: 422,
    errors.Malformed: 400,
    errors.NotSignedIn: 401,
    errors.Forbidden: 403,
    errors.PageExpired: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Hindered: 409,
    errors.Stale: 412,
    errors.TooLarge: 413,
    errors.UnsupportedType: 415,
    errors.TooMany: 429,
    errors.Busy: 503,
    errors.Overtaken: 503,
    errors.NoSpace: 507,
    errors.Misconfigured: 503,
}
# What a person reads where the failure itself has no words of ours.
_WORDS = {
    400: "The request could not be read. Nothing was changed.",
    404: "There is no such page, or not for you.",
    405: "This address does not do that. Nothing was changed.",
    413: "This is larger than the tracker takes. Nothing was kept.",
    415: "This type of content is not taken here. Nothing was changed.",
}
# What a page is headed with; programs get the phrase of the standard (RFC 9110).
_HEADINGS = {
    400: "This could not be read",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Not here",
    409: "Not possible now",
    412: "Somebody was quicker",
    413: "Too large",
    415: "Not taken",
    422: "Something is not right yet",
    429: "Please wait",
    500: "Something went wrong",
    503: "Busy just now",
    507: "No space left",
}


def watch(app: Flask) -> None:
    """Answer every failure of the app."""
    app.register_error_handler(TrackerError, _told)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OSError, _of_machine)
    app.register_error_handler(Exception, _unforeseen)


def _told(error: TrackerError) -> Response:
    status = STATUS[type(error)]
    if isinstance(error, errors.Forbidden) and g.get("actor"):
        _record_refusal(error)
    more: dict[str, Any] = {}
    if isinstance(error, errors.Invalid):
        more["errors"] = error.fields
    response = answer(status, _message(error), more, heading=_heading(error))
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.NotSignedIn):
        response.headers["WWW-Authenticate"] = 'Bearer realm="cmmc-tracker"'
    return response


def _message(error: TrackerError) -> str:
    """What is told, with the clause of the rule where the sentence does not name it itself."""
    clause = error.clause if isinstance(error, errors.Conflict) else None
    return f"{error.message} ({clause})" if clause and clause not in error.message else error.message


def _heading(error: TrackerError) -> str:
    return "This page had expired" if isinstance(error, errors.PageExpired) else ""


def _record_refusal(error: TrackerError) -> None:
    # The answer is a refusal also where it cannot be written down just now. Sixty in five minutes tell enough.
    with suppress(errors.Busy, errors.NoSpace, errors.TooMany):
        doors.installation().limiter.take(ACCESS_REFUSED, str(doors.actor().id)).settle()
        _write_down(error)


def _write_down(error: TrackerError) -> None:
    with doors.open_write() as work:
        detail = {"method": request.method, "path": doors.loggable(request.path), "why": error.message}
        work.record(Event.REQUEST_REFUSED, f"request:{request.endpoint or ''}", detail)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    if isinstance(error, ClientDisconnected):
        return answer(400, "The connection was lost before everything had arrived. Nothing was kept.")
    if isinstance(error, RequestEntityTooLarge):
        limit = (request.max_content_length or doors.installation().max_upload_bytes) // 1_048_576
        return answer(413, f"This is larger than the tracker takes ({limit} MB for one request). Nothing was kept.")
    response = answer(status, _WORDS.get(status, error.description or ""))
    for name, value in error.get_headers():
        if name in {"Allow", "Content-Range"}:
            response.headers[name] = value
    return response


def _of_machine(error: OSError) -> Response:
    """A disk that is full or fails where no store stands between: a temporary file, a child's pipe."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return answer(507, "The disk is full. Nothing of this was kept; an administrator must free some space.")
    if error.errno == errno.EIO:
        return answer(
            503, "A disk cannot be read or written. Nothing of this was kept; tell an administrator.", error=error
        )
    return _unforeseen(error)


def _unforeseen(error: Exception) -> Response:
    if current_app.debug:
        raise error
    return answer(
        500,
        "Something went wrong on our side, and what you sent was not saved. Try again; if it happens again, give "
        "your administrator the reference below.",
        error=error,
    )


def answer(
    status: int,
    message: str,
    more: dict[str, Any] | None = None,
    *,
    error: Exception | None = None,
    heading: str = "",
) -> Response:
    """The answer to a failure: problem+json for the API, a short page for people."""
    title = HTTPStatus(status).phrase
    reference = _noted(status, error)
    if request.path.startswith("/api/"):
        about = {"type": "about:blank", "title": title, "status": status, "detail": message, "reference": reference}
        body = {**about, **(more or {})}
        response = jsonify(body)
        response.mimetype = "application/problem+json"
    else:
        shown = {"title": heading or _HEADINGS.get(status, title), "message": message}
        fields = (more or {}).get("errors", {})
        response = make_response(
            render_template("error.html", **shown, **_guest(), status=status, fields=fields, reference=reference)
        )
    response.status_code = status
    return response


def _guest() -> dict[str, Any]:
    """What the page leaves out for somebody without an account, and the link that they may go back to."""
    is_guest = request.path.startswith("/link/")
    page = request.path if "link" in g else ""
    if "view" in g:
        page = request.path.partition("/package")[0] + "/package"
    return {"is_guest": is_guest, "link_page": page if is_guest else ""}


def _noted(status: int, error: Exception | None) -> str:
    """A reference for the person, and the log's line that it leads to. What came from outside is quoted: one line."""
    reference = secrets.token_hex(4)
    level = logging.ERROR if status >= 500 else logging.INFO
    said = (status, request.method[:20], doors.loggable(request.path), doors.address(), reference)
    log.log(level, "%d for %a %a from %a, reference %s", *said, exc_info=error)
    return reference
