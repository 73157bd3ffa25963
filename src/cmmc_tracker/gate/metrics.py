"""Counts of requests for Prometheus, kept by all workers together, and the token that opens them.

A label is one of few words known beforehand: a method, an endpoint's name (never a path), a status. No person, no title
and nothing that somebody typed stands in one.
"""

import hashlib
import hmac
import time
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
AT_THE_DOOR = "door"  # the endpoint of what was refused by its header


@dataclass(slots=True)
class Counts:
    """What is counted. `folder` is where the workers share it; without one this process counts alone."""

    token: str
    folder: Path | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    received: Counter = field(init=False)
    refused: Counter = field(init=False)

    def __post_init__(self) -> None:
        by = ("method", "endpoint")
        self.requests = Counter("cmmc_requests", "Requests answered", (*by, "status"), registry=self.registry)
        self.seconds = Histogram(
            "cmmc_request_seconds",
            "Time until the answer begins to go out",
            by,
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.received = Counter(
            "cmmc_request_body_bytes", "Bytes of bodies, as declared", ("endpoint",), registry=self.registry
        )
        self.refused = Counter(
            "cmmc_limit_refusals", "Requests refused because of too many", ("endpoint",), registry=self.registry
        )

    def at_door(self, method: str, status: int) -> None:
        """Count a request that was refused by its header, before the application saw it."""
        self.requests.labels(_known(method), AT_THE_DOOR, str(status)).inc()
        if status == 429:
            self.refused.labels(AT_THE_DOOR).inc()

    def opened_by(self, given: str | None) -> bool:
        """Whether that token opens them; compared in constant time."""
        here, there = (hashlib.sha256(one.encode("utf-8", "replace")).digest() for one in (self.token, given or ""))
        return bool(given) and hmac.compare_digest(here, there)

    def exposed(self) -> bytes:
        """All counts of all workers, in Prometheus's text form."""
        if self.folder is None:
            return generate_latest(self.registry)
        gathered = CollectorRegistry()
        MultiProcessCollector(gathered, path=str(self.folder))  # type: ignore[no-untyped-call]
        return generate_latest(gathered)


def watch(app: Flask, counts: Counts) -> None:
    """Count every request that the application answers."""

    @app.after_request
    def _count(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        method = _known(request.method)
        counts.requests.labels(method, endpoint, str(response.status_code)).inc()
        counts.seconds.labels(method, endpoint).observe(time.perf_counter() - g.get("begun", time.perf_counter()))
        if request.content_length:
            counts.received.labels(endpoint).inc(request.content_length)
        if response.status_code == 429:
            counts.refused.labels(endpoint).inc()
        return response


def _known(method: str) -> str:
    return method if method in METHODS else "other"
