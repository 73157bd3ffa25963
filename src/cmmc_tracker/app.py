"""`create_app`: the only place where parts are joined."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Flask
from prometheus_client import values
from werkzeug.routing import IntegerConverter

from cmmc_tracker.config import MIB, VARIABLES, Settings
from cmmc_tracker.gate import csrf, exposition, headers, links, logs, metrics, problems, proxies, session, versions
from cmmc_tracker.gate import uploads as gate_uploads
from cmmc_tracker.gate.application import Application
from cmmc_tracker.gate.doors import EXTENSION, Installation
from cmmc_tracker.opening import open_tracker, read_settings, stream_of
from cmmc_tracker.services import figures
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.limits import limiter_of
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.database import SERVED_MS, make_engine
from cmmc_tracker.storage.mail import Smtp


class _Number(IntegerConverter):
    """A number in an address: what no row can have is no address of ours.

    The pattern says so: where a converter refuses after the match, Werkzeug answers 405 for the other methods.
    """

    regex = "[0-9]{1,18}"


JOB_CONNECTIONS = 2
SHARED_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The web application.

    `config` may carry environment variables of the contract (they stand before the process's own) and Flask's
    own settings. Creates and migrates the database. Raises `Misconfigured` for a value that cannot be used.
    """
    given = dict(config or {})
    names = {variable.name for variable in VARIABLES}
    settings = read_settings({k: str(v) for k, v in given.items() if k in names})
    tracker = open_tracker(settings, statement_ms=SERVED_MS)
    return build(settings, tracker, {k: v for k, v in given.items() if k not in names})


def house_of(settings: Settings, tracker: Tracker) -> House:
    """The installation as its jobs know it."""
    mailer = Smtp(settings.smtp_url, settings.mail_from) if settings.smtp_url else None
    # Connections of their own, few and unhurried: what the jobs do may take longer than a request's statements may.
    engine = make_engine(settings.database_url, threads=JOB_CONNECTIONS)
    return House(replace(tracker, engine=engine), mailer, settings.public_url, stream_of(settings))


def build(settings: Settings, tracker: Tracker, more: Mapping[str, Any] | None = None) -> Flask:
    """Join the gate, the pages and the API over one tracker. The order of the gate's checks is the order here."""
    from cmmc_tracker import api, web  # noqa: PLC0415 - half of what there is to load, and most commands serve nothing

    app = Application("cmmc_tracker", static_folder="web/static", template_folder="web")
    app.request_class = gate_uploads.UploadRequest
    app.config.update(
        SECRET_KEY=settings.secret,
        MAX_CONTENT_LENGTH=settings.max_upload_bytes,
        MAX_FORM_MEMORY_SIZE=2 * MIB,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.production,
        SESSION_COOKIE_NAME="__Host-session" if settings.production else "session",
        SEND_FILE_MAX_AGE_DEFAULT=None,
        DEBUG=settings.debug,
        **(more or {}),
    )
    app.url_map.converters["int"] = _Number
    app.json.sort_keys = False  # type: ignore[attr-defined]
    limiter = limiter_of(settings.rate_limit_url, tracker)
    app.extensions[EXTENSION] = Installation(
        tracker, limiter, settings.production, settings.public_url, settings.max_upload_bytes
    )
    logs.watch(app, trusts=settings.trusted_proxies > 0)  # first, so that its line says how the answer went out
    if settings.metrics_token:
        _count(app, settings, tracker)
    versions.watch(app)
    headers.watch(app, production=settings.production)
    problems.watch(app)
    proxies.watch(app, trusted=settings.trusted_proxies, public_url=settings.public_url, production=settings.production)
    session.watch(app)
    links.watch(app)
    csrf.watch(app)
    app.teardown_request(lambda _error: gate_uploads.finish())
    web.join(app)
    api.join(app)
    return app


def _count(app: Flask, settings: Settings, tracker: Tracker) -> None:
    """Count requests, and answer `/metrics` with that and with how the installation stands."""
    folder = metrics_folder(settings) if SHARED_COUNTS in os.environ else None
    counts = metrics.Counts(settings.metrics_token, folder)
    places = {"data": settings.data_dir}
    if isinstance(settings.upload_path, Path):  # a bucket has no end that could be told
        places["store"] = settings.upload_path
    stream = stream_of(settings)
    kept = figures.Kept(lambda: figures.read(tracker, places, stream))
    app.extensions[exposition.EXTENSION] = exposition.Page(counts, kept.get, version("cmmc-tracker"))
    metrics.watch(app, counts)


def metrics_folder(settings: Settings) -> Path:
    """Where the workers of one server keep their counts together."""
    return settings.data_dir / "metrics"


def share_counts(settings: Settings) -> None:
    """Let the processes that are forked from this one count together, from nothing. Before the application is built.

    The library takes the folder from the environment only, and looks there when it is loaded, which was before.
    """
    folder = metrics_folder(settings)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ[SHARED_COUNTS] = str(folder)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
