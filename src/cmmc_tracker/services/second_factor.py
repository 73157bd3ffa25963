"""The second factor: codes by time (TOTP, RFC 6238), and ten recovery codes for the day the phone is lost.

A code opens once: its time step is written down, and neither it nor an earlier one is taken again. The secret is
kept as it is, because the server must compute with it (decision 0007); recovery codes are kept as hashes.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
from sqlalchemy import Select, delete, func, insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import codes, sessions, settings
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import recovery_codes, second_factors, users

ISSUER = "CMMC Artifact Tracker"
STEP_SECONDS = 30
RECOVERY_CODES = 10
_ENROLMENT_LIVES = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class State:
    """How a person stands: since when a second factor holds (None: none), and how many recovery codes are left."""

    since: datetime | None
    codes_left: int
    required: bool


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: the key to type, and the address that the QR code carries."""

    key: str
    uri: str


def state(work: Work) -> State:
    """How the actor stands."""
    user_id = _actor_id(work)
    since = work.db.execute(
        select(second_factors.c.confirmed_at).where(second_factors.c.user_id == user_id)
    ).scalar_one_or_none()
    left = work.db.execute(
        select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    ).scalar_one()
    return State(since, left, _is_asked(work))


def _is_asked(work: Work) -> bool:
    """Whether the actor must have a second factor: everybody here, or who comes from outside."""
    return settings.current(work).second_factor_required or (work.actor is not None and work.actor.is_assessor)


def is_set(work: Work, user_id: int) -> bool:
    """Whether a person has a second factor."""
    confirmed = second_factors.c.confirmed_at.is_not(None)
    return work.row(select(second_factors.c.user_id).where(second_factors.c.user_id == user_id, confirmed)) is not None


def begin(work: Work) -> None:
    """Begin the actor's enrolment with a new key; raises `Conflict` when a second factor is set already."""
    allow(work.actor, Action.OWN_ACCOUNT)
    user_id = _actor_id(work)
    sessions.guard(work, user_id)
    if is_set(work, user_id):
        raise Conflict("You have a second factor already; remove it first to set up another one.")
    work.bookkeep(delete(second_factors).where(second_factors.c.user_id == user_id))
    work.bookkeep(insert(second_factors).values(user_id=user_id, secret=pyotp.random_base32(), begun_at=work.now))


def under_way(work: Work) -> Enrolment | None:
    """The actor's enrolment that was begun and not confirmed yet, or None."""
    row = work.row(_pending(_actor_id(work), work.now))
    if row is None:
        return None
    name = work.actor.name if work.actor else ""
    return Enrolment(row.secret, pyotp.TOTP(row.secret).provisioning_uri(name=name, issuer_name=ISSUER))


def _pending(user_id: int, now: datetime) -> Select[Any]:
    return select(second_factors).where(
        second_factors.c.user_id == user_id,
        second_factors.c.confirmed_at.is_(None),
        second_factors.c.begun_at > now - _ENROLMENT_LIVES,
    )


def confirm(work: Work, code: str, session_id: int | None) -> list[str]:
    """Set the actor's second factor by a first code; returns the recovery codes, shown once.

    All other sessions of the person end. Raises `Invalid` for a wrong code.
    """
    allow(work.actor, Action.OWN_ACCOUNT)
    user_id = _actor_id(work)
    sessions.guard(work, user_id)
    row = work.row(_pending(user_id, work.now))
    if row is None:
        raise Conflict("This set-up was finished or took too long. Nothing was changed; begin again.")
    step = _step_of(row.secret, code, work.now)
    if step is None:
        raise Invalid({"code": "This code is not right. Check the time on your device, and type the code of now."})
    mine = second_factors.c.user_id == user_id
    work.change(update(second_factors).where(mine).values(confirmed_at=work.now, last_step=step))
    sessions.end_all(work, user_id, but=session_id)
    work.record(Event.SECOND_FACTOR_SET, f"user:{user_id}")
    return _fresh_codes(work, user_id)


