"""Which CMMC Status an assessment supports (32 CFR 170.16, 170.17, 170.21). Pure.

The status itself exists in SPRS (170.4); the tracker says what the findings would support, and why not more.
"""

from cmmc_tracker.domain.poam import THRESHOLD

NONE = "No CMMC Status"
CONDITIONAL = "Conditional Level 2 (Self)"
FINAL = "Final Level 2 (Self)"


def supported(
    score: int | None, *, unassessed: int, open_requirements: int, blocking: int, reason: str | None
) -> tuple[str, str]:
    """The status that findings support, and one sentence why it is not more.

    `unassessed` counts objectives, `open_requirements` requirements that are NOT MET or not assessed, `blocking`
    those of them that may not stand on a POA&M. `reason` says why there is no score.
    """
    if score is None:
        return NONE, reason or "There is no score."
    if unassessed:
        plural = "objective is" if unassessed == 1 else "objectives are"
        return NONE, f"The assessment is incomplete: {unassessed} {plural} not assessed."
    if not open_requirements:
        return FINAL, "Every requirement is MET or not applicable."
    if score < THRESHOLD:
        return NONE, f"The score is below {THRESHOLD}, the least for a Conditional status (32 CFR 170.21(a)(2)(i))."
    if blocking:
        plural = "requirement that is NOT MET may" if blocking == 1 else "requirements that are NOT MET may"
        return NONE, f"{blocking} {plural} not stand on a POA&M (32 CFR 170.21(a)(2))."
    plural = "requirement is" if open_requirements == 1 else "requirements are"
    return CONDITIONAL, f"{open_requirements} {plural} NOT MET and may stand on a POA&M, to be closed within 180 days."
