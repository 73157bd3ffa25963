"""How an installation stands, in Prometheus's words: what `/metrics` answers beside the counts of requests."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cmmc_tracker.errors import TrackerError
from cmmc_tracker.gate.metrics import Counts
from cmmc_tracker.services.figures import Figures

EXTENSION = "cmmc-metrics"


@dataclass(frozen=True, slots=True)
class Page:
    """What `/metrics` is made of: the counts of requests, who is asked for the figures, the version that runs."""

    counts: Counts
    ask: Callable[[], Figures]
    version: str

    def text(self) -> bytes:
        """Everything in Prometheus's text form; while the database does not answer, that and the counts of requests."""
        registry = CollectorRegistry()
        registry.register(_Standing(self.ask, self.version))
        return self.counts.exposed() + generate_latest(registry)


def page_of(app: Flask) -> Page | None:
    """The page of an app, or None where nobody gave a token."""
    found: Page | None = app.extensions.get(EXTENSION)
    return found


class _Standing(Collector):
    def __init__(self, ask: Callable[[], Figures], version: str) -> None:
        self._ask, self._version = ask, version

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: asked for that, the registry would collect."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The figures, or that there are none."""
        try:
            found = self._ask()
        except (TrackerError, OSError):
            found = None
        yield _one("cmmc_database_up", "Whether the database answers", float(found is not None))
        build = GaugeMetricFamily("cmmc_build_info", "The version that runs", labels=["version"])
        build.add_metric([self._version], 1.0)
        yield build
        if found is not None:
            yield from _evidence(found)
            yield from _house(found)


def _evidence(found: Figures) -> Iterator[Metric]:
    store = found.store
    yield _one("cmmc_contents", "Contents in the store", store.contents)
    yield _one("cmmc_contents_damaged", "Contents that are altered, missing or unreadable", store.damaged)
    yield _one("cmmc_held_damaged", "Files held elsewhere that were not found as registered", store.held_damaged)
    yield _one("cmmc_texts_waiting", "Contents whose text is still to be read", found.texts_waiting)
    yield _one("cmmc_quarantine_waiting", "Artifacts in quarantine", found.quarantined)
    yield from _instant(
        "cmmc_oldest_check_timestamp_seconds", "When the content was checked that waits longest", found.oldest_check
    )


def _house(found: Figures) -> Iterator[Metric]:
    turns = GaugeMetricFamily("cmmc_job_last_turn_timestamp_seconds", "When a job was last done", labels=["job"])
    for name, at in found.jobs.items():
        turns.add_metric([name], at.timestamp())
    yield turns
    yield from _instant("cmmc_backup_last_timestamp_seconds", "When the last backup was made", found.last_backup)
    yield _one("cmmc_audit_entries", "Number of the newest entry of the audit log", found.newest_entry)
    refused = CounterMetricFamily("cmmc_refusals", "Refusals in the audit log, by its action", labels=["action"])
    for action, times in found.refusals.items():
        refused.add_metric([action], times)
    yield refused
    free = GaugeMetricFamily("cmmc_free_bytes", "Room on the disk", labels=["place"])
    total = GaugeMetricFamily("cmmc_total_bytes", "Size of the disk", labels=["place"])
    for place in found.places:
        free.add_metric([place.name], place.free)
        total.add_metric([place.name], place.total)
    yield from (free, total)
    if found.stream_behind is not None:
        yield _one("cmmc_audit_stream_behind_entries", "Audit entries that wait to be sent", found.stream_behind)
        yield _one("cmmc_audit_stream_failures", "Tries in a row that the receiver took nothing", found.stream_failures)


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _instant(name: str, told: str, at: datetime | None) -> Iterator[Metric]:
    """An instant in seconds since 1970; left out where there is none, as absence is what an alert looks for."""
    if at is not None:
        yield _one(name, told, at.timestamp())
