"""How the doors (pages and API) reach the installation: the Work of the request, its person, its address."""

import re
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, current_app, g, request

from cmmc_tracker.domain.permissions import Access, Actor, system_of
from cmmc_tracker.errors import NotSignedIn
from cmmc_tracker.gate import devices
from cmmc_tracker.services.limits import Limiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.store import Blobs

EXTENSION = "cmmc"
_SECRET_LINK = re.compile(r"(/(?:setup|link)/).*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Installation:
    """What `create_app` joined: the one object that requests share."""

    tracker: Tracker
    limiter: Limiter
    production: bool
    public_url: str
    max_upload_bytes: int
    stopping: threading.Event = field(default_factory=threading.Event)  # set when this process is told to stop

    @property
    def blobs(self) -> Blobs:
        """The artifact store."""
        return self.tracker.blobs


def installation() -> Installation:
    """The installation that serves this request."""
    return installation_of(current_app)


def installation_of(app: Flask) -> Installation:
    """The installation that an app serves."""
    found: Installation = app.extensions[EXTENSION]
    return found


def open_read() -> AbstractContextManager[Work]:
    """A reading Work of the person who asks."""
    return installation().tracker.read(g.get("actor"), address())


def open_write() -> AbstractContextManager[Work]:
    """A writing Work of the person who asks."""
    return installation().tracker.write(g.get("actor"), address())


def actor() -> Actor:
    """Who is signed in; the gate has let nobody else through."""
    found: Actor | None = g.get("actor")
    if found is None:
        raise NotSignedIn("Please sign in first.")
    return found


def system(slug: str) -> Access:
    """The system of a path; raises `NotFound` for strangers to it."""
    return system_of(actor(), slug)


def address() -> str:
    """The address that asks; with `TRUSTED_PROXIES` the one that the outermost trusted proxy saw."""
    return (request.remote_addr or "")[:64]


def public_address(path: str) -> str:
    """A path of this site as a whole address that can be sent: by `PUBLIC_URL` where it is set, else as asked."""
    return (installation().public_url or request.host_url).rstrip("/") + path


def loggable(path: str) -> str:
    """A path as logs keep it: what makes a link secret (`/setup/…`, `/link/…`) is left out, it may still be good."""
    return without_secrets(path)[:200]


def without_secrets(text: str) -> str:
    """A text that may name such a path, without what is secret in it and all that follows."""
    return _SECRET_LINK.sub(r"\1(left out)", text)


def visitor() -> Visitor:
    """Who asks, before anybody is signed in."""
    held = g.half.id if g.get("half") else g.get("session_id")
    return Visitor(address(), network(), request.headers.get("User-Agent", "")[:300], *devices.known(), held)


def network() -> str:
    """The place that limits count: an address, or the network of one customer."""
    return _network(address())


def _network(text: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return text
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return text
