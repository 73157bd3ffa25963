"""What the page of a requirement shows of the security plan beside the text itself: references, values, a draft."""

from collections.abc import Mapping
from typing import Any

from flask import request

from cmmc_tracker.domain.catalog import Requirement
from cmmc_tracker.domain.narrative_drafts import blanks, draft
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.domain.ssp import uncovered
from cmmc_tracker.gate.doors import open_read
from cmmc_tracker.services.assessment import RequirementState
from cmmc_tracker.services.ssp import naming, reading, values
from cmmc_tracker.services.work import Work
from cmmc_tracker.web.references import plan_text, things

ACTS = frozenset({"find", "draft"})  # what the form does without saving


def of_page(work: Work, system: Access, state: RequirementState, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs; `typed` is what stands in the form where it is not what is kept."""
    narrative = state.implementation.narrative
    texts = {letter: one.text for letter, one in reading.objective_texts(work, system, state.requirement.id).items()}
    letters = [one.objective.letter for one in state.findings]
    left_out = uncovered(texts, letters)
    searched = request.form.get("act") == "find"
    return {
        "plan_text": plan_text,
        "known": things(system.slug, reading.named_in(work, system, narrative)),
        "found": naming.search(work, system, request.form.get("find", "")[:200]) if searched else None,
        "blanks": blanks(str(typed.get("narrative", narrative))),
        "values": values.of_requirement(work, system, state.requirement.id),
        "described": [one for one in letters if one not in left_out],
        "left_out": left_out,
    }


def helped(system: Access, requirement: Requirement, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the form shows again: as it was typed, with a draft where one was asked for and nothing stands there."""
    filled = {"implementation_status": "planned", "responsibility": "own", "partial": False, "narrative": "", **given}
    if request.form.get("act") == "draft" and not str(filled["narrative"]).strip():
        with open_read() as work:
            found = values.of_requirement(work, system, requirement.id)
        filled["narrative"] = draft(requirement, {one.letter: one.value for one in found})
    return filled
