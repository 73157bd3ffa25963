"""Accounts: making, disabling, roles and passwords. The last administrator can be removed by nobody.

Passwords are hashed by the caller's side of the transaction (`passwords.hashed`), because hashing takes tens of
milliseconds and a write transaction holds up everybody else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, func, insert, select, update

from cmmc_tracker.domain.accounts import REMEMBERED_PASSWORDS, check_password, name_key, parse_name, parse_role
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.digest import is_address
from cmmc_tracker.domain.permissions import Action, Actor, Organization, Role, allow
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Conflict, Invalid, NotFound
from cmmc_tracker.services import delays, passwords, sessions, systems, tokens
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import memberships, old_passwords, second_factors, setup_links, users

_OURS_ONLY = "Only somebody of our own organization can be an administrator."


@dataclass(frozen=True, slots=True)
class Account:
    """One account as administrators see it."""

    id: int
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None
    second_factor: bool
    version: int
    organization: Organization


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checked name, role and hashed password: an account that can be made."""

    name: str
    role: Role
    password_hash: str
    organization: Organization = Organization.OURS


def candidate(name: str, password: str, role: str, organization: str = Organization.OURS) -> Candidate:
    """Check everything about a new account at once and hash its password; raises `Invalid` naming all faults.

    Only somebody of our own organization can be an administrator.
    """
    wrong: dict[str, str] = {}
    parsed, given_role = "", Role.USER
    try:
        parsed = parse_name(name)
    except Invalid as error:
        wrong |= error.fields
    try:
        given_role = parse_role(role)
    except Invalid as error:
        wrong |= error.fields
    try:
        check_password(password, name)
    except Invalid as error:
        wrong |= error.fields
    if organization not in set(Organization):
        wrong["organization"] = f"This must be one of {', '.join(Organization)}."
    elif given_role is Role.ADMIN and organization != Organization.OURS:
        wrong["organization"] = _OURS_ONLY
    if wrong:
        raise Invalid(wrong)
    return Candidate(parsed, given_role, passwords.hashed(password), Organization(organization))


@contextmanager
def repeated(password: str, repeat: str) -> Iterator[None]:
    """Beside what is checked within, a repetition must be the same; raises `Invalid` naming all faults at once."""
    wrong = {} if password == repeat else {"password_repeat": "The two passwords differ."}
    try:
        yield
    except Invalid as error:
        raise Invalid(error.fields | wrong) from None
    if wrong:
        raise Invalid(wrong)


def anybody(work: Work) -> bool:
    """Whether there is any account yet."""
    return work.row(select(users.c.id).limit(1)) is not None


def create(work: Work, who: Candidate) -> int:
    """Make an account, one of our own as a member of `main`; returns its number."""
    allow(work.actor, Action.USER_MANAGE)
    return _insert(work, who)


def create_first(work: Work, who: Candidate, token_hash: str) -> int:
    """Make the first administrator by a set-up link, which is used up; one of two simultaneous tries wins."""
    living = and_(setup_links.c.token_hash == token_hash, setup_links.c.expires_at > work.now)
    if anybody(work) or work.change(delete(setup_links).where(living)).rowcount == 0:
        raise NotFound("This set-up link has been used or has expired. Start the tracker again for a new one.")
    made = _insert(work, who)
    work.change(delete(setup_links))
    work.record(Event.SETUP_FINISHED, f"user:{made}", actor=who.name)
    return made


