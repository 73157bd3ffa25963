"""The briefing's sentences, which also stand on the page of the status."""

from datetime import date

import pytest

from cmmc_tracker.domain.briefing import Facts
from cmmc_tracker.domain.lifecycle import Stage, Standing

NONE = Standing(Stage.NONE, "No CMMC Status", "Nothing is recorded.", "32 CFR 170.16(a)(1)")
OPEN = ("plan", None)


@pytest.mark.parametrize(
    ("unproven", "changes", "said"),
    [
        (
            0,
            (),
            [
                "No objective is MET without an approved artifact.",
                "No change of the environment was registered since.",
            ],
        ),
        (
            1,
            (OPEN,),
            ["1 objective is MET", "1 change of the environment was registered", "1 of them asks for more."],
        ),
        (2, (OPEN, ("plan", date(2026, 5, 1)), OPEN), ["2 objectives are MET", "3 changes", "2 of them ask for more."]),
    ],
)
def test_one_thing_is_said_as_one_and_several_as_several(
    unproven: int, changes: tuple[tuple[str, date | None], ...], said: list[str]
) -> None:
    lines = " ".join(Facts(NONE, 74, 110, "No CMMC Status", "", unproven, "", 1, changes).lines)
    assert all(one in lines for one in [*said, "1 objective stands otherwise than in the package of record."])
