"""The page for the affirming official: what speaks against affirming is named, each in few words."""

from cmmc_tracker.domain.briefing import open_checks
from cmmc_tracker.domain.readiness import CHECKS


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
