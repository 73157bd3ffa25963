"""Browsers that people signed in on before: a signed cookie names their accounts.

It opens nothing. It only spares its owner the growing delay of an account that somebody else is guessing, so that the
delay cannot be used to lock a person out (OWASP calls it a device cookie).
"""

import hashlib
from datetime import datetime

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

_DAYS = 180
_MOST_ACCOUNTS = 5
_SHA256 = {"digest_method": hashlib.sha256}


def known() -> tuple[frozenset[int], datetime | None]:
    """The accounts that signed in on this browser before, and when the last of them did."""
    listed, since = _listed()
    return frozenset(listed), since


def remember(response: Response, user_id: int) -> Response:
    """Let the browser be known for this account too."""
    listed = [user_id, *(one for one in _listed()[0] if one != user_id)][:_MOST_ACCOUNTS]
    response.set_cookie(
        _name(),
        _serializer().dumps(listed),
        max_age=_DAYS * 86_400,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response


def _listed() -> tuple[list[int], datetime | None]:
    value = request.cookies.get(_name(), "")
    try:
        found, since = _serializer().loads(value, max_age=_DAYS * 86_400, return_timestamp=True)
    except BadSignature:
        return [], None
    listed = [one for one in found if isinstance(one, int)] if isinstance(found, list) else []
    return listed[:_MOST_ACCOUNTS], since


def _name() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="known-device", signer_kwargs=_SHA256)
