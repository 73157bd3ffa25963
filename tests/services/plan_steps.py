"""Steps that tests of plans share."""

from collections.abc import Mapping
from typing import Any

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Judgement
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.services import assessment
from cmmc_tracker.services.work import Tracker
from tests.conftest import Person

MAY_WAIT, BARRED = "AC.L2-3.1.3", "AC.L2-3.1.1"


def judged(tracker: Tracker, actor: Actor, system: Access, requirement: str, status: str = "not_met") -> None:
    """All objectives of a requirement judged alike."""
    known = catalog.load(system.level).requirement(requirement)
    for one in known.objectives:
        with tracker.write(actor) as work:
            objective = ObjectiveId(requirement, one.letter)
            judgement = Judgement.parse(objective, status, "Seen.", [])
            assessment.judge(work, system, objective, judgement)


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
