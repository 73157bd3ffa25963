"""Checks of what the environment says, and, where it is wanted, of the site as people reach it."""

import http.client
from collections.abc import Iterator

from cmmc_tracker.services.doctor.findings import Finding, Patient, bad, good, said, warning
from cmmc_tracker.storage import site

CERTIFICATE_DAYS = 21


def secret(p: Patient) -> Iterator[Finding]:
    """What signs the cookies."""
    if not p.secret_length:
        text = "none is given, so each start makes its own and signs everybody out"
        remedy = "write one into a file and name it in FLASK_SECRET_FILE (docs/deploy.md)"
        yield bad("secret", text, remedy) if p.production else warning("secret", text, remedy)
    elif p.secret_length < p.shortest_secret:
        text = f"it has {p.secret_length} characters; production wants {p.shortest_secret}"
        yield warning("secret", text, "make a longer one: openssl rand -hex 32")
    else:
        yield good("secret", f"given, {p.secret_length} characters")


def production(p: Patient) -> Iterator[Finding]:
    """Whether this is meant for people."""
    if p.production:
        yield good("production mode", "on")
    else:
        text = "off: cookies may travel without TLS, and HSTS is not sent"
        yield warning("production mode", text, "set FLASK_ENV=production")


def debug(p: Patient) -> Iterator[Finding]:
    """Whether errors show their inside."""
    yield bad("debug", "on", "unset FLASK_DEBUG") if p.debug else good("debug", "off")


def public_address(p: Patient) -> Iterator[Finding]:
    """The address that people use."""
    if p.public_url.startswith("https://"):
        yield good("public address", p.public_url)
        return
    text = f"{p.public_url} is without TLS" if p.public_url else "PUBLIC_URL is not set, so any Host header is believed"
    remedy = "set PUBLIC_URL to the https address that people use"
    yield bad("public address", text, remedy) if p.production else warning("public address", text, remedy)


def proxies(p: Patient) -> Iterator[Finding]:
    """Whose word about addresses is taken."""
    behind = p.public_url.startswith("https://")
    if behind and not p.trusted_proxies:
        text = "none is trusted: everybody has the proxy's address, and five wrong passwords of one shut all out"
        yield bad("trusted proxies", text, "set TRUSTED_PROXIES=1 for one proxy before the tracker")
    elif p.trusted_proxies and not behind:
        text = f"{p.trusted_proxies}, but no https PUBLIC_URL: without a proxy anybody can claim any address"
        yield warning("trusted proxies", text, "set PUBLIC_URL, or unset TRUSTED_PROXIES where no proxy stands before")
    else:
        yield good("trusted proxies", str(p.trusted_proxies))


def site_of_people(p: Patient) -> Iterator[Finding]:
    """Asked only where somebody wanted it: nothing else here connects to anywhere but the tracker's own parts."""
    if not p.ask:
        return
    try:
        answer = site.ask(p.ask, "/healthz")
    except (OSError, http.client.HTTPException) as error:
        remedy = "look at the proxy, its certificate and the name service"
        yield bad("site", f"{p.ask} does not answer: {said(error)}", remedy)
        return
    if answer.status != 200 or answer.text.strip() != "alive":
        text = f"{p.ask}/healthz answers {answer.status}, not as the tracker does"
        yield bad("site", text, "look at the proxy, and whether the tracker runs")
        return
    yield good("site", f"{p.ask} answers")
    yield from _site_headers(answer)
    yield from _certificate(answer)


def _site_headers(answer: site.Answer) -> Iterator[Finding]:
    sent = len(answer.values("Strict-Transport-Security"))
    if sent == 1:
        yield good("HSTS", "sent once")
    elif sent:
        yield warning("HSTS", "sent twice", "take it out of the proxy: the tracker sends it")
    else:
        yield bad("HSTS", "not sent", "set FLASK_ENV=production, and let the proxy pass the tracker's headers")
    named = " ".join(answer.values("Server"))
    if any(sign.isdigit() for sign in named):
        yield warning("server header", f"it tells a version: {named[:80]}", "nginx: server_tokens off")


def _certificate(answer: site.Answer) -> Iterator[Finding]:
    if answer.days_left is None:
        yield bad("certificate", "the site is asked without TLS", "let people use https")
    elif answer.days_left < CERTIFICATE_DAYS:
        yield warning("certificate", f"good for {answer.days_left} more days", "renew it")
    else:
        yield good("certificate", f"good for {answer.days_left} more days")