def _insert(work: Work, who: Candidate) -> int:
    work.alone("accounts")
    key = name_key(who.name)
    taken = work.row(select(users.c.deleted_at).where(users.c.name_key == key))
    if taken and taken.deleted_at:
        raise Invalid({"username": f"The name {who.name} belonged to a deleted account and is not given again."})
    if taken:
        raise Invalid({"username": f"There is already an account named {who.name}."})
    made = work.change(
        insert(users).values(
            name=who.name,
            name_key=key,
            password_hash=who.password_hash,
            role=who.role,
            organization=who.organization,
            created_at=work.now,
            password_changed_at=work.now,
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 a narrowing for the type checker
    user_id = int(made[0])
    if who.organization is Organization.OURS:
        systems.enrol(work, systems.main_id(work), user_id)
    told = {"name": who.name, "role": who.role, "organization": who.organization}
    work.record(Event.USER_CREATED, f"user:{user_id}", told, actor=who.name)
    return user_id


def everyone(work: Work) -> list[Account]:
    """All accounts by name."""
    allow(work.actor, Action.USER_MANAGE)
    return [_account(row) for row in work.rows(_living().order_by(users.c.name_key))]


def named(work: Work, name: str) -> Account:
    """The account of that name; raises `NotFound`."""
    row = work.row(_living().where(users.c.name_key == name_key(name)))
    if row is None:
        raise NotFound(f"There is no account named {name!r}.")
    return _account(row)


def one(work: Work, user_id: int) -> Account:
    """The account of that number; raises `NotFound`."""
    row = work.row(_living().where(users.c.id == user_id))
    if row is None:
        raise NotFound("There is no such account.")
    return _account(row)


def _living() -> Select[Any]:
    """Every account that is not deleted, and whether it has a second factor."""
    confirmed = and_(second_factors.c.user_id == users.c.id, second_factors.c.confirmed_at.is_not(None))
    factor = select(second_factors.c.user_id).where(confirmed).exists().label("second_factor")
    return select(users, factor).where(users.c.deleted_at.is_(None))


def _account(row: Any) -> Account:
    return Account(
        *(row.id, row.name, Role(row.role), row.created_at, row.disabled_at, row.second_factor, row.version),
        Organization(row.organization),
    )


def disable(work: Work, user_id: int) -> None:
    """Take away sign-in, end all sessions and revoke the API tokens; what the person did stays readable."""
    account = _manageable(work, user_id, "disable")
    if account.disabled_at is None:
        work.change(
            update(users).where(users.c.id == user_id).values(disabled_at=work.now, version=users.c.version + 1)
        )
        sessions.end_all(work, user_id)
        tokens.revoke_all(work, user_id)
        work.record(Event.USER_DISABLED, f"user:{user_id}", {"name": account.name})


def remove(work: Work, user_id: int) -> None:
    """Delete an account in name: nobody signs in by it again and no list shows it.

    Its row stays, so that the audit log and the evidence still name the person, and so does its name: the
    identifier of one person is not given to another (NIST SP 800-171, 3.5.5).
    """
    account = _manageable(work, user_id, "delete")
    work.change(
        update(users)
        .where(users.c.id == user_id)
        .values(deleted_at=work.now, disabled_at=account.disabled_at or work.now, version=users.c.version + 1)
    )
    sessions.end_all(work, user_id)
    tokens.revoke_all(work, user_id)
    work.change(delete(memberships).where(memberships.c.user_id == user_id))
    work.record(Event.USER_DELETED, f"user:{user_id}", {"name": account.name})


def enable(work: Work, user_id: int) -> None:
    """Give sign-in back."""
    allow(work.actor, Action.USER_MANAGE)
    account = one(work, user_id)
    if account.disabled_at is not None:
        work.change(update(users).where(users.c.id == user_id).values(disabled_at=None, version=users.c.version + 1))
        work.record(Event.USER_ENABLED, f"user:{user_id}", {"name": account.name})


def set_role(work: Work, user_id: int, role: Role) -> None:
    """Change a role; ends the person's sessions, so that no old right lives on."""
    account = _manageable(work, user_id, "change the role of") if role is not Role.ADMIN else one(work, user_id)
    allow(work.actor, Action.USER_MANAGE)
    if role is Role.ADMIN and account.organization is not Organization.OURS:
        raise Conflict(_OURS_ONLY)
    if account.role is not role:
        work.change(update(users).where(users.c.id == user_id).values(role=role, version=users.c.version + 1))
        sessions.end_all(work, user_id)
        detail = {"name": account.name, "before": account.role, "after": role}
        work.record(Event.USER_ROLE_CHANGED, f"user:{user_id}", detail)


def _manageable(work: Work, user_id: int, verb: str) -> Account:
    """The account, when the actor may take something away from it: not oneself, not the last administrator."""
    allow(work.actor, Action.USER_MANAGE)
    sessions.guard(work, user_id)
    if work.actor and work.actor.id == user_id:
        raise Conflict(f"You cannot {verb} your own account; another administrator can.")
    # On PostgreSQL two administrators could remove each other at once: the rows are locked first.
    admins = select(users.c.id).where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None)).with_for_update()
    active = {row.id for row in work.rows(admins)}
    if active == {user_id}:
        raise Conflict(f"You cannot {verb} the last active administrator; make another one first.")
    return one(work, user_id)


def reset_password(tracker: Tracker, actor: Actor, address: str, user_id: int, password: str) -> None:
    """Set somebody's password as an administrator; ends the person's sessions and revokes the API tokens.

    Raises `Invalid` for a weak password and for one of the person's last five, `Conflict` for one's own: that asks for
    the present one.
    """
    allow(actor, Action.USER_MANAGE)
    if actor.id == user_id:
        raise Conflict("Your own password is changed on your profile page, with the present one.")
    with tracker.read(actor, address) as work:
        account = one(work, user_id)
        known = [_hash_of(work, user_id), *_earlier(work, user_id)]
    check_password(password, account.name)
    _check_reuse(known, password, "password")
    fresh = passwords.hashed(password)
    with tracker.write(actor, address) as work:
        sessions.guard(work, user_id)
        _set_hash(work, user_id, _hash_of(work, user_id), fresh)
        sessions.end_all(work, user_id)
        tokens.revoke_all(work, user_id)
        delays.succeed(work, delays.of_name(name_key(account.name), "", known_device=False))
        work.record(Event.USER_PASSWORD_RESET, f"user:{user_id}", {"name": account.name})


