"""What the tests of documents share: the demo as one snapshot, made once for all of them."""

import copy
import json
from typing import Any

import pytest

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import demo
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.work import Tracker

_KEPT: list[dict[str, Any]] = []  # of this process: filling the demo takes longer than making a document of it


@pytest.fixture
def demo_snapshot(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The demo, whole, as JSON gives it back; each test has its own copy."""
    if not _KEPT:
        tracker: Tracker = request.getfixturevalue("tracker")
        actor: Actor = request.getfixturevalue("actor")
        demo.fill(tracker, actor)
        with tracker.read(actor) as work:
            _KEPT.append(json.loads(json.dumps(packages.picture(work, actor.systems["main"]))))
    return copy.deepcopy(_KEPT[0])
