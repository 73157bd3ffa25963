"""What may stand on the POA&M of a Conditional status (32 CFR 170.21). Pure."""

from dataclasses import dataclass

from cmmc_tracker.domain.catalog import Eligibility, Requirement

THRESHOLD = 88  # 170.21(a)(2)(i): score / 110 of at least 0.8
THIRD_THRESHOLD = 20  # 170.21(a)(3)(i): score / 24 of at least 0.8


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a requirement may stand on a POA&M, by which clause, and why in one sentence."""

    allowed: bool
    clause: str
    reason: str


def eligible(requirement: Requirement, *, partial: bool = False) -> bool:
    """Whether a NOT MET requirement may stand on a POA&M.

    Only values of 1 may (170.21(a)(2)(ii)), but for 3.13.11 while encryption is employed and not validated, and
    none of the six named in 170.21(a)(2)(iii). The partial value of 3.5.3 changes nothing: it is 3.
    """
    if requirement.poam is not Eligibility.CONDITIONAL:
        return requirement.poam is Eligibility.ALLOWED
    return partial and requirement.partial is not None and requirement.partial.poam is Eligibility.ALLOWED


def eligibility(requirement: Requirement, *, partial: bool = False) -> Verdict:
    """The same with its clause and its reason, for people."""
    clause = requirement.poam_reason[requirement.poam_reason.index("32 CFR") :]
    return Verdict(eligible(requirement, partial=partial), clause, requirement.poam_reason)
