"""The copy of a database that is made before an upgrade alters it: SQLite's by its own backup, PostgreSQL's by pg_dump.

Without a copy nothing is upgraded. Where pg_dump is not there or cannot do it, a backup of the last day is as good: who
upgrades without the program makes one first. A copy has its name only when it is whole and on the disk.
"""

import contextlib
import logging
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, Engine, text

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.storage import disk

log = logging.getLogger("cmmc_tracker")
_FRESH = timedelta(days=1)
_MARK = "before-upgrade"
_UNFINISHED = ".unfinished"


def made(engine: Engine, file: Path | None, folder: Path | None) -> Path | None:
    """Make the copy, beside a SQLite file or in `folder`; raises `Misconfigured` where PostgreSQL's cannot be had.

    Returns where it is; None where a backup stands for it, or without a folder: then the database has nothing of value.
    The caller holds the lock of migrations: a copy that is not finished is one that a kill cut short, and goes.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for one in there(file, folder):
        if one.name.endswith(_UNFINISHED):
            one.unlink()
    if file is not None:
        return _of_file(file, file.with_name(f"{file.name}.{_MARK}-{stamp}"))
    if folder is None:
        return None
    copy = (folder / "postgresql").with_name(f"postgresql.{_MARK}-{stamp}.dump")
    why = _dumped(engine.url, copy)
    if why:
        _or_backup(engine, why)
    return None if why else copy


@contextlib.contextmanager
def _named_last(copy: Path) -> Iterator[Path]:
    """A file to write a copy to, its owner's only, that gets the name when all is on the disk; else nothing is left."""
    rough = copy.with_name(copy.name + _UNFINISHED)
    rough.touch(mode=0o600)
    try:
        yield rough
        disk.sync_path(rough)
        rough.replace(copy)
        disk.sync_path(copy.parent)
    finally:
        rough.unlink(missing_ok=True)


def _of_file(file: Path, copy: Path) -> Path:
    """A consistent copy of a SQLite file, by SQLite's own backup."""
    try:
        with _named_last(copy) as rough, closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(rough)) as new:
            old.backup(new)
    except (sqlite3.Error, OSError) as error:
        raise Misconfigured(_refused(getattr(error, "strerror", None) or str(error))) from error
    return copy


def there(file: Path | None, folder: Path | None) -> list[Path]:
    """The copies that upgrades left, finished or not: beside a SQLite file, and PostgreSQL's in the data folder."""
    beside = file.parent.glob(f"{file.name}.{_MARK}-*") if file is not None else ()
    dumps = folder.glob(f"postgresql.{_MARK}-*") if folder is not None else ()
    return sorted({*beside, *dumps})


def _dumped(url: URL, copy: Path) -> str:
    """Write the dump; returns why it could not be written, or nothing. The password stands in no list of processes."""
    program = shutil.which("pg_dump")
    if program is None:
        return "pg_dump is not installed (it comes with PostgreSQL's client programs)"
    plain = url.set(drivername="postgresql", password=None).difference_update_query(["password"])
    secret = url.password or url.query.get("password")
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file without a name: a kill leaves nothing of it.
        with tempfile.TemporaryFile("w") as passfile, _named_last(copy) as rough:
            if secret:  # "The Password File" in PostgreSQL's manual
                escaped = str(secret).replace("\\", "\\\\").replace(":", "\\:")
                passfile.write(f"*:*:*:*:{escaped}\n")
                passfile.seek(0)
                plain = plain.update_query_dict({"passfile": f"/dev/fd/{passfile.fileno()}"})
            options = ["--format=custom", "--no-password", "--lock-wait-timeout=60000", f"--file={rough}"]
            command = [program, *options, f"--dbname={plain.render_as_string(hide_password=False)}"]
            given = (passfile.fileno(),)
            subprocess.run(command, capture_output=True, text=True, check=True, pass_fds=given)  # noqa: S603 our own words
    except subprocess.CalledProcessError as error:
        return _said(error.stderr)
    except OSError as error:
        return str(error.strerror)
    return ""


def _said(stderr: str) -> str:
    """What pg_dump fails for, with its detail, such as the two versions that do not fit."""
    first, *more = stderr.strip().splitlines() or ["pg_dump failed"]
    details = [line.removeprefix("pg_dump: detail: ") for line in more if line.startswith("pg_dump: detail: ")]
    return "; ".join([first.removeprefix("pg_dump: ").removeprefix("error: "), *details])[:300]


def _or_backup(engine: Engine, why: str) -> None:
    """Go on where somebody backed up within the last day; raises `Misconfigured` where nobody did."""
    query = text("SELECT max(at) FROM audit WHERE action = :action AND at >= :since")
    since = (datetime.now(UTC) - _FRESH).isoformat()
    with engine.connect() as connection:
        found = connection.execute(query, {"action": Event.BACKUP_MADE, "since": since}).scalar()
    if found is None:
        raise Misconfigured(_refused(why))
    log.warning("No copy was made before the upgrade (%s); the backup of %s stands for it", why, found)


def _refused(why: str) -> str:
    return (
        f"The database was not upgraded, for no copy of it could be made first: {why}. Nothing was changed. Mend that, "
        "or go back to the version before, run `cmmc-tracker backup`, and start this one within a day (docs/deploy.md, "
        "Upgrading)."
    )
