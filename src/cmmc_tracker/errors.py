"""Every failure that a person can meet. Knows no HTTP: `gate/problems.py` gives each its status.

    TrackerError
    ├── Invalid             a field is wrong; `fields` says which and why
    ├── Malformed           the request cannot be read at all
    ├── NotSignedIn         nobody is signed in, or the credentials are wrong
    ├── Forbidden           signed in, but not allowed
    │   └── PageExpired     the form's CSRF token is not of this session
    ├── NotFound            no such thing, or none that this person may know of
    ├── Conflict            a rule forbids it in the present state; `clause` names the rule
    │   └── Hindered        an act on many things at once was not done; `hindrances` says of which and why
    ├── Stale               somebody else changed the thing since it was read
    ├── TooLarge            more bytes than `MAX_UPLOAD_MB` allows
    ├── UnsupportedType     a type that is not taken, or content that contradicts its name
    ├── TooMany             a limit on tries; `retry_after` in seconds
    ├── Busy                the database or the store cannot answer just now
    │   └── Overtaken       two changes stopped each other, and this one gave way: done anew it may go well
    ├── NoSpace             the disk is full
    └── Misconfigured       a setting or the installation cannot be used: the start stops

The message of each is written for the person who gets it: what happened, what was kept, what to do.
"""

from collections.abc import Mapping, Sequence


class TrackerError(Exception):
    """Base of all failures that are shown to a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(TrackerError):
    """One or more fields are wrong.

    `fields` maps a field's name to its message; the message of the whole is made from them when none is given.
    """

    def __init__(self, fields: Mapping[str, str], message: str | None = None) -> None:
        super().__init__(message or " ".join(fields.values()))
        self.fields = dict(fields)


class Malformed(TrackerError):
    """The request cannot be read: broken JSON, a cut body, a number that is none."""


class NotSignedIn(TrackerError):
    """Nobody is signed in, or the credentials are wrong."""


class Forbidden(TrackerError):
    """Signed in, but not allowed."""


class PageExpired(Forbidden):
    """The CSRF token is missing or not of this session."""


class NotFound(TrackerError):
    """No such thing, or none that this person may know of."""


class Conflict(TrackerError):
    """A rule forbids it in the present state. `clause` names the rule where there is one."""

    def __init__(self, message: str, clause: str | None = None) -> None:
        super().__init__(message)
        self.clause = clause


class Hindered(Conflict):
    """An act on many things at once: some of them stand in its way, so nothing was done to any.

    `hindrances` has, for each of those, its number, its name as far as this person may know it, and why.
    """

    def __init__(self, hindrances: Sequence[tuple[int, str, str]], *, stale: bool) -> None:
        stand = "1 of the chosen stands" if len(hindrances) == 1 else f"{len(hindrances):,} of the chosen stand"
        super().__init__(f"Nothing was changed: {stand} in the way.")
        self.hindrances = list(hindrances)
        self.stale = stale  # they were only changed by somebody else meanwhile


class Stale(TrackerError):
    """Somebody else changed the thing since it was read; nothing was saved."""


class TooLarge(TrackerError):
    """More bytes than the installation takes."""


class UnsupportedType(TrackerError):
    """A type that is not taken, or content that contradicts its name."""


class TooMany(TrackerError):
    """A limit on tries was reached; `retry_after` is in whole seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(TrackerError):
    """The database or the store cannot answer just now; trying again may help."""


class Overtaken(Busy):
    """Two changes at the same instant stopped each other, and this one gave way; nothing of it was kept."""


class NoSpace(TrackerError):
    """The disk is full; nothing was kept of this write."""


class Misconfigured(TrackerError):
    """A setting or the installation cannot be used; the start stops with this one line."""
