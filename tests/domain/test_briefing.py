"""The page for the affirming official: what speaks against affirming is named, each in few words, one and several."""

from datetime import date

import pytest

from cmmc_tracker.domain.briefing import Facts, open_checks
from cmmc_tracker.domain.lifecycle import Stage, Standing
from cmmc_tracker.domain.readiness import CHECKS

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


def test_what_is_open_is_listed_with_its_places_and_what_stops_a_status_first() -> None:
    met_without = [(1, f"AC.L2-3.1.1[{letter}]") for letter in "abcdef"]
    found = [*met_without, (1, "AC.L2-3.1.2[a]"), (29, ""), (29, ""), (23, "AC.L2-3.1.1"), ("clock", "")]
    titles = {one.number: one.title for one in CHECKS}
    assert open_checks(found) == [
        f"{titles[23]}: AC.L2-3.1.1",
        f"{titles[1]}: {', '.join(place for _, place in met_without)}, and 1 more",
        f"{titles[29]}: 2",
    ]


def test_nothing_open_lists_nothing() -> None:
    assert open_checks([]) == []
