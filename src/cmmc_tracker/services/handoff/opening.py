"""Opening a package from outside: by an assessor's account, or by a link and its second word; every look is logged.

Unknown, expired and revoked views are answered alike. A link that was given too many wrong words closes for good.
"""

import hmac
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update

from cmmc_tracker.domain.audit import Event, canonical, stamp
from cmmc_tracker.domain.cui import may_be_stored
from cmmc_tracker.domain.handoff.package import Purpose
from cmmc_tracker.domain.handoff.viewing import MOST_WRONG_WORDS
from cmmc_tracker.domain.permissions import Actor, Organization, Role
from cmmc_tracker.domain.requests import LinkState
from cmmc_tracker.domain.settings import kept
from cmmc_tracker.errors import Conflict, NotFound, NotSignedIn, TooMany
from cmmc_tracker.services import codes, sessions, settings
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.handoff import views
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.limits import PACKAGE_LINK, REFUSAL_NOTED, Limiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit, package_views, packages, systems

GONE = (
    "There is nothing behind this link: it is not whole, has expired or was taken back. Ask whoever sent it to you for "
    "a new one."
)
ENDED = "This package is not open to you, or not any more. Ask whoever invited you."
WRONG_WORD = "This is not the word. Type it as you were told; it came to you another way than the link."
_FORM = re.compile(r"[A-Za-z0-9_-]{64}")
_ONCE_IN = timedelta(minutes=10)  # one entry in the log for what is looked at again and again
_MOST_ENTRIES, _ENTRIES_IN = 2_000, timedelta(minutes=10)  # that the holder of one view causes in the log
_TOO_MUCH = "Very much was looked at in a short time. Please go on in a few minutes."
_SHOWN_NAME = 40


@dataclass(frozen=True, slots=True)
class Opened:
    """A view that is good now: of which package, whose, and what its holder may do."""

    id: int
    user_id: int | None
    whom: str
    may_download: bool
    last_day: date  # on which it opens, where the organization is
    slug: str
    system_name: str
    demo: bool
    package: Package
    secret: str = ""  # of a link, what its word's hash is made with

    @property
    def is_link(self) -> bool:
        """Whether its holder has no account."""
        return self.user_id is None

    @property
    def actor(self) -> Actor:
        """The holder as the log names them: an assessor's account, or nobody who has one."""
        if self.user_id is not None:
            return Actor(self.user_id, self.whom, Role.USER, organization=Organization.ASSESSOR)
        return Actor(None, f"package link {self.id} ({self.whom[:_SHOWN_NAME]})", Role.USER)


def mine(work: Work) -> list[Opened]:
    """The views of the account that acts, oldest first."""
    if work.actor is None or not work.actor.is_assessor:
        return []
    return _good(work, _all().where(package_views.c.user_id == work.actor.id))


def of_account(work: Work, view_id: int) -> Opened:
    """A view of the account that acts; raises `NotFound` for anybody else's and for one that ended."""
    found = next((one for one in mine(work) if one.id == view_id), None)
    if found is None:
        raise NotFound(ENDED)
    return found


def is_link_like(token: str) -> bool:
    """Whether a text has the form of a link's token, so that asking the database for it makes sense."""
    return _FORM.fullmatch(token) is not None


def of_link(work: Work, token: str) -> Opened:
    """The good link of that token; raises `NotFound`. For what cannot be one the database is not asked."""
    found = []
    if is_link_like(token):
        found = _good(work, _all().where(package_views.c.token_hash == sessions.token_hash(token)))
    if not found:
        raise NotFound(GONE)
    return found[0]


def check(tracker: Tracker, limiter: Limiter, visitor: Visitor, token: str) -> Opened:
    """The good link of that token; raises `NotFound`, or `TooMany` for an address that guesses.

    It is looked up first: 384 random bits are not guessed, only tried for harm.
    """
    with suppress(NotFound), tracker.read() as work:
        return of_link(work, token)
    limiter.take(PACKAGE_LINK, visitor.network).settle()
    with suppress(TooMany):
        limiter.take(REFUSAL_NOTED, f"package link {visitor.network}").settle()
        with tracker.write(address=visitor.address) as work:
            work.record(Event.PACKAGE_LINK_REFUSED, "package:", actor="(package link)")
    raise NotFound(GONE)


def unlock(tracker: Tracker, visitor: Visitor, view: Opened, word: str) -> None:
    """Return when this is the link's second word; raises `NotSignedIn`, and `NotFound` with the last try.

    Tries are counted at the link, whatever address they come from, before the word is looked at.
    """
    with tracker.write(view.actor, visitor.address) as work:
        mine = package_views.c.id == view.id
        tried = update(package_views).where(mine, package_views.c.wrong_words < MOST_WRONG_WORDS)
        if work.bookkeep(tried.values(wrong_words=package_views.c.wrong_words + 1)).rowcount == 0:
            raise NotFound(GONE)
        row = work.db.execute(select(package_views).where(mine)).one()
        is_right = hmac.compare_digest(row.word_hash, codes.hashed(view.secret, word))
        told: dict[str, Any] = {"system": view.slug, "number": view.package.number, "view": view.id}
        if is_right:
            work.bookkeep(update(package_views).where(mine).values(wrong_words=0))
            work.record(Event.PACKAGE_UNLOCKED, view.package.holder, told)
        else:
            is_last = row.wrong_words >= MOST_WRONG_WORDS
            if is_last:
                work.change(update(package_views).where(mine).values(revoked_at=work.now))
            work.record(Event.PACKAGE_WORD_REFUSED, view.package.holder, {**told, "closed": is_last})
    if not is_right:
        raise NotFound(GONE) if is_last else NotSignedIn(WRONG_WORD)


