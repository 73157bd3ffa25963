"""What is asked once after the set-up: names, whether CUI may be stored here, where the tracker runs. One Work."""

from dataclasses import replace

from cmmc_tracker.domain.scope import Answers
from cmmc_tracker.services import settings, systems, unused
from cmmc_tracker.services.scope import drafts
from cmmc_tracker.services.work import Work


def answer(work: Work, answers: Answers, seen: int | None, seen_system: int | None) -> int:
    """Keep the answers and draft the rows of the scope that follow; returns how many. Administrators only.

    `seen` and `seen_system` are the versions of the settings and of the first system that the person saw; raises
    `Stale` when somebody else changed one of them since, and `Conflict` where another level is named and something was
    kept in the system; then nothing is kept.
    """
    wanted = replace(settings.current(work), organization=answers.organization, cui_allowed=answers.cui_allowed)
    settings.change(work, wanted, seen)
    first = systems.ruled(work)[0]
    systems.rule(work, first.slug, seen_system, name=answers.system_name)
    if answers.level is not None:
        unused.set_level(work, first.slug, answers.level, None)
    return drafts.draft(work, first.id, answers)
