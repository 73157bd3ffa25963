"""The installation that the environment names, opened: what every command needs, and no more is loaded for it."""

import logging
import os
from collections.abc import Mapping

from cmmc_tracker.config import Settings, read
from cmmc_tracker.services import systems
from cmmc_tracker.services.audit_stream import Stream, stream_to
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.database import make_engine, migrate
from cmmc_tracker.storage.scanner import Clamd
from cmmc_tracker.storage.stores import store_of

log = logging.getLogger("cmmc_tracker")


def read_settings(overrides: Mapping[str, str] | None = None) -> Settings:
    """The environment's settings, with overrides; warns where sessions will not outlive the process."""
    settings = read({**os.environ, **(overrides or {})})
    if settings.secret_is_random:
        log.warning("FLASK_SECRET is not set: a random key is used, and everybody is signed out when it restarts")
    return settings


def open_tracker(settings: Settings, *, threads: int = 10, statement_ms: int = 0) -> Tracker:
    """The installation that the settings name: its database up to date, its store ready.

    Parameters: how many `threads` use it at once, and how long a statement of theirs may run (`make_engine`).
    """
    engine = make_engine(settings.database_url, threads=threads, statement_ms=statement_ms)
    migrate(engine, settings.data_dir)
    scanner = Clamd(settings.scanner_url) if settings.scanner_url else None
    store = store_of(settings.upload_path, engine, settings.data_dir)
    tracker = Tracker(engine, store, scanner=scanner, zone=settings.time_zone)
    systems.prepare(tracker)
    return tracker


def stream_of(settings: Settings) -> Stream | None:
    """Where the audit log is sent, if anywhere."""
    if not settings.audit_stream:
        return None
    return stream_to(settings.audit_stream, settings.audit_stream_format, settings.public_url)
