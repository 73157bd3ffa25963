"""What jobs work with."""

from dataclasses import dataclass

from cmmc_tracker.services.audit_stream import Stream
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.mail import Mailer


@dataclass(frozen=True, slots=True)
class House:
    """The installation as its jobs know it; without a mailer no reminder goes out, without a stream no entry."""

    tracker: Tracker
    mailer: Mailer | None = None
    public_url: str = ""
    stream: Stream | None = None
