"""`cmmc-tracker serve`: the production server, and the one-time link of the first set-up."""

import logging
import sys
from pathlib import Path
from urllib.parse import quote

import click
from flask import Flask

from cmmc_tracker.app import build, house_of, share_counts
from cmmc_tracker.config import Settings
from cmmc_tracker.gate import headers, logs, server, session
from cmmc_tracker.gate.doors import installation_of
from cmmc_tracker.gate.exposition import page_of
from cmmc_tracker.gate.reception import House
from cmmc_tracker.opening import open_tracker, read_settings
from cmmc_tracker.services import jobs, logins
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import modes
from cmmc_tracker.storage.database import SERVED_MS, sqlite_file

log = logging.getLogger("cmmc_tracker")
_LOOKED_AT = 100_000  # files of the store at a start; `doctor` looks at all
_TOLD = 10


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(1, 256), default=8, show_default=True, help="Threads in each process.")
def serve(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the tracker; creates and migrates the database first."""
    settings = read_settings()
    logs.arrange(settings.log_format)
    listening = server.listen(host, port)
    tracker = open_tracker(settings, threads=threads, statement_ms=SERVED_MS)
    _look_at_modes(settings, sqlite_file(tracker.engine))
    if settings.metrics_token:
        share_counts(settings)
    app = build(settings, tracker)
    site = server.Site(
        app=app,
        house=_house(app, settings, tracker),
        spool=settings.data_dir / "spool",
        workers=workers,
        threads=threads,
        trusts_proxies=settings.trusted_proxies > 0,
        after_fork=lambda: tracker.engine.dispose(close=False),
        stopping=installation_of(app).stopping,
        drain_seconds=settings.drain_seconds,
        jobs=lambda: jobs.go_on(house_of(settings, tracker)),
    )
    address = _address(settings, host, listening.getsockname()[1])
    click.echo(f"CMMC Artifact Tracker serves on {address}")
    token = logins.make_setup_link(tracker)
    if token:
        click.echo("There is no account yet. Open this link within an hour to make the first administrator:")
        click.echo(f"{address}/setup/{quote(token)}")
    sys.stdout.flush()
    tracker.engine.dispose()
    sys.exit(server.serve(site, listening))


def _house(app: Flask, settings: Settings, tracker: Tracker) -> House:
    """What the server's door knows."""
    always = headers.always(production=settings.production)
    page = page_of(app)
    known = session.door_reader(app, tracker)
    if page is None:
        return House(known, settings.max_upload_bytes, always)
    return House(known, settings.max_upload_bytes, always, page.counts.at_door)


def _look_at_modes(settings: Settings, database: Path | None) -> None:
    """Warn of what others on the machine may read. The start goes on: who may is the administrator's to say."""
    store = settings.upload_path if isinstance(settings.upload_path, Path) else settings.data_dir
    found = modes.too_open(settings.data_dir, store, database, _LOOKED_AT)
    for one in found[:_TOLD]:
        log.warning("%s. Mend it with: %s", one, one.remedy)
    if len(found) > _TOLD:
        log.warning("%d more files and folders are too open; `cmmc-tracker doctor` says more", len(found) - _TOLD)


def _address(settings: Settings, host: str, port: int) -> str:
    if settings.public_url:
        return settings.public_url
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"
