"""Reverse proxies and the Host header.

`X-Forwarded-*` is ignored unless `TRUSTED_PROXIES` says how many proxies may set it; then only that many are
read, from the right. In production with `PUBLIC_URL` no other Host is answered: links cannot be poisoned.
"""

import logging
import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect

from cmmc_tracker.errors import Malformed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


log = logging.getLogger("cmmc_tracker")
_NO_HOST = "cmmc_tracker.no_host"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(?::\d{{1,5}})?")


_ORIGINAL = "werkzeug.proxy_fix.orig"
_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


class _RealHost:
    """Keeps a Host that no name can be from Flask's routing, which fails on it before any error page can be made.

    It stands behind the proxies: what they forward is looked at too.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not _is_name(environ.get("HTTP_HOST", "localhost")) or environ["wsgi.url_scheme"] not in {"http", "https"}:
            environ.update({"HTTP_HOST": "localhost", "SERVER_NAME": "localhost", "wsgi.url_scheme": "http"})
            environ[_NO_HOST] = True
        environ["REMOTE_ADDR"] = _address(environ)
        return self._app(environ, start_response)


def _is_name(host: str) -> bool:
    if len(host) > 255 or not _HOST.fullmatch(host):
        return False
    try:
        return named("http", host)[1] > 0
    except ValueError:
        return False


def _address(environ: "WSGIEnvironment") -> str:
    """The address that asks, without the port that some proxies add; the proxy's own where it names none, or nothing.

    Limits count addresses: with a port in it, each connection would be another one.
    """
    for given in (environ.get("REMOTE_ADDR") or "", environ.get(_ORIGINAL, {}).get("REMOTE_ADDR") or ""):
        match = _PORT.fullmatch(given)
        with suppress(ValueError):
            return str(ip_address((match[1] or match[2]) if match else given))
    return ""


def named(scheme: str, netloc: str) -> tuple[str, int]:
    """Host and port as browsers compare them: lower case, the scheme's own port written or not.

    Raises `ValueError` for what is neither.
    """
    parts = urlsplit(f"{scheme}://{netloc}")
    port = parts.port
    return (parts.hostname or "").rstrip("."), (443 if scheme == "https" else 80) if port is None else port


def watch(app: Flask, *, trusted: int, public_url: str, production: bool) -> None:
    """Trust that many proxies, and in production only the host of the public URL."""
    app.wsgi_app = _RealHost(app.wsgi_app)  # type: ignore[method-assign]
    if trusted:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=0
        )
    app.before_request(_real_host)
    _watch_count(app, trusted)
    if production and public_url:
        _watch_host(app, public_url)
    app.before_request(_tidy)


def _watch_count(app: Flask, trusted: int) -> None:
    """Say once for each process that fewer or more proxies forward than are trusted: then everybody has one address.

    More are seen only where none is trusted: what stands further left may be the client's own claim. What comes from
    this machine with the header comes by a proxy on it; from elsewhere anybody may send it.
    """
    told = threading.Event()

    @app.before_request
    def _enough() -> None:
        if told.is_set() or request.endpoint in _ASKED_BY_ADDRESS:
            return
        forwarded = len(request.headers.get("X-Forwarded-For", "").split(",")) if _forwards() else 0
        if forwarded < trusted or (forwarded and not trusted and _is_of_this_machine(request.remote_addr or "")):
            told.set()
            log.warning(
                "TRUSTED_PROXIES is %d, but a request came by %d: its address is not known, and limits count everybody "
                "as one. Set it to the number of proxies that add to X-Forwarded-For",
                trusted,
                forwarded,
            )


def _is_of_this_machine(address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address).is_loopback
    return False


def _forwards() -> bool:
    return bool(request.headers.get("X-Forwarded-For", "").strip())


def _real_host() -> None:
    if request.environ.get(_NO_HOST):
        raise Malformed("The Host header is no name that a site can have.")


# What programs of the same machine or network ask by its address, without the name that people use.
_ASKED_BY_ADDRESS = frozenset({"health.alive", "health.figures", "health.ready"})


def _watch_host(app: Flask, public_url: str) -> None:
    public = urlsplit(public_url)
    host = named(public.scheme, public.netloc)

    @app.before_request
    def _own_host() -> None:
        # By the public scheme: a proxy that ends TLS speaks plain HTTP to us, and leaves the port out all the same.
        if named(public.scheme, request.host) != host and request.endpoint not in _ASKED_BY_ADDRESS:
            raise Malformed("This address is not the one that this tracker is served under.")


def _tidy() -> Response | None:
    """Send `/systems/main` to `/systems/main/` by its path alone: Flask would write the Host header into it."""
    if not isinstance(request.routing_exception, RequestRedirect):
        return None
    parts = urlsplit(request.routing_exception.new_url)
    path = "/" + parts.path.lstrip("/")
    return redirect(urlunsplit(("", "", path, parts.query, "")), code=308)  # type: ignore[return-value]
