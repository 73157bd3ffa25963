"""Assets that lack a category, a treatment in the plan, or a place on the diagram."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import CATEGORY_CLAUSE, AssetCategory
from cmmc_tracker.domain.snapshot import Snapshot

_OUT = AssetCategory.OUT_OF_SCOPE


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.assets:
        if one.category is None:
            yield Finding(16, f"{one.name} has no category.", subject=f"asset:{one.id}")
        elif not (one.in_plan and one.on_diagram) and one.category is not _OUT:
            lacking = _LACKING[one.in_plan, one.on_diagram]
            yield Finding(16, f"{one.name} has no {lacking}.", "", "", "", f"asset:{one.id}")  # by name takes longer


_PLAN, _DIAGRAM = "treatment in the security plan", "place on the network diagram"
# By whether it is in the plan, and on the diagram: there may be thousands of assets.
_LACKING = {(False, False): f"{_PLAN} and no {_DIAGRAM}", (False, True): _PLAN, (True, False): _DIAGRAM}
CHECK = Check(
    16,
    "Assets that are not documented",
    Level.RISK,
    f"Each asset in scope stands in the inventory, the security plan and the network diagram ({CATEGORY_CLAUSE}).",
    _look,
)
