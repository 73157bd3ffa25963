"""How to report a weakness of this installation: security.txt (RFC 9116), when a contact is set."""

from datetime import timedelta

from flask import Blueprint, Response

from cmmc_tracker.errors import NotFound
from cmmc_tracker.gate.doors import installation, open_read
from cmmc_tracker.services import settings

pages = Blueprint("about", __name__)
_GOOD_FOR = timedelta(days=90)


@pages.get("/.well-known/security.txt")
def security_txt() -> Response:
    """The contact, until when it is good, and this file's own address."""
    with open_read() as work:
        contact, now = settings.current(work).security_contact, work.now
    if not contact:
        raise NotFound("No contact for security reports is set here.")
    lines = [f"Contact: {contact}", f"Expires: {now + _GOOD_FOR:%Y-%m-%dT00:00:00Z}", "Preferred-Languages: en"]
    if installation().public_url:
        lines.append(f"Canonical: {installation().public_url}/.well-known/security.txt")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")
