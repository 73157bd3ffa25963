"""A scope in which nothing, or nobody, stands."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import CATEGORY_CLAUSE, AssetCategory
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    if not snapshot.assets:
        yield Finding(29, "The inventory of assets is empty.", subject="scope")
    elif all(one.category is AssetCategory.OUT_OF_SCOPE for one in snapshot.assets):
        yield Finding(29, "Every asset of the inventory is out of scope.", subject="scope")
    if not snapshot.people:
        yield Finding(29, "Nobody stands in the scope: the people who handle what is protected.", subject="scope")


CHECK = Check(
    29,
    "A scope that is empty",
    Level.RISK,
    f"The scope is specified before the assessment: assets, people, facilities ({CATEGORY_CLAUSE}).",
    _look,
)
