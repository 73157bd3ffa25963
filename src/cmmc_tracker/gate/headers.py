"""Headers of every answer, errors and static files too.

No inline script or style is allowed anywhere, so the policy needs no `'unsafe-inline'`.
"""

from collections.abc import Mapping

from flask import Flask, Response, request

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
)
# What people uploaded runs nothing and reaches nothing, even where a browser shows it.
UPLOAD_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
# Chromium's PDF viewer refuses a sandboxed document; it runs outside of the page's origin anyway.
PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_HSTS = "max-age=31536000; includeSubDomains"


def always(*, production: bool) -> Mapping[str, str]:
    """The headers that every answer carries; the server's own refusals carry them too."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-XSS-Protection": "1; mode=block",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Content-Security-Policy": POLICY,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return {**headers, "Strict-Transport-Security": _HSTS} if production else headers


def watch(app: Flask, *, production: bool) -> None:
    """Add the headers to every answer that does not set its own."""
    fixed = always(production=production)

    @app.after_request
    def _add(response: Response) -> Response:
        for name, value in fixed.items():
            if name == "Cache-Control" and request.endpoint == "static":
                continue
            response.headers.setdefault(name, value)
        return response
