"""Assets that lack a category, a treatment in the plan, or a place on the diagram."""

from collections.abc import Iterator

from cmmc_tracker.domain.readiness.check import Check, Finding, Level
from cmmc_tracker.domain.scope import CATEGORY_CLAUSE
from cmmc_tracker.domain.snapshot import Snapshot


def _look(snapshot: Snapshot) -> Iterator[Finding]:
    for one in snapshot.assets:
        if one.category is None:
            yield Finding(16, f"{one.name} has no category.", subject=f"asset:{one.id}")
        elif one.category.in_scope and not (one.in_plan and one.on_diagram):
            lacking = [text for text, there in _PLACES if not getattr(one, there)]
            yield Finding(16, f"{one.name} has no {' and no '.join(lacking)}.", subject=f"asset:{one.id}")


_PLACES = (("treatment in the security plan", "in_plan"), ("place on the network diagram", "on_diagram"))
CHECK = Check(
    16,
    "Assets that are not documented",
    Level.RISK,
    f"Each asset in scope stands in the inventory, the security plan and the network diagram ({CATEGORY_CLAUSE}).",
    _look,
)