def renew_codes(work: Work) -> list[str]:
    """Ten new recovery codes for the actor; the old ones die."""
    allow(work.actor, Action.OWN_ACCOUNT)
    user_id = _actor_id(work)
    sessions.guard(work, user_id)
    if not is_set(work, user_id):
        raise Conflict("You have no second factor; set one up first.")
    work.record(Event.SECOND_FACTOR_CHANGED, f"user:{user_id}", {"recovery_codes": "new"})
    return _fresh_codes(work, user_id)


def remove(work: Work, session_id: int | None) -> None:
    """Take the actor's own second factor away and end the other sessions.

    Raises `Conflict` where everybody must have one.
    """
    allow(work.actor, Action.OWN_ACCOUNT)
    user_id = _actor_id(work)
    sessions.guard(work, user_id)
    if settings.current(work).second_factor_required:
        raise Conflict("Everybody must have a second factor here. An administrator can reset yours.")
    if _is_asked(work):
        raise Conflict("An assessor must have a second factor here. An administrator can reset yours.")
    if is_set(work, user_id):
        _delete(work, user_id)
        sessions.end_all(work, user_id, but=session_id)
        work.record(Event.SECOND_FACTOR_REMOVED, f"user:{user_id}")


def reset(work: Work, user_id: int) -> None:
    """Take somebody's second factor away as an administrator, for a lost phone; ends the person's sessions."""
    allow(work.actor, Action.USER_MANAGE)
    if work.actor and work.actor.id == user_id:
        raise Conflict("Your own second factor is changed on your profile page, with your password.")
    sessions.guard(work, user_id)
    row = work.row(select(users.c.name).where(users.c.id == user_id))
    if row is None:
        raise NotFound("There is no such account.")
    if not is_set(work, user_id):
        raise Conflict(f"{row.name} has no second factor.")
    _delete(work, user_id)
    sessions.end_all(work, user_id)
    work.record(Event.SECOND_FACTOR_RESET, f"user:{user_id}", {"name": row.name})


def use(work: Work, user_id: int, code: str) -> str:
    """Use a code up: "code" or "recovery code" when it was good, else empty. One of two simultaneous uses wins."""
    row = work.row(select(second_factors).where(second_factors.c.user_id == user_id))
    if row is None or row.confirmed_at is None:
        return ""
    step = _step_of(row.secret, code, work.now)
    if step is not None:
        # A step that is still to come was written down by a clock that ran ahead and was set right.
        ahead = second_factors.c.last_step > int(work.now.timestamp()) // STEP_SECONDS + 1
        fresh = (second_factors.c.user_id == user_id) & ((second_factors.c.last_step < step) | ahead)
        used = work.change(update(second_factors).where(fresh).values(last_step=step)).rowcount
        return "code" if used else ""
    mine = (recovery_codes.c.user_id == user_id) & (recovery_codes.c.code_hash == codes.hashed(user_id, code))
    return "recovery code" if work.change(delete(recovery_codes).where(mine)).rowcount else ""


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that the code is of: the present one, or one beside it for clocks that differ (RFC 6238, 5.2)."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdecimal() and len(digits) == 6):
        return None
    present = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    near = (present, present - 1, present + 1)
    return next((s for s in near if secrets.compare_digest(totp.at(s * STEP_SECONDS), digits)), None)


def _fresh_codes(work: Work, user_id: int) -> list[str]:
    fresh = [codes.made() for _ in range(RECOVERY_CODES)]
    work.change(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    work.change(
        insert(recovery_codes), [{"user_id": user_id, "code_hash": codes.hashed(user_id, code)} for code in fresh]
    )
    return fresh


def _delete(work: Work, user_id: int) -> None:
    work.change(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    work.change(delete(second_factors).where(second_factors.c.user_id == user_id))


def _actor_id(work: Work) -> int:
    if work.actor is None or work.actor.id is None:
        raise Conflict("Only somebody with an account has a second factor.")
    return work.actor.id
