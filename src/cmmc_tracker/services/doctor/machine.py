"""Checks of the machine: clock, versions, who may read the files, room."""

import os
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from cmmc_tracker.domain.audit import stamp
from cmmc_tracker.services import passwords
from cmmc_tracker.services.doctor.findings import Finding, Patient, bad, good, warning
from cmmc_tracker.storage import disk, looking, modes
from cmmc_tracker.storage.tables import audit

WRITTEN = datetime(2026, 11, 25, tzinfo=UTC)  # this version is not older: a clock that says less is wrong
LITTLE_ROOM = 1 << 30
SKEW = timedelta(minutes=5)
_LISTED = 3


def clock(p: Patient) -> Iterator[Finding]:
    """Instants are kept in UTC, so the time zone of the machine does not matter; its clock does."""
    remedy = "set the clock, and keep it by NTP"
    if p.now < WRITTEN:
        yield bad("clock", f"it says {stamp(p.now)[:10]}, before this version was written", remedy)
        return
    newest = _newest_entry(p)
    if newest and newest > stamp(p.now + SKEW):
        yield bad("clock", f"the newest audit entry is of {newest}, which is still to come", remedy)
        return
    yield good("clock", f"{stamp(p.now)[:16]}Z")


def _newest_entry(p: Patient) -> str:
    if p.tracker is None:
        return ""
    with p.tracker.read() as work:
        row = work.row(select(audit.c.at).order_by(audit.c.id.desc()).limit(1))
    return str(row.at) if row else ""


def hash_method(_p: Patient) -> Iterator[Finding]:
    """How passwords are hashed here."""
    if passwords.method() == "scrypt":
        yield good("password hash", "scrypt")
    else:
        text = "PBKDF2 with 600,000 rounds, because this host's OpenSSL refuses scrypt"
        remedy = "nothing on a FIPS host; elsewhere use a Python whose OpenSSL has scrypt"
        yield warning("password hash", text, remedy)


def versions(_p: Patient) -> Iterator[Finding]:
    """What the tracker runs on."""
    text = f"Python {sys.version.split()[0]}, {ssl.OPENSSL_VERSION}"
    if ssl.OPENSSL_VERSION_INFO < (3, 0):
        yield warning("versions", text, "OpenSSL before 3.0 gets no mending any more: renew the system")
    else:
        yield good("versions", text)


def account_of_the_system(_p: Patient) -> Iterator[Finding]:
    """As whom this runs."""
    if os.geteuid() == 0:
        text = "this runs as root, who may write everywhere and whose new files the service could not read"
        yield warning("system account", text, "run the tracker and its commands as an account of its own")
    else:
        yield good("system account", "not root")


def file_modes(p: Patient) -> Iterator[Finding]:
    """Who else may read database and store."""
    store = p.store if isinstance(p.store, Path) else p.data_dir
    found = modes.too_open(p.data_dir, store, looking.sqlite_path(p.database_url))
    for one in found[:_LISTED]:
        yield warning("modes", str(one), one.remedy)
    if len(found) > _LISTED:
        yield warning("modes", f"{len(found) - _LISTED} more are too open", f"chmod -R go= {p.data_dir} {store}")
    if not found:
        yield good("modes", "only the owner reaches database and store")


def free_space(p: Patient) -> Iterator[Finding]:
    """Room on the disks of data folder and store."""
    seen: set[int] = set()
    for name, folder in (("data folder", p.data_dir), ("store", p.store)):
        if not isinstance(folder, Path):
            continue  # a bucket tells nobody how much room it has
        room = disk.room(folder)
        if room.device in seen:
            continue
        seen.add(room.device)
        text = f"{room.free / 2**30:,.1f} GiB free of {room.total / 2**30:,.1f} for the {name}"
        if room.free < p.max_upload_bytes:
            yield bad("free space", text, "free some: the next upload may find none")
        elif room.free < LITTLE_ROOM or room.free * 20 < room.total:
            yield warning("free space", text, "free some, or give the disk more")
        else:
            yield good("free space", text)
