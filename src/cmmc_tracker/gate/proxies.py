"""Reverse proxies and the Host header.

`X-Forwarded-*` is ignored unless `TRUSTED_PROXIES` says how many proxies may set it; then only that many are
read, from the right. In production with `PUBLIC_URL` no other Host is answered: links cannot be poisoned.
"""

from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from cmmc_tracker.errors import Malformed


def watch(app: Flask, *, trusted: int, public_url: str, production: bool) -> None:
    """Trust that many proxies, and in production only the host of the public URL."""
    if trusted:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=0
        )
    host = urlsplit(public_url).netloc
    if not (production and host):
        return

    @app.before_request
    def _own_host() -> None:
        if request.host != host and request.endpoint not in {"health.alive", "health.ready"}:
            raise Malformed("This address is not the one that this tracker is served under.")
