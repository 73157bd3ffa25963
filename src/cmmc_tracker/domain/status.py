"""Which CMMC Status an assessment supports (32 CFR 170.15 to 170.18, 170.21). Pure.

The status itself exists in SPRS (170.4); the tracker says what the findings would support, and why not more.
"""

from cmmc_tracker.domain.poam import THIRD_THRESHOLD, THRESHOLD

NONE = "No CMMC Status"
CONDITIONAL = "Conditional Level 2 (Self)"
FINAL = "Final Level 2 (Self)"
FIRST_FINAL = "Final Level 1 (Self)"
THIRD_CONDITIONAL = "Conditional Level 3 (DIBCAC)"
THIRD_FINAL = "Final Level 3 (DIBCAC)"
# What a level asks before its own assessment; said wherever that level's status is.
BEFORE = {3: "Level 3 needs a Final Level 2 (C3PAO) status for the same scope first (32 CFR 170.18(a))."}
NAMES = {1: (NONE, FIRST_FINAL), 2: (CONDITIONAL, FINAL), 3: (THIRD_CONDITIONAL, THIRD_FINAL)}
_LEAST = {2: (THRESHOLD, "(a)(2)"), 3: (THIRD_THRESHOLD, "(a)(3)")}


def supported(
    score: int | None, *, unassessed: int, open_requirements: int, blocking: int, reason: str | None, level: int = 2
) -> tuple[str, str]:
    """The status that findings support, and one sentence why it is not more.

    `unassessed` counts objectives, `open_requirements` requirements that are NOT MET or not assessed, `blocking`
    those of them that may not stand on a POA&M. `reason` says why there is no score; Level 1 never has one.
    """
    if score is None and level != 1:
        return NONE, reason or "There is no score."
    if unassessed:
        plural = "objective is" if unassessed == 1 else "objectives are"
        return NONE, f"The assessment is incomplete: {unassessed} {plural} not assessed."
    conditional, final = NAMES[level]
    if not open_requirements:
        return final, "Every requirement is MET or not applicable."
    plural = "requirement is" if open_requirements == 1 else "requirements are"
    hindrance = _hindrance(score, level, blocking, f"{open_requirements} {plural}")
    if hindrance:
        return NONE, hindrance
    reason = f"{open_requirements} {plural} NOT MET and may stand on a POA&M, to be closed within 180 days."
    return conditional, reason


def _hindrance(score: int | None, level: int, blocking: int, are_open: str) -> str:
    """Why no Conditional status is possible; empty where one is."""
    if score is None:
        return (
            f"{are_open} NOT MET, and Level 1 is MET as a whole or not at all (32 CFR 170.24(c)(1)); "
            "no POA&M is permitted (32 CFR 170.21(a)(1))."
        )
    least, clause = _LEAST[level]
    if score < least:
        return f"The score is below {least}, the least for a Conditional status (32 CFR 170.21{clause}(i))."
    if not blocking:
        return ""
    barred = "requirement that is NOT MET may" if blocking == 1 else "requirements that are NOT MET may"
    return f"{blocking} {barred} not stand on a POA&M (32 CFR 170.21{clause})."
