"""Two versions at one database: who runs the older program after a newer one upgraded the schema answers no more.

An old program that writes to a newer schema could write what the new one cannot read. The schema is looked at every few
seconds, not at each request; what an old program did within them is what it did before the upgrade.
"""

import logging
import threading
import time
from dataclasses import dataclass, field

from flask import Flask, current_app, request

from cmmc_tracker.errors import Busy, Misconfigured
from cmmc_tracker.gate.doors import installation_of
from cmmc_tracker.services.work import Tracker

LOOK_SECONDS = 5.0
EXTENSION = "cmmc-versions"
_ANSWERED = frozenset({"about.security_txt", "health.alive", "health.figures", "health.ready", "static"})
_OLD = (
    "This server runs another version of the tracker than the one that upgraded its database. Nothing was changed. "
    "An administrator must start the newer version here, or stop this server."
)
log = logging.getLogger("cmmc_tracker")


@dataclass(slots=True)
class Look:
    """What was seen last. An application is built over a database of its own schema, so it begins well."""

    tracker: Tracker
    seconds: float = LOOK_SECONDS
    fits: bool = True
    at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> bool:
        """Whether the schema is this version's, as of some seconds ago; one thread looks, no other waits."""
        if time.monotonic() - self.at > self.seconds and self.lock.acquire(blocking=False):
            try:
                self.at = time.monotonic()
                self._see(self.tracker.fits())
            except Busy:  # whoever asks next is told so by the database itself
                pass
            finally:
                self.lock.release()
        return self.fits

    def _see(self, fits: bool) -> None:
        if self.fits and not fits:
            log.error("The database was upgraded by a newer version; this one answers nothing more: upgrade or stop it")
        self.fits = fits


def watch(app: Flask) -> None:
    """Refuse requests once the database is another version's."""
    app.extensions[EXTENSION] = Look(installation_of(app).tracker)

    @app.before_request
    def _fits() -> None:
        if request.endpoint not in _ANSWERED and not fits(current_app):
            raise Misconfigured(_OLD)


def fits(app: Flask) -> bool:
    """Whether the database is of this version's schema."""
    look: Look = app.extensions[EXTENSION]
    return look.now()
