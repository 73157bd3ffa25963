"""Whom an assessor talks to, and what is asked: by role, in our own words, from what each objective is about. Pure.

No rule sets the questions (NIST SP 800-171A names interviews as one way of assessing); these are for practising.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cmmc_tracker.domain.catalog import Objective, Requirement, load


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody to talk to."""

    key: str
    title: str
    families: tuple[str, ...]
    opening: str  # what to begin with


ROLES: tuple[Role, ...] = (
    Role(
        "administrator",
        "System administrator",
        ("AC", "CM", "IA", "MA"),
        "Show on a screen how it is set, and tell what you do when somebody asks for an exception.",
    ),
    Role(
        "network",
        "Network administrator",
        ("SC",),
        "Draw where CUI comes in, where it goes, and what stands between it and the outside.",
    ),
    Role(
        "security",
        "Security lead",
        ("AU", "IR", "RA", "SI"),
        "Tell of the last time that something looked wrong: who noticed, what was done, what was written down.",
    ),
    Role(
        "compliance",
        "Compliance lead",
        ("CA",),
        "Show the security plan and the plans of action, and say when each was last looked at and by whom.",
    ),
    Role(
        "people",
        "Personnel and training",
        ("AT", "PS"),
        "Take the last person who joined and the last who left, and show what was done for each, with dates.",
    ),
    Role(
        "facility",
        "Facility and media",
        ("MP", "PE"),
        "Walk from the door to where CUI is kept, and show what would stop somebody who should not be there.",
    ),
)
# Asked of each requirement in turn, so that a list does not read like a form.
_QUESTIONS = (
    "How is this done here, and who does it?",
    "When was this last done or looked at, and where would I see that?",
    "What happens when it goes wrong, and who notices?",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask of one requirement, and what a good answer covers."""

    requirement: Requirement
    ask: str
    covers: tuple[Objective, ...]


@cache
def questions(level: int = 2) -> Mapping[str, Sequence[Question]]:
    """The questions by role, in catalog order; together they cover every objective once."""
    known = load(level)
    found: dict[str, list[Question]] = {}
    for role in ROLES:
        wanted = [one for one in known.requirements if one.family in role.families]
        found[role.key] = [
            Question(one, _QUESTIONS[n % len(_QUESTIONS)], one.objectives) for n, one in enumerate(wanted)
        ]
    return found