def look(tracker: Tracker, view: Opened, address: str, what: Mapping[str, Any]) -> None:
    """Write down that the holder looks at something; what is looked at again within minutes is written once.

    Raises `TooMany` for who looks at more in ten minutes than anybody reads, as `take` and `take_package` do: the log
    is kept for good, and each entry of it holds up everybody who writes.
    """
    detail = _detail(view, what)
    with tracker.read() as work:
        seen = select(audit.c.id).where(
            audit.c.entity == view.package.holder,
            audit.c.action == Event.PACKAGE_LOOKED_AT,
            audit.c.actor == view.actor.name[:80],
            audit.c.detail == canonical(detail),
            audit.c.at > stamp(work.now - _ONCE_IN),
        )
        if work.row(seen.limit(1)):
            return
    with tracker.write(view.actor, address) as work:
        _refuse_flood(work, view)
        work.record(Event.PACKAGE_LOOKED_AT, view.package.holder, detail)


def _refuse_flood(work: Work, view: Opened) -> None:
    mine = (audit.c.entity == view.package.holder, audit.c.actor == view.actor.name[:80])
    before = select(audit.c.at).where(*mine).order_by(audit.c.id.desc()).offset(_MOST_ENTRIES - 1).limit(1)
    row = work.row(before)
    if row is not None and row.at > stamp(work.now - _ENTRIES_IN):
        wait = datetime.fromisoformat(row.at) + _ENTRIES_IN - work.now
        raise TooMany(_TOO_MUCH, max(1, ceil(wait.total_seconds())))


def take(tracker: Tracker, view: Opened, address: str, what: Mapping[str, Any]) -> None:
    """Write down that the holder takes a file away, which `what` names; raises `Conflict` where that is not allowed."""
    refuse_taking(view)
    with tracker.write(view.actor, address) as work:
        _refuse_flood(work, view)
        work.record(Event.PACKAGE_FILE_TAKEN, view.package.holder, _detail(view, what))


def take_package(tracker: Tracker, view: Opened, address: str, part: tuple[int, int] | None = None) -> None:
    """Write down that the holder takes the package away, or some of its bytes; raises as `take` does."""
    refuse_taking(view)
    what = {} if part is None else {"part": f"{part[0]}-{part[1] - 1}"}
    with tracker.write(view.actor, address) as work:
        _refuse_flood(work, view)
        work.record(Event.PACKAGE_DOWNLOADED, view.package.holder, _detail(view, what))


def refuse_taking(view: Opened) -> None:
    """Raise `Conflict` where the contractor lets nothing be taken away."""
    if not view.may_download:
        raise Conflict("This package is open to be looked at only. Ask the contractor where you need a file itself.")


def _detail(view: Opened, what: Mapping[str, Any]) -> dict[str, Any]:
    return {"system": view.slug, "number": view.package.number, "view": view.id, **what}


def _all() -> Select[Any]:
    """Every view with its package and its system."""
    return (
        views.with_maker()
        .add_columns(*(packages.c[name].label(f"of_{name}") for name in _OF_PACKAGE))
        .add_columns(systems.c.slug, systems.c.name.label("system_name"), systems.c.demo, systems.c.cui_never)
        .add_columns(_preferences())
        .join(packages, packages.c.id == package_views.c.package_id)
        .join(systems, systems.c.id == packages.c.system_id)
        .order_by(package_views.c.id)
    )


def _preferences() -> ColumnElement[Any]:
    return settings.inline().label("preferences")


_OF_PACKAGE = (
    *("id", "system_id", "number", "name", "purpose", "reason", "frozen_at", "snapshot_sha256", "log_sha256"),
    *("artifacts", "bytes", "retained_until", "releasable", "manifest_sha256"),
)


def _good(work: Work, query: Select[Any]) -> list[Opened]:
    found = []
    for row in work.rows(query):
        if views.state_of(row, work.now) is not LinkState.OPEN:
            continue
        is_link = row.token_hash is not None
        if is_link and (not row.of_releasable or may_be_stored(kept(row.preferences), never=row.cui_never)):
            continue
        values = {name: getattr(row, f"of_{name}") for name in _OF_PACKAGE}
        package = Package(**{**values, "purpose": Purpose(values["purpose"]), "frozen_by": COMMAND_LINE})
        found.append(
            Opened(
                *(row.id, row.user_id, row.whom, row.may_download, views.last_day(work, row.expires_at)),
                *(row.slug, row.system_name, row.demo, package),
                row.token_hash or "",
            )
        )
    return found


def snapshot(work: Work, view: Opened) -> dict[str, Any]:
    """What was frozen, read; the caller holds a good view."""
    text = work.db.execute(select(packages.c.snapshot).where(packages.c.id == view.package.id)).scalar_one()
    found: dict[str, Any] = json.loads(text)
    return found
