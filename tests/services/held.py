"""What the tests of evidence that is held elsewhere share."""

import hashlib
import json
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import links
from cmmc_tracker.services.artifacts import add_version
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit
from tests.services.evidence import FIRST

PUMP = Held("cad/pump assembly.pdf", hashlib.sha256(b"pump").hexdigest(), 4, "pump.pdf", "application/pdf")
BARE = Held("https://enclave.example/drawings/7", "b" * 64)


def registered(tracker: Tracker, actor: Actor, one: Held = PUMP, **facts: Any) -> int:
    """An artifact that is held elsewhere, linked to 3.1.1[a]."""
    home = actor.systems["main"]
    with tracker.write(actor) as work:
        return links.create_linked(work, home, [one], {"title": "Pump", **facts}, [Target(home, FIRST, "sheet 2")])


def versioned_held(tracker: Tracker, actor: Actor, artifact_id: int, one: Held, **more: Any) -> int:
    """A new version of it."""
    with tracker.write(actor) as work:
        return add_version(work, artifact_id, [one], **more)


def logged(tracker: Tracker, action: str) -> list[dict[str, Any]]:
    """What the log says of all acts of a kind."""
    with tracker.read() as work:
        rows = work.rows(select(audit.c.detail).where(audit.c.action == action).order_by(audit.c.id))
    return [json.loads(row.detail) for row in rows]
