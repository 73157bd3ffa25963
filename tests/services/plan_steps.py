"""Steps that tests of plans share."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import insert

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import packages, recorded_statuses
from tests.conftest import OPERATOR, Person

MAY_WAIT, BARRED = "AC.L2-3.1.3", "AC.L2-3.1.1"


def judge(person: Person, requirement: str, status: str = "not_met", system: str = "main", note: str = "Seen.") -> None:
    """All objectives of a requirement judged alike, by the API."""
    for one in catalog.load(int(requirement[4])).requirement(requirement).objectives:
        at = f"/systems/{system}/requirements/{requirement}/objectives/{one.letter}"
        assert person.call("PATCH", at, {"status": status, "note": note}).status_code == 200


def planned(person: Person, requirement: str = MAY_WAIT, system: str = "main", **more: Any) -> Mapping[str, Any]:
    """An item, made by the API of a requirement that is NOT MET."""
    given = {"requirement": requirement, "weakness": "Flows are not controlled.", **more}
    answer = person.call("POST", f"/systems/{system}/poam", given)
    assert answer.status_code == 201, answer.text
    found: Mapping[str, Any] = answer.get_json()
    return found


def freeze(tracker: Tracker, items: list[int], status_on: date) -> None:
    """A recorded Conditional status that names these items."""
    with tracker.write(OPERATOR) as work:
        made = work.change(
            insert(packages).values(
                system_id=1, number=1, name="P", purpose="final", frozen_at=work.now, releasable=True,
                snapshot='{"findings": []}', snapshot_sha256="0" * 64, log_sha256="0" * 64,
                artifacts=0, bytes=0, retained_until=status_on,
            )
        )  # fmt: skip
        assert made.inserted_primary_key
        work.change(
            insert(recorded_statuses).values(
                system_id=1, kind="level_2_self", stage="conditional", act="record_conditional", status_on=status_on,
                first_status_on=status_on, package_id=made.inserted_primary_key[0], items=items, recorded_at=work.now,
            )
        )  # fmt: skip
        work.record(Event.SYSTEM_CHANGED, "system:main")
