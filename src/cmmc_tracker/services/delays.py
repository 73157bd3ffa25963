"""A growing delay for an account that is being guessed, from whatever address.

From the sixth failure in a row the next try must wait: 4 seconds, then 8, up to a minute. Refused tries count nowhere.
Nobody can lock somebody else out for good: a network that has hardly failed for this account waits 4 seconds at most,
so one that hammers cannot take every free moment, and a browser that signed in as this person before does not wait at
all. Names that nobody has are treated alike, so that a wait tells nothing. What is kept of a name is a hash: people
type passwords into the wrong field.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.errors import TooMany
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import account_tries

FREE_FAILURES = 5
_FIRST_SECONDS, _MOST_SECONDS = 4, 60
_FEW_FAILURES = 3  # a network that failed less often for this account waits for the first delay at most
_DEVICE_FAILURES = 10  # then a known browser is treated as any other: its cookie may be in other hands
_FORGOTTEN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody tries to be an account: by its name, or as the `code` of the account's second factor.

    `network` is where from; `known_device` whether the browser signed in as this person before.
    """

    account: str
    network: str
    known_device: bool = False

    def keys(self) -> tuple[str, str, str]:
        """What is counted: the account, the network's failures for it, those of its known browsers."""
        parts = ((self.account,), (self.account, "network", self.network), (self.account, "device"))
        account, network, device = (hashlib.sha256("\0".join(one).encode()).hexdigest() for one in parts)
        return account, network, device


def of_name(name_key: str, network: str, *, known_device: bool) -> Try:
    """A try of a password."""
    return Try(f"name {name_key}", network, known_device)


def of_code(user_id: int, network: str, *, known_device: bool) -> Try:
    """A try of a code: counted apart, so that who lacks the password cannot make its owner wait here."""
    return Try(f"code {user_id}", network, known_device)


def delay_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row."""
    beyond = failures - FREE_FAILURES - 1
    return timedelta(seconds=min(_FIRST_SECONDS * 2 ** min(beyond, 10), _MOST_SECONDS) if beyond >= 0 else 0)


def begin(work: Work, one: Try) -> None:
    """Count a try before it is looked at, so that tries at the same instant count each other.

    Raises `TooMany` while the account must wait, without counting.
    """
    account, network, device = one.keys()
    work.alone(f"account:{account}")
    work.bookkeep(delete(account_tries).where(account_tries.c.last_at < work.now - _FORGOTTEN))
    rows = {
        row.key_hash: row for row in work.rows(select(account_tries).where(account_tries.c.key_hash.in_(one.keys())))
    }
    spared = one.known_device and _failures(rows, device) < _DEVICE_FAILURES
    wait = _left(rows, account, network, work.now)
    if wait > 0 and not spared:
        raise TooMany(
            f"Too many login attempts for this account. Please wait {wait} second{'' if wait == 1 else 's'}, "
            "then try again.",
            wait,
        )
    for key in (account, network, *((device,) if one.known_device else ())):
        _count(work, key, rows)


def _failures(rows: dict[str, Any], key: str) -> int:
    return rows[key].failures if key in rows else 0


def _left(rows: dict[str, Any], account: str, network: str, now: datetime) -> int:
    delay = delay_after(_failures(rows, account))
    if _failures(rows, network) < _FEW_FAILURES:
        delay = min(delay, timedelta(seconds=_FIRST_SECONDS))
    # Without a delay nobody waits, also when a try of the same instant was written down by a later clock.
    left = ceil((rows[account].last_at + delay - now).total_seconds()) if delay else 0
    # Longer than any delay: the clock ran ahead then and was set right since; nobody waits until that day.
    return left if left <= 2 * _MOST_SECONDS else 0


def _count(work: Work, key: str, rows: dict[str, Any]) -> None:
    if key in rows:
        values = {"failures": rows[key].failures + 1, "last_at": work.now}
        work.bookkeep(update(account_tries).where(account_tries.c.key_hash == key).values(**values))
    else:
        work.bookkeep(insert(account_tries).values(key_hash=key, failures=1, last_at=work.now))


def succeed(work: Work, one: Try) -> None:
    """Forget the failures in a row: the password, or the code, was right."""
    work.bookkeep(delete(account_tries).where(account_tries.c.key_hash.in_(one.keys())))
