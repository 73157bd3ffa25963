"""Taking bytes in: checked against their name, shown to the virus scanner, examined, then kept; in no transaction.

Evidence is kept byte for byte. Only where a person asks for it is a picture's location taken out, and then its warnings
and the audit log say so, with the hash of what was sent.
"""

from dataclasses import dataclass

from cmmc_tracker.domain import uploads
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.examination import examine
from cmmc_tracker.domain.examination.pictures import without_location
from cmmc_tracker.domain.examination.reading import Unreadable, Window
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.settings import MARK
from cmmc_tracker.errors import Busy, Invalid
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import Incoming


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, from where, to which installation."""

    tracker: Tracker
    actor: Actor | None = None
    address: str = ""


def take_in(sender: Sender, incoming: Incoming, filename: str, *, strip_location: bool = False) -> Received:
    """Check, scan and examine an upload, and keep its bytes in the store.

    The caller releases `incoming` after the Work that names the bytes has committed. Raises `Invalid` for an
    empty file, for one in which the scanner found something, and for a picture whose location cannot be taken out;
    `UnsupportedType` for a type that is not taken or content that contradicts the name; `Busy` when the scanner
    cannot be asked and the settings say to refuse then. Nothing is kept of what is refused.
    """
    name = uploads.clean_name(filename)
    media_type = uploads.check_content(name, incoming.file, incoming.size)
    said = [_scanned(sender, incoming, name)]
    sent = _without_location(incoming, media_type) if strip_location else ""
    if sent:
        said.append(
            "As asked at upload, the location and all other data about the picture were taken out of it. The kept "
            f"bytes differ from what was sent, whose SHA-256 was {sent}."
        )
    said += examine(uploads.extension_of(name), media_type, incoming.file, incoming.size)
    kept = incoming.keep()
    return Received(name, media_type, kept.sha256, kept.size, tuple(filter(None, said)), sent)


def _scanned(sender: Sender, incoming: Incoming, name: str) -> str:
    """Show an upload to the scanner, where there is one; returns what is to be said of a file that it did not see."""
    scanner = sender.tracker.scanner
    if scanner is None:
        return ""
    try:
        verdict = scanner.scan(incoming.file)
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


def _refuses(sender: Sender) -> bool:
    with sender.tracker.read(sender.actor) as work:
        return settings.current(work).scanner_away != MARK


def _record_refusal(sender: Sender, incoming: Incoming, name: str, found: str) -> None:
    """In a Work of its own: the refusal that follows would roll it back."""
    detail = {"file": name, "size": incoming.size, "sha256": incoming.sha256, "found": found}
    with sender.tracker.write(sender.actor, sender.address) as work:
        work.record(Event.UPLOAD_REFUSED, f"upload:{incoming.sha256}", detail)


def _without_location(incoming: Incoming, media_type: str) -> str:
    """Take the location out of a picture; returns the hash of what was sent, or empty where nothing was in it."""
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
