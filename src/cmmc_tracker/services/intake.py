"""Taking bytes in: checked against their name, shown to the virus scanner, examined, then kept; in no transaction.

Evidence is kept byte for byte. Only where a person asks for it is a picture's location taken out, and then its warnings
and the audit log say so, with the hash of what was sent.

What looking into files costs is bounded three times. One file: by the budgets in `domain.examination`, to less than a
second. One upload: when its files have taken `MOST_SECONDS` of processor time together, the rest are kept unexamined
and say so. Together with the check of content against names, which costs a few hundredths of a second for each MB, the
worst upload of 100 MB takes about 10 seconds. One process: it examines one file at a time, so that the threads of other
people's requests go on; whoever waits longer than `PATIENCE` has the file kept unexamined too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

from cmmc_tracker.domain import markings, uploads
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.examination import examine
from cmmc_tracker.domain.examination.pictures import KINDS, without_location
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.settings import MARK
from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifacts import Received, refuse_spilled
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.scanner import Scanner, Verdict
from cmmc_tracker.storage.store import Incoming

MOST_SECONDS = 5.0  # of processor time
PATIENCE = 10.0  # seconds of waiting, for all files of an upload
_MARKS_WITHIN = 20_000  # bytes: a banner stands at the top, and an upload waits for this
_examining = BoundedSemaphore(1)
_UNEXAMINED = (
    "It was not examined: there was too much to examine in one upload, or at the same time. A file that is sent by "
    "itself is examined."
)


@dataclass(slots=True)
class Together:
    """What the files of one upload share: the time to examine them, and what the scanner said when it was away."""

    seconds: float = MOST_SECONDS
    patience: float = PATIENCE
    scanner_away: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, from where, to which installation; `together` is the same for all files of one request."""

    tracker: Tracker
    actor: Actor | None = None
    address: str = ""
    together: Together = field(default_factory=Together, compare=False)


def take_in(sender: Sender, incoming: Incoming, filename: str, *, strip_location: bool = False) -> Received:
    """Check, scan and examine an upload, and keep its bytes in the store.

    The caller releases `incoming` after the Work that names the bytes has committed. Raises `Invalid` for an
    empty file, for one in which the scanner found something, and for a picture whose location cannot be taken out;
    `UnsupportedType` for a type that is not taken or content that contradicts the name; `Busy` when the scanner
    cannot be asked and the settings say to refuse then, and when a location cannot be taken out because there is too
    much to examine; `Conflict` for bytes that were spilled here. Nothing is kept of what is refused.
    """
    name = uploads.clean_name(filename)
    media_type = uploads.check_content(name, incoming.file, incoming.size)
    said = [_scanned(sender, incoming, name)]
    with _turn(sender.together) as has_turn:
        sent = _without_location(incoming, media_type, has_turn=has_turn) if strip_location else ""
        # Of a text there is nothing to be found out.
        known = has_turn or media_type.startswith("text/")
        said += _noticed(incoming, name, media_type, sent) if known else [_UNEXAMINED]
    marked = _marked(incoming, name, media_type)
    with sender.tracker.read(sender.actor) as work:
        refuse_spilled(work, incoming.sha256)
    kept = incoming.keep()
    warnings = (*filter(None, said), *marked)
    return Received(name, media_type, kept.sha256, kept.size, warnings, sent, markings=bool(marked))


def _marked(incoming: Incoming, name: str, media_type: str) -> list[str]:
    """What the name, and the beginning of a plain text, carry of markings of CUI; never what the line says itself.

    Whole texts, those of documents too, are read after the upload (`jobs.texts`).
    """
    text = ""
    if media_type.startswith("text/"):
        incoming.file.seek(0)
        text = incoming.file.read(_MARKS_WITHIN).decode("utf-8", "replace")
    return list(dict.fromkeys(one.kind.sentence for one in markings.scan(text, name)))


@contextmanager
def _turn(together: Together) -> Iterator[bool]:
    """Whether it is this file's turn to be examined; what is done then is charged to its upload."""
    if together.seconds <= 0:
        yield False
        return
    asked = time.monotonic()
    has_turn = _examining.acquire(timeout=max(0.0, together.patience))
    together.patience -= time.monotonic() - asked
    if not has_turn:
        yield False
        return
    begun = time.thread_time()
    try:
        yield True
    finally:
        together.seconds -= time.thread_time() - begun
        _examining.release()


def _noticed(incoming: Incoming, name: str, media_type: str, sent: str) -> list[str]:
    """What is to be said of the bytes as they are kept."""
    said = []
    if sent:
        said.append(
            "As asked at upload, the location and all other data about the picture were taken out of it. The kept "
            f"bytes differ from what was sent, whose SHA-256 was {sent}."
        )
    return [*said, *examine(uploads.extension_of(name), media_type, incoming.file, incoming.size)]


def _scanned(sender: Sender, incoming: Incoming, name: str) -> str:
    """Show an upload to the scanner, where there is one; returns what is to be said of a file that it did not see."""
    scanner = sender.tracker.scanner
    if scanner is None:
        return ""
    try:
        verdict = _verdict(sender.together, scanner, incoming)
    except Busy:
        if _refuses(sender):
            raise
        return "Not scanned for viruses: the scanner could not be asked when this was uploaded."
    if verdict.found:
        _record_refusal(sender, incoming, name, verdict.found)
        raise Invalid(
            {
                "file": f"The virus scanner found {verdict.found} in this file. Nothing was kept of it; have the "
                "machine that it comes from looked at."
            }
        )
    if verdict.unscanned and _refuses(sender):
        raise Invalid({"file": f"This file was not scanned for viruses: {verdict.unscanned}. Nothing was kept of it."})
    return f"Not scanned for viruses: {verdict.unscanned}." if verdict.unscanned else ""


def _verdict(together: Together, scanner: Scanner, incoming: Incoming) -> Verdict:
    """The scanner's word; raises `Busy` where it was away for a file before: each would wait for as long again."""
    if together.scanner_away:
        raise Busy(together.scanner_away)
    try:
        return scanner.scan(incoming.file)
    except Busy as away:
        together.scanner_away = away.message
        raise


def _refuses(sender: Sender) -> bool:
    with sender.tracker.read(sender.actor) as work:
        return settings.current(work).scanner_away != MARK


def _record_refusal(sender: Sender, incoming: Incoming, name: str, found: str) -> None:
    """In a Work of its own: the refusal that follows would roll it back."""
    detail = {"file": name, "size": incoming.size, "sha256": incoming.sha256, "found": found}
    with sender.tracker.write(sender.actor, sender.address) as work:
        work.record(Event.UPLOAD_REFUSED, f"upload:{incoming.sha256}", detail)


def _without_location(incoming: Incoming, media_type: str, *, has_turn: bool) -> str:
    """Take the location out of a picture; returns the hash of what was sent, or empty where nothing was in it."""
    if media_type not in KINDS:
        return ""
    if not has_turn:
        raise Busy(
            "The location was not taken out of this picture: there was too much to examine in one upload, or at the "
            "same time. Nothing was kept of it; send it again by itself."
        )
    try:
        stretches = without_location(Window(incoming.file, incoming.size), media_type)
    except (Unreadable, ValueError):
        raise Invalid(
            {
                "file": "The location cannot be taken out of this picture: it is damaged, or built in an unusual way. "
                "Nothing was kept of it; send it without that wish, or save it again in another program first."
            }
        ) from None
    if stretches is None:
        return ""
    sent = incoming.sha256
    incoming.rewrite(stretches)
    return sent
