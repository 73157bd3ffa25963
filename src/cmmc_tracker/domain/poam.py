"""What may stand on the POA&M of a Conditional status (32 CFR 170.21). Pure."""

from dataclasses import dataclass

from cmmc_tracker.domain.catalog import Eligibility, Requirement

THRESHOLD = 88  # 170.21(a)(2)(i): score / 110 of at least 0.8


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a requirement may stand on a POA&M, by which clause, and why in one sentence."""

    allowed: bool
    clause: str
    reason: str


def eligibility(requirement: Requirement, *, partial: bool = False) -> Verdict:
    """Whether a NOT MET requirement may stand on a POA&M.

    Only values of 1 may (170.21(a)(2)(ii)), but for 3.13.11 while encryption is employed and not validated, and
    none of the six named in 170.21(a)(2)(iii). The partial value of 3.5.3 changes nothing: it is 3.
    """
    clause = requirement.poam_reason[requirement.poam_reason.index("32 CFR") :]
    if requirement.poam is Eligibility.CONDITIONAL:
        allowed = partial and requirement.partial is not None and requirement.partial.poam is Eligibility.ALLOWED
        return Verdict(allowed, clause, requirement.poam_reason)
    return Verdict(requirement.poam is Eligibility.ALLOWED, clause, requirement.poam_reason)
