"""What every picture of an objective shows beside its finding: what was said, who is asked, what there is to choose."""

from typing import Any

from cmmc_tracker.domain.assessment import ImplementationStatus, Method, Responsibility
from cmmc_tracker.domain.catalog import Objective, ObjectiveId
from cmmc_tracker.domain.permissions import Access, Right
from cmmc_tracker.domain.special import Basis
from cmmc_tracker.services import assessment, members, remarks, wordings
from cmmc_tracker.services.requests import reading
from cmmc_tracker.services.scope import matrix
from cmmc_tracker.services.work import Work


def talk_of(work: Work, system: Access, requirement: str) -> dict[str, Any]:
    """What was said of the objectives, who could be asked, what somebody is asked for, and what providers do."""
    return {
        "remarks": remarks.of_requirement(work, system, requirement),
        "asked": reading.of_requirement(work, system, requirement),
        "provided": matrix.of_requirement(work, system, requirement),
        "people": members.of_system(work, system.system_id),
    }


def part_of(work: Work, system: Access, objective: Objective | ObjectiveId) -> dict[str, Any]:
    """All that the part of one objective is made from."""
    requirement = objective.requirement if isinstance(objective, ObjectiveId) else objective.requirement_id
    state = assessment.one(work, system, requirement)
    return {
        "state": state,
        "finding": state.finding(objective.letter),
        "wording": wordings.of_requirement(work, system.level, requirement),
        "opened": objective.letter,
        **talk_of(work, system, requirement),
    }


def choices_of(system: Access) -> dict[str, Any]:
    """What there is to choose from, and what this person may do."""
    return {
        "methods": list(Method),
        "bases": list(Basis),
        "implemented": list(ImplementationStatus),
        "responsibilities": list(Responsibility),
        "may_judge": Right.JUDGE in system.rights,
        "may_contribute": Right.CONTRIBUTE in system.rights,
    }
