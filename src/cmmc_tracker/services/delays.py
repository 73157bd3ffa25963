"""A growing delay for an account that is being guessed, from whatever address.

From the sixth failure in a row the next try must wait: 4 seconds, then 8, up to a minute. The wait is short and does
not grow while tries are refused, and a browser that signed in as this person before does not wait at all: nobody can
lock somebody else out for good. Names that nobody has are treated alike, so that a wait tells nothing.
"""

from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.errors import TooMany
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import account_tries

FREE_FAILURES = 5
_FIRST_SECONDS, _MOST_SECONDS = 4, 60
_FORGOTTEN = timedelta(hours=24)


def delay_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    beyond = failures - FREE_FAILURES - 1
    return timedelta(seconds=min(_FIRST_SECONDS * 2 ** min(beyond, 10), _MOST_SECONDS) if beyond >= 0 else 0)


def begin(work: Work, name_key: str, *, known_device: bool) -> None:
    """Count a try before the password is looked at, so that tries at the same instant count each other.

    Raises `TooMany` while the account must wait, without counting, unless the browser is known.
    """
    work.alone(f"account:{name_key}")
    work.bookkeep(delete(account_tries).where(account_tries.c.last_at < work.now - _FORGOTTEN))
    mine = account_tries.c.name_key == name_key
    row = work.row(select(account_tries).where(mine))
    if row is None:
        work.bookkeep(insert(account_tries).values(name_key=name_key, failures=1, last_at=work.now))
        return
    wait = _left(row.failures, row.last_at, work.now)
    if wait > 0 and not known_device:
        raise TooMany(
            f"Too many login attempts for this account. Please wait {wait} second{'' if wait == 1 else 's'}, "
            "then try again.",
            wait,
        )
    work.bookkeep(update(account_tries).where(mine).values(failures=row.failures + 1, last_at=work.now))


def _left(failures: int, last_at: datetime, now: datetime) -> int:
    delay = delay_after(failures)
    # Without a delay nobody waits, also when a try of the same instant was written down by a later clock.
    return ceil((last_at + delay - now).total_seconds()) if delay else 0


def succeed(work: Work, name_key: str) -> None:
    """Forget the failures in a row: the person is in."""
    work.bookkeep(delete(account_tries).where(account_tries.c.name_key == name_key))


def take_back(work: Work, name_key: str) -> None:
    """The try was no failure, but the person is not in yet: the second factor is still to come."""
    mine = (account_tries.c.name_key == name_key) & (account_tries.c.failures > 0)
    work.bookkeep(update(account_tries).where(mine).values(failures=account_tries.c.failures - 1))
