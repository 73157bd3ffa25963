"""Checks of accounts, API tokens, backups and the settings that administrators keep."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from cmmc_tracker.domain.backups import Standing
from cmmc_tracker.domain.permissions import Role
from cmmc_tracker.domain.settings import Preferences
from cmmc_tracker.services import accounts, settings
from cmmc_tracker.services.backups import standing
from cmmc_tracker.services.doctor.findings import OPERATOR, Finding, Patient, bad, good, warning
from cmmc_tracker.storage.tables import api_tokens, artifacts, users

_UNUSED = timedelta(days=90)


def people(p: Patient) -> Iterator[Finding]:
    """Whether there are administrators enough, with second factors."""
    if p.tracker is None:
        return
    with p.tracker.read(OPERATOR) as work:
        admins = [a for a in accounts.everyone(work) if a.role is Role.ADMIN and a.disabled_at is None]
    if not admins:
        yield warning("administrators", "there is none yet", "cmmc-tracker user add NAME --role admin --password-stdin")
        return
    if len(admins) == 1:
        text = "there is only one: nobody could let that person in again"
        yield warning("administrators", text, "make another: cmmc-tracker user add NAME --role admin --password-stdin")
    else:
        yield good("administrators", f"{len(admins)}")
    bare = sum(not a.second_factor for a in admins)
    if bare:
        text = f"{bare} of {len(admins)} administrators have none"
        yield warning("second factor of administrators", text, "let them set one up under Profile")
    else:
        yield good("second factor of administrators", "all have one")


def preferences(p: Patient) -> Iterator[Finding]:
    """Settings whose default is worth a thought."""
    if p.tracker is None:
        return
    with p.tracker.read(OPERATOR) as work:
        now, usual = settings.current(work), Preferences()
    if now.second_factor_required:
        yield good("second factor", "everybody must have one")
    else:
        yield warning("second factor", "it is left to each person", "require it on the page /config")
    if now.security_contact:
        yield good("security contact", "set")
    else:
        yield warning("security contact", "none: strangers who find a weakness cannot say so", "set it on /config")
    if now.idle > usual.idle or now.longest > usual.longest:
        text = f"they rest {now.session_idle_minutes} minutes and last {now.session_longest_hours} hours"
        remedy = f"set {usual.session_idle_minutes} minutes and {usual.session_longest_hours} hours on /config"
        yield warning("sessions", text, remedy)
    else:
        yield good("sessions", f"{now.session_idle_minutes} minutes of rest, {now.session_longest_hours} hours in all")


def tokens(p: Patient) -> Iterator[Finding]:
    """API tokens that nobody uses."""
    if p.tracker is None:
        return
    last = func.coalesce(api_tokens.c.last_used_at, api_tokens.c.created_at)
    query = (
        select(users.c.name)
        .join(api_tokens, api_tokens.c.user_id == users.c.id)
        .where(api_tokens.c.revoked_at.is_(None), api_tokens.c.expires_at > p.now, last < p.now - _UNUSED)
        .order_by(users.c.name)
    )
    with p.tracker.read(OPERATOR) as work:
        owners = [row.name for row in work.rows(query)]
    if owners:
        named = ", ".join(dict.fromkeys(owners))
        text = f"{len(owners)} were not used for {_UNUSED.days} days (of {named[:200]})"
        yield warning("API tokens", text, "let their owners revoke them under Profile")
    else:
        yield good("API tokens", f"none lies unused for {_UNUSED.days} days")


def backups(p: Patient) -> Iterator[Finding]:
    """When the last backup was made, where there is something to lose."""
    if p.tracker is None:
        return
    with p.tracker.read(OPERATOR) as work:
        if work.row(select(artifacts.c.id).limit(1)) is None:
            return
        last = standing.last(work)
    remedy = "make one each night: docs/operate.md"
    day = f"{last.made_at:%Y-%m-%d}" if last.made_at else ""
    match last.standing(p.now):
        case Standing.FAILED:
            before = f"; the last good one is of {day}" if day else "; none was ever made"
            yield bad(
                "backup", f"the last try failed: {last.why.rstrip('.')}{before}", "mend what is named, and try again"
            )
        case Standing.NEVER:
            yield warning("backup", "none was ever made by `cmmc-tracker backup`", remedy)
        case Standing.LACKING:
            text = f"the one of {day} lacks {last.lacking:,} contents that the store had not, or had altered"
            yield bad("backup", text, "run `cmmc-tracker verify`, and restore what it names")
        case Standing.LATE:
            yield warning("backup", f"the last one is of {day}", remedy)
        case Standing.GOOD:
            yield good("backup", f"the last one is of {last.made_at:%Y-%m-%dT%H:%M}Z")
