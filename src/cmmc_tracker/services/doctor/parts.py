"""Checks of what the tracker stands on: database, store, virus scanner, the counter of sign-in tries, mail."""

import io
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from limits.errors import ConfigurationError, StorageError
from sqlalchemy.exc import DBAPIError

from cmmc_tracker.errors import TrackerError
from cmmc_tracker.services.doctor.findings import Finding, Patient, bad, good, said, warning
from cmmc_tracker.services.limits import storage_of
from cmmc_tracker.storage import disk, looking
from cmmc_tracker.storage.addresses import Bucket
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.blobs_s3 import S3Blobs
from cmmc_tracker.storage.database import HEAD
from cmmc_tracker.storage.store import Blobs
from cmmc_tracker.storage.stores import store_of


def database(p: Patient) -> Iterator[Finding]:
    """Whether the database answers, fits this version and is whole."""
    file = looking.sqlite_path(p.database_url)
    if file is not None and not file.exists():
        yield bad("database", f"there is none yet at {file}", "start `cmmc-tracker serve` once: it makes it")
        return
    try:
        with looking.reading(p.database_url) as engine, engine.connect() as connection:
            kind = f"SQLite at {file}" if file else f"PostgreSQL {looking.server_version(connection)}"
            yield good("database", f"{kind} answers")
            yield from _revision(looking.revision(connection))
            if file:
                yield from _sqlite(looking.damage(connection), write_ahead=looking.has_write_ahead_journal(file))
    except (OSError, TrackerError, DBAPIError) as error:
        yield bad("database", f"it does not answer: {said(error)}", "look at DATABASE_URL and at the server")


def _revision(found: str | None) -> Iterator[Finding]:
    if found == HEAD:
        yield good("migrations", f"at {HEAD}, as this version wants")
    elif found is None:
        yield bad("migrations", "the database is not set up", "start `cmmc-tracker serve` once: it does so")
    elif found < HEAD:
        yield bad("migrations", f"at {found}; this version wants {HEAD}", "start `cmmc-tracker serve`: it migrates")
    else:
        text = f"at {found}: a newer version than this one wrote it (this one knows {HEAD})"
        yield bad("migrations", text, "start the newer version")


def _sqlite(damage: str, *, write_ahead: bool) -> Iterator[Finding]:
    if damage:
        yield bad("integrity", f"SQLite finds damage: {damage}", "restore the database from a backup")
    else:
        yield good("integrity", "SQLite finds no damage")
    if write_ahead:
        yield good("journal", "write-ahead")
    else:
        text = "it is not written ahead, so readers and writers stop each other"
        yield warning("journal", text, "start `cmmc-tracker serve`: it sets it; network file systems cannot")


def store(p: Patient) -> Iterator[Finding]:
    """Whether the store takes files and can name them."""
    if isinstance(p.store, Bucket):
        yield from _bucket(p, p.store)
        return
    try:
        if not looking.incoming(p.store).is_dir():
            yield bad("store", f"there is none yet at {p.store}", "start `cmmc-tracker serve` once: it makes it")
            return
        _try_out(FolderBlobs(p.store))
    except TrackerError as error:
        yield bad("store", error.message, f"look at the disk, and at who owns {p.store}")
        return
    yield good("store", f"{p.store} takes files")
    if disk.has_hard_links(looking.incoming(p.store)):
        yield good("hard links", "the store's file system has them")
    else:
        yield bad("hard links", "the store's file system has none", "move UPLOAD_PATH to a disk such as ext4 or XFS")


def _bucket(p: Patient, bucket: Bucket) -> Iterator[Finding]:
    try:
        with looking.reading(p.database_url) as engine:
            blobs = store_of(bucket, engine, p.data_dir)
            assert isinstance(blobs, S3Blobs)  # noqa: S101 a narrowing: the address is a bucket's
            tried = blobs.try_out()
    except TrackerError as error:
        yield bad("store", error.message, "look at the bucket's rights, and at the credentials (docs/deploy.md)")
        return
    yield good("store", f"{bucket} takes files, gives them back and removes them")
    if tried.is_public:
        text = f"anybody may read {bucket} without credentials, and so all evidence"
        yield bad("bucket access", text, "block public access to it at once, then find out from its logs who read it")
    if tried.keeps_versions:
        text = "the bucket keeps older versions, so what is purged goes only with the right to remove versions"
        yield warning("bucket versions", text, "allow s3:DeleteObjectVersion, s3:ListBucketVersions (docs/deploy.md)")


def _try_out(blobs: Blobs) -> None:
    """A few bytes into the store and out again."""
    incoming = blobs.receive()
    try:
        incoming.write(b"doctor")
    finally:
        incoming.close()


def scanner(p: Patient) -> Iterator[Finding]:
    """Whether the virus scanner answers, where one is named."""
    if p.scanner is None:
        yield good("virus scanner", "none is named; uploads are examined by the tracker itself")
        return
    begun = time.monotonic()
    try:
        verdict = p.scanner.scan(io.BytesIO(b"doctor"))
    except TrackerError as error:
        yield bad("virus scanner", error.message, "start it, or mend CLAMD_URL")
        return
    if verdict.found or verdict.unscanned:
        text = f"it finds fault with a harmless file: {verdict.found or verdict.unscanned}"
        yield warning("virus scanner", text, "look at its log")
    else:
        yield good("virus scanner", f"answers after {time.monotonic() - begun:.1f} s")


def counter(p: Patient) -> Iterator[Finding]:
    """Where tries of sign-in are counted."""
    scheme = urlsplit(p.rate_limit_url).scheme
    if not scheme:
        yield good("sign-in limit", "counted in the database")
    elif scheme == "memory":
        text = "counted in each worker's memory: a restart forgets, and each worker counts for itself"
        yield warning("sign-in limit", text, "unset RATE_LIMIT_URL, so that the database counts")
    elif _redis_answers(p.rate_limit_url):
        yield good("sign-in limit", "Redis answers")
    else:
        text = "Redis does not answer; the database counts in its place"
        yield warning("sign-in limit", text, "start it, or mend RATE_LIMIT_URL")


def _redis_answers(url: str) -> bool:
    try:
        return storage_of(url, 5.0).check()
    except (ConfigurationError, StorageError):
        return False


def mail(p: Patient) -> Iterator[Finding]:
    """Whether the mail server would take a reminder, where one is named. It is signed in to; nothing is sent."""
    if p.mailer is None:
        yield good("mail", "no server is named; nobody is reminded by mail")
        return
    if p.mail_is_open:
        text = "it goes to another machine in plain: who is reminded of what can be read on the way"
        yield warning("mail encryption", text, "take ?tls=none out of SMTP_URL, or use smtps://")
    begun = time.monotonic()
    try:
        p.mailer.check()
    except TrackerError as error:
        yield bad("mail", error.message.rstrip("."), "start it, or mend SMTP_URL (docs/deploy.md)")
        return
    yield good("mail", f"the server answers after {time.monotonic() - begun:.1f} s")
