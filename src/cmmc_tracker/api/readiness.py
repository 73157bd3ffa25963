"""What stands open in a system by our checks."""

from cmmc_tracker.api.registry import Shown, operation
from cmmc_tracker.domain.readiness import CHECKS
from cmmc_tracker.gate import doors
from cmmc_tracker.services import readiness


class FindingShown(Shown):
    """One thing to mend."""

    check: int
    title: str
    level: str
    why: str
    sentence: str
    requirement: str | None
    objective: str | None
    person: str | None
    subject: str | None


class ReadinessShown(Shown):
    """What is open; `sentence` is the gate in words, a count and no forecast."""

    sentence: str
    checks: int
    switched_off: list[int]
    findings: list[FindingShown]


@operation("GET", "/systems/{slug}/readiness", "What our checks find open", answer=ReadinessShown, failures=(404,))
def show_readiness(slug: str) -> ReadinessShown:
    """Every finding of every check that is not switched off in this system."""
    with doors.open_read() as work:
        found = readiness.report(work, doors.system(slug))
    by_number = {check.number: check for check in CHECKS}
    return ReadinessShown(
        sentence=found.sentence,
        checks=len(CHECKS) - len(found.switched_off),
        switched_off=sorted(found.switched_off),
        findings=[
            FindingShown(
                check=one.check,
                title=by_number[one.check].title,
                level=by_number[one.check].level,
                why=by_number[one.check].why,
                sentence=one.sentence,
                requirement=one.requirement or None,
                objective=f"{one.requirement}[{one.letter}]" if one.letter else None,
                person=one.person or None,
                subject=one.subject or None,
            )
            for one in found.findings
        ],
    )
