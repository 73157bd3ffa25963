"""A number of proxies that is wrong is said, once, in words that tell how to mend it."""

import logging
from dataclasses import replace

import pytest

from cmmc_tracker import config
from cmmc_tracker.app import build
from cmmc_tracker.services.work import Tracker


@pytest.mark.parametrize(
    ("trusted", "forwarded", "told"),
    [
        (1, "", "came by 0"),
        (2, "192.0.2.1", "came by 1"),
        (1, "192.0.2.1", ""),
        (2, "192.0.2.1, 192.0.2.2", ""),
        (1, "192.0.2.66, 192.0.2.1", ""),
        (0, "", ""),
        (0, "192.0.2.1", "is 0, but a request came by 1"),
    ],
)
def test_another_number_of_proxies_than_are_trusted_is_told_once(
    settings: config.Settings,
    tracker: Tracker,
    caplog: pytest.LogCaptureFixture,
    trusted: int,
    forwarded: str,
    told: str,
) -> None:
    client = build(replace(settings, trusted_proxies=trusted), tracker).test_client()
    client.get("/healthz")
    assert caplog.records == []
    for _ in range(3):
        client.get("/login", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    said = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(said) == (1 if told else 0)
    assert all(told in one and "TRUSTED_PROXIES" in one for one in said)


def test_a_claim_of_somebody_elsewhere_is_not_taken_for_a_proxy(
    settings: config.Settings, tracker: Tracker, caplog: pytest.LogCaptureFixture
) -> None:
    client = build(replace(settings, trusted_proxies=0), tracker).test_client()
    claimed = {"X-Forwarded-For": "192.0.2.1"}
    for peer in ("192.0.2.66", "2001:db8::1", ""):
        client.get("/login", headers=claimed, environ_overrides={"REMOTE_ADDR": peer})
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
