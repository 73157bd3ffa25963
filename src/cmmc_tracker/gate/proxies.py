"""Reverse proxies and the Host header.

`X-Forwarded-*` is ignored unless `TRUSTED_PROXIES` says how many proxies may set it; then only that many are
read, from the right. In production with `PUBLIC_URL` no other Host is answered: links cannot be poisoned.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from cmmc_tracker.errors import Malformed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


_NO_HOST = "cmmc_tracker.no_host"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\])(?::\d{{1,5}})?")


class _RealHost:
    """Keeps a Host that no name can be from Flask's routing, which fails on it before any error page can be made."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "localhost")
        if len(host) > 255 or not _HOST.fullmatch(host):
            environ["HTTP_HOST"] = "localhost"
            environ[_NO_HOST] = True
        return self._app(environ, start_response)


def _named(scheme: str, netloc: str) -> tuple[str, int]:
    """Host and port as browsers compare them: lower case, the scheme's own port written or not."""
    parts = urlsplit(f"{scheme}://{netloc}")
    return (parts.hostname or "").rstrip("."), parts.port or (443 if scheme == "https" else 80)


def watch(app: Flask, *, trusted: int, public_url: str, production: bool) -> None:
    """Trust that many proxies, and in production only the host of the public URL."""
    if trusted:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=0
        )
    app.wsgi_app = _RealHost(app.wsgi_app)  # type: ignore[method-assign]

    @app.before_request
    def _real_host() -> None:
        if request.environ.get(_NO_HOST):
            raise Malformed("The Host header is no name that a site can have.")

    if not (production and public_url):
        return
    public = urlsplit(public_url)
    host = _named(public.scheme, public.netloc)

    @app.before_request
    def _own_host() -> None:
        # By the public scheme: a proxy that ends TLS speaks plain HTTP to us, and leaves the port out all the same.
        if _named(public.scheme, request.host) != host and request.endpoint not in {"health.alive", "health.ready"}:
            raise Malformed("This address is not the one that this tracker is served under.")