def confirm_password(tracker: Tracker, actor: Actor, address: str, password: str) -> None:
    """Return when this is the actor's own password; raises `Invalid`. Asked before anything that guards the account."""
    with tracker.read(actor) as work:
        known = _hash_of(work, actor.id or 0)
    if not passwords.matches(known, password):
        _record_guess(tracker, actor, address)
        raise Invalid({"confirm_password": "Your password is not right. Nothing was changed."})


def _record_guess(tracker: Tracker, actor: Actor, address: str) -> None:
    """Somebody at an open session may be guessing; in a Work of its own, because the refusal changes nothing else."""
    with tracker.write(actor, address) as work:
        work.record(Event.PASSWORD_REFUSED, f"user:{actor.id}")


def _hash_of(work: Work, user_id: int) -> str:
    row = work.row(select(users.c.password_hash).where(users.c.id == user_id))
    if row is None:
        raise NotFound("There is no such account.")
    return str(row.password_hash)


def _earlier(work: Work, user_id: int) -> list[str]:
    """The hashes of the passwords before the present one that are not taken again, newest first."""
    query = select(old_passwords.c.password_hash).where(old_passwords.c.user_id == user_id)
    newest = query.order_by(old_passwords.c.id.desc()).limit(REMEMBERED_PASSWORDS - 1)
    return [row.password_hash for row in work.rows(newest)]


def _check_reuse(known: list[str], password: str, field: str) -> None:
    if passwords.is_among(known[:1], password):
        raise Invalid({field: "This is the current password; choose another."})
    if passwords.is_among(known[1:], password):
        raise Invalid({field: f"This is one of the last {REMEMBERED_PASSWORDS} passwords; choose another."})


def change_own_password(tracker: Tracker, actor: Actor, address: str, *, old: str, new: str, repeat: str) -> None:
    """Change one's own password; all own sessions end, the present one too.

    Raises `Invalid` for a wrong old password, a weak new one or a repetition that differs.
    """
    with tracker.read(actor, address) as work:
        row = work.row(select(users.c.id, users.c.password_hash, users.c.name).where(users.c.id == actor.id))
        earlier = _earlier(work, actor.id or 0)
    if row is None or not passwords.matches(row.password_hash, old):
        _record_guess(tracker, actor, address)
        raise Invalid({"old_password": "The current password is not right. Nothing was changed."})
    with repeated(new, repeat):
        check_password(new, row.name, "new_password")
    _check_reuse([row.password_hash, *earlier], new, "new_password")
    fresh = passwords.hashed(new)
    with tracker.write(actor, address) as work:
        sessions.guard(work, row.id)
        # An administrator may have set another one while this one was being hashed: then the old one is not right.
        now = work.row(select(users.c.password_hash).where(users.c.id == row.id))
        if now is None or now.password_hash != row.password_hash:
            raise Invalid({"old_password": "The current password is not right any more. Nothing was changed."})
        _set_hash(work, row.id, row.password_hash, fresh)
        sessions.end_all(work, row.id)
        work.record(Event.USER_PASSWORD_CHANGED, f"user:{row.id}")


def _set_hash(work: Work, user_id: int, before: str, fresh: str) -> None:
    values = {"password_hash": fresh, "password_changed_at": work.now, "version": users.c.version + 1}
    work.change(update(users).where(users.c.id == user_id).values(**values))
    work.change(insert(old_passwords).values(user_id=user_id, password_hash=before))
    mine = old_passwords.c.user_id == user_id
    kept = select(old_passwords.c.id).where(mine).order_by(old_passwords.c.id.desc()).limit(REMEMBERED_PASSWORDS - 1)
    work.change(delete(old_passwords).where(mine, old_passwords.c.id.not_in(kept)))


def own_mail(work: Work) -> str:
    """Where the actor's reminders go."""
    found: str = work.db.execute(
        select(users.c.mail).where(users.c.id == (work.actor.id if work.actor else None))
    ).scalar_one()
    return found


def set_own_mail(work: Work, text: str) -> None:
    """Set where one's own reminders go; empty: none are sent. Raises `Invalid` for what is no address."""
    allow(work.actor, Action.OWN_ACCOUNT)
    mail, me = clean_line(text), work.actor.id if work.actor else None
    if mail and not is_address(mail):
        raise Invalid({"mail": "This is no mail address that reminders can be sent to, such as ada@example.com."})
    if mail != own_mail(work):
        work.change(update(users).where(users.c.id == me).values(mail=mail))
        work.record(Event.USER_MAIL_CHANGED, f"user:{me}", {"set": bool(mail)})


def count(work: Work) -> int:
    """How many accounts there are."""
    return work.db.execute(select(func.count()).select_from(users)).scalar_one()
