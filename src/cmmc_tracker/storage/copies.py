"""The copy of a database that is made before an upgrade alters it: SQLite's by its own backup, PostgreSQL's by pg_dump.

Without a copy nothing is upgraded. Where pg_dump is not there or cannot do it, a backup of the last day is as good: who
upgrades without the program makes one first.
"""

import logging
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, Engine, text

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.errors import Misconfigured

log = logging.getLogger("cmmc_tracker")
_FRESH = timedelta(days=1)
_MARK = "before-upgrade"


def made(engine: Engine, file: Path | None, folder: Path | None) -> None:
    """Make the copy, beside a SQLite file or in `folder`; raises `Misconfigured` where PostgreSQL's cannot be had.

    Without a folder there is no copy of PostgreSQL: a caller whose database holds nothing of value.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    if file is not None:
        of_file(file, file.with_name(f"{file.name}.{_MARK}-{stamp}"))
    elif folder is not None:
        why = _dumped(engine.url, (folder / "postgresql").with_name(f"postgresql.{_MARK}-{stamp}.dump"))
        if why:
            _or_backup(engine, why)


def of_file(file: Path, copy: Path) -> None:
    """A consistent copy of a SQLite file, by SQLite's own backup; nothing is left of one that fails."""
    copy.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.Error as error:
        copy.unlink()
        raise Misconfigured(_refused(str(error))) from error


def there(file: Path | None, folder: Path) -> list[Path]:
    """The copies that upgrades left: beside a SQLite file, and PostgreSQL's in the data folder."""
    beside = file.parent.glob(f"{file.name}.{_MARK}-*") if file is not None else ()
    return sorted({*beside, *folder.glob(f"postgresql.{_MARK}-*")})


def _dumped(url: URL, copy: Path) -> str:
    """Write the dump; returns why it could not be written, or nothing. The password stands in no list of processes."""
    program = shutil.which("pg_dump")
    if program is None:
        return "pg_dump is not installed"
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.touch(mode=0o600)
    plain = url.set(drivername="postgresql", password=None).difference_update_query(["password"])
    secret = url.password or url.query.get("password")
    options = ["--format=custom", "--no-password", "--lock-wait-timeout=60000", f"--file={copy}"]
    with tempfile.NamedTemporaryFile("w") as passfile:  # "The Password File" in PostgreSQL's manual
        if secret:
            escaped = str(secret).replace("\\", "\\\\").replace(":", "\\:")
            passfile.write(f"*:*:*:*:{escaped}\n")
            passfile.flush()
            plain = plain.update_query_dict({"passfile": passfile.name})
        command = [program, *options, f"--dbname={plain.render_as_string(hide_password=False)}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 our own words
    if done.returncode == 0:
        return ""
    copy.unlink()
    said = done.stderr.strip().splitlines() or ["pg_dump failed"]
    return said[0].removeprefix("pg_dump: ")[:200]


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
        "or go back to the version before, run `cmmc-tracker backup`, and start this one within a day."
    )
