"""Upload links of a request: made, listed and taken back by contributors. What opens by one is in `guests`."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.requests import LinkState, LinkWanted, link_state
from cmmc_tracker.errors import Conflict, NotFound
from cmmc_tracker.services import sessions
from cmmc_tracker.services.requests import asking
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import upload_links, users

MOST_LINKS = 20  # of one request that are open at a time


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is listed; what makes it secret is nowhere."""

    id: int
    state: LinkState
    created_at: datetime
    created_by: str
    expires_at: datetime
    most_files: int
    most_bytes: int
    opened_at: datetime | None
    used_at: datetime | None


def make(work: Work, request_id: int, wanted: LinkWanted) -> str:
    """Make a link; returns its token of 256 random bits, which nobody can read again."""
    row, home = asking.opened(work, request_id, None)
    living = and_(
        upload_links.c.request_id == request_id,
        upload_links.c.used_at.is_(None),
        upload_links.c.revoked_at.is_(None),
        upload_links.c.expires_at > work.now,
    )
    if work.db.execute(select(func.count()).select_from(upload_links).where(living)).scalar_one() >= MOST_LINKS:
        raise Conflict(f"This request has {MOST_LINKS} open links; take back one that is not needed any more.")
    token = secrets.token_urlsafe(32)
    made = work.change(
        insert(upload_links).values(
            request_id=request_id,
            token_hash=sessions.token_hash(token),
            created_at=work.now,
            created_by=work.actor.id if work.actor else None,
            expires_at=work.now + timedelta(days=wanted.days),
            most_files=wanted.most_files,
            most_bytes=wanted.most_bytes,
        )
    ).inserted_primary_key
    number = made[0] if made else ""
    detail = {"request": row.id, "system": home.slug, "days": wanted.days, "most_files": wanted.most_files}
    work.record(Event.UPLOAD_LINK_MADE, f"upload_link:{number}", {**detail, "most_bytes": wanted.most_bytes})
    return token


def revoke(work: Work, request_id: int, link_id: int) -> None:
    """Take a link back: it opens no more. Used or taken back already: no error, for it opens nothing anyway."""
    _, home = asking.managed(work, request_id)
    where = and_(upload_links.c.id == link_id, upload_links.c.request_id == request_id)
    row = work.row(select(upload_links).where(where))
    if row is None:
        raise NotFound("This request has no such link.")
    if row.used_at is None and row.revoked_at is None:
        by = work.actor.id if work.actor else None
        work.change(update(upload_links).where(where).values(revoked_at=work.now, revoked_by=by))
        work.record(Event.UPLOAD_LINK_REVOKED, f"upload_link:{link_id}", {"request": request_id, "system": home.slug})


def of_request(work: Work, request_id: int) -> list[Link]:
    """The links of a request, newest first; the caller has checked that the reader may see it."""
    makers = users.c.id == upload_links.c.created_by
    query = select(upload_links, users.c.name, users.c.disabled_at, users.c.deleted_at)
    query = query.join(users, makers, isouter=True).where(upload_links.c.request_id == request_id)
    return [
        Link(
            row.id,
            state_of(row, work.now),
            row.created_at,
            row.name or "command line",
            row.expires_at,
            row.most_files,
            row.most_bytes,
            row.opened_at,
            row.used_at,
        )
        for row in work.rows(query.order_by(upload_links.c.id.desc()))
    ]


def state_of(row: Any, now: datetime) -> LinkState:
    """How a link stands; its row carries `disabled_at` and `deleted_at` of who made it."""
    return link_state(
        now,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
        has_maker=row.disabled_at is None and row.deleted_at is None,
    )
