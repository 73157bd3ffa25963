"""What somebody without an account may do by an upload link: read what is wanted, and send files for it, once.

A link is looked up by its SHA-256: with 256 random bits a plain hash tells nothing. Unknown, expired, used and revoked
ones, and those of a closed request or of a maker who cannot sign in any more, are answered alike. What comes goes into
quarantine: it is evidence of nothing until somebody accepts it.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.permissions import Access, Actor, Role
from cmmc_tracker.domain.requests import LinkState, Round, title_of
from cmmc_tracker.errors import NotFound, TooMany
from cmmc_tracker.services import artifacts, quarantine, sessions
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.limits import REFUSAL_NOTED, UPLOAD_LINK, Limiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.requests import links, rounds
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import requests, systems, upload_links, users

GONE = (
    "There is nothing behind this link: it is not whole, was used, has expired or was taken back. Ask whoever sent it "
    "to you for a new one."
)
_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
_OPENED_ANEW = timedelta(minutes=10)  # one entry in the log for what is opened again and again
_SHOWN_NAME = 40


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that is good now, and what its holder may know and send."""

    id: int
    request_id: int
    wanted: str
    due_on: date
    expires_at: datetime
    most_files: int
    most_bytes: int
    asked: str  # the name that the request has for them, for the log only

    @property
    def actor(self) -> Actor:
        """The holder as the log names them: no account, no system, no right."""
        name = f"upload link {self.id} of request {self.request_id} ({self.asked[:_SHOWN_NAME]})"
        return Actor(None, name, Role.USER)


def is_link_like(token: str) -> bool:
    """Whether a text has the form of a token, so that asking the database for it makes sense."""
    return _FORM.fullmatch(token) is not None


def find(work: Work, token: str) -> OpenLink | None:
    """The good link of that token, or None."""
    if not is_link_like(token):
        return None
    return _good(work, _all().where(upload_links.c.token_hash == sessions.token_hash(token)))


def check(tracker: Tracker, limiter: Limiter, visitor: Visitor, token: str) -> OpenLink:
    """The good link of that token; raises `NotFound`, or `TooMany` for an address that guesses."""
    place = limiter.take(UPLOAD_LINK, visitor.network)
    with tracker.read() as work:
        found = find(work, token)
    if found is None:
        place.settle()
        _note_refusal(tracker, limiter, visitor)
        raise NotFound(GONE)
    place.give_back()
    return found


def _note_refusal(tracker: Tracker, limiter: Limiter, visitor: Visitor) -> None:
    """Write a refusal down, once in five minutes for an address: the log cannot be flooded by who guesses."""
    with suppress(TooMany):
        limiter.take(REFUSAL_NOTED, f"link {visitor.network}").settle()
        with tracker.write(address=visitor.address) as work:
            work.record(Event.UPLOAD_LINK_REFUSED, "upload_link:", actor="(upload link)")


def opened(work: Work, link: OpenLink) -> None:
    """Note that somebody opened the link, and from where; what is opened again within minutes is noted once."""
    row = work.row(select(upload_links.c.opened_at).where(upload_links.c.id == link.id))
    if row is None or (row.opened_at is not None and row.opened_at > work.now - _OPENED_ANEW):
        return
    work.change(update(upload_links).where(upload_links.c.id == link.id).values(opened_at=work.now))
    work.record(Event.UPLOAD_LINK_OPENED, f"upload_link:{link.id}", {"request": link.request_id})


def receive(work: Work, link: OpenLink, files: Sequence[Received]) -> int:
    """Take in what came by a link: one artifact of all its files, in quarantine, as the answer of the round.

    The link is used up with it. Raises `NotFound` where somebody was quicker with this link, or with another one of
    the same request, and then nothing is kept.
    """
    work.alone(f"request:{link.request_id}")
    query = _all().where(upload_links.c.id == link.id)
    row = work.row(query)
    if row is None or _good(work, query) is None:
        raise NotFound(GONE)
    unused = (upload_links.c.id == link.id) & upload_links.c.used_at.is_(None)
    if work.change(update(upload_links).where(unused).values(used_at=work.now)).rowcount == 0:
        raise NotFound(GONE)
    found = next(one for one in _rounds(work, row) if one.awaits)
    home = Access(row.system_id, row.slug, row.system_name, row.level, demo=False, rights=frozenset())
    title = title_of(row.wanted, found.due_on, Cadence(row.cadence))
    artifact_id = artifacts.make(work, home, files, {"title": title})
    who = f" ({row.outside or row.asked_name})"[:_SHOWN_NAME]
    quarantine.hold(work, artifact_id, f"Sent by an upload link of request {row.request_id}{who}.")
    rounds.put(work, row.request_id, found.number, artifact_id=artifact_id, answered_at=work.now, answered_by=None)
    rounds.bump(work, row.request_id, row.request_version)
    detail = {"request": row.request_id, "round": found.number, "artifact": artifact_id, "system": row.slug}
    told = {**detail, "files": [one.told() for one in files]}
    work.record(Event.UPLOAD_LINK_USED, f"upload_link:{link.id}", told)
    return artifact_id


def _all() -> Select[Any]:
    """Every link with its request, its system, who made it and who is asked."""
    maker, asked = users.alias("maker"), users.alias("asked")
    return (
        select(upload_links, maker.c.disabled_at, maker.c.deleted_at, asked.c.name.label("asked_name"))
        .add_columns(requests.c.system_id, requests.c.wanted, requests.c.outside, requests.c.cadence)
        .add_columns(requests.c.first_due, requests.c.closed_at, requests.c.version.label("request_version"))
        .add_columns(systems.c.slug, systems.c.name.label("system_name"), systems.c.level)
        .join(requests, requests.c.id == upload_links.c.request_id)
        .join(systems, systems.c.id == requests.c.system_id)
        .join(maker, maker.c.id == upload_links.c.created_by, isouter=True)
        .join(asked, asked.c.id == requests.c.asked_of, isouter=True)
    )


def _rounds(work: Work, row: Any) -> list[Round]:
    marks = {one.number: rounds.mark_of(one) for one in rounds.rows_of(work, [row.request_id])[row.request_id]}
    return rounds.schedule_of(work, row).rounds(marks, work.today)


def _good(work: Work, query: Select[Any]) -> OpenLink | None:
    row = work.row(query)
    if row is None or row.closed_at is not None or links.state_of(row, work.now) is not LinkState.OPEN:
        return None
    awaited = next((one for one in _rounds(work, row) if one.awaits), None)
    if awaited is None:
        return None
    return OpenLink(
        row.id,
        row.request_id,
        row.wanted,
        awaited.due_on,
        row.expires_at,
        row.most_files,
        row.most_bytes,
        row.outside or row.asked_name or "",
    )
