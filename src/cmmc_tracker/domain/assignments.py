"""Who answers for what in a system: assignments, not roles. They give no right, and take none. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cmmc_tracker.domain.catalog import Catalog, parse_requirement_id
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid

LONGEST = 200
OFFICIAL_CLAUSE = "32 CFR 170.4, 170.22(a)"


class Duty(StrEnum):
    """What somebody answers for."""

    OWNER = "owner"  # of a requirement: sees to it that it is met, and shown
    REVIEWER = "reviewer"  # of a requirement: looks at what its owner did
    AFFIRMING_OFFICIAL = "affirming_official"  # of the system: 170.4

    @property
    def label(self) -> str:
        """The duty as people read it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who is to have a duty, for which requirements; an empty name takes the duty away."""

    duty: Duty
    requirements: tuple[str, ...]  # one empty text for the system as a whole
    person: str
    title: str
    contact: str


def parse(form: Mapping[str, str], known: Catalog) -> Wanted:
    """Read an assignment from a form; raises `Invalid` naming each wrong field.

    `what` is a requirement, a family's two letters, or `all`. The affirming official is of the whole system and has a
    title: a senior person who is responsible for compliance (32 CFR 170.4).
    """
    wrong: dict[str, str] = {}
    duty = form.get("duty", "")
    if duty not in set(Duty):
        raise Invalid({"duty": f"The duty must be one of {', '.join(Duty)}."})
    texts = {name: clean_line(form.get(name, "")) for name in ("person", "title", "contact")}
    for name, text in texts.items():
        if len(text) > LONGEST:
            wrong[name] = f"This has at most {LONGEST} characters; this one has {len(text)}."
    requirements: tuple[str, ...] = ("",)
    if duty == Duty.AFFIRMING_OFFICIAL:
        if texts["person"] and not texts["title"]:
            wrong["title"] = f"Give the official's title: it shows the authority to affirm ({OFFICIAL_CLAUSE})."
    else:
        texts["title"] = texts["contact"] = ""
        try:
            requirements = tuple(_meant(form.get("what", "").strip(), known))
        except Invalid as error:
            wrong["what"] = " ".join(error.fields.values())
    if wrong:
        raise Invalid(wrong)
    return Wanted(Duty(duty), requirements, **texts)


def _meant(text: str, known: Catalog) -> Iterable[str]:
    if text.casefold() == "all":
        return (one.id for one in known.requirements)
    family = next((one for one in known.families if one.code == text.upper()), None)
    if family is not None:
        return (one.id for one in family.requirements)
    return [known.requirement(parse_requirement_id(text)).id]
