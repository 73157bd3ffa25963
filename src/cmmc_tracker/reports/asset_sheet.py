"""The asset inventory of a snapshot as a workbook, with the headings that its import reads (170.19(c)(1), Table 3)."""

import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cmmc_tracker.domain.inventory import AssetEntry, Documented, GroupEntry, uncoded
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.reports.cells import Sheet, book_of
from cmmc_tracker.reports.facts import summary
from cmmc_tracker.reports.inventory_export import HEADINGS, line


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    groups = {one["name"]: GroupEntry(one["name"], one["treatment"], one["on_diagram"]) for one in snapshot["groups"]}
    entries = [(one["id"], entry_of(one)) for one in snapshot["assets"]]
    rows = [line(number, one, Documented.of(one, groups.get(one.group))) for number, one in entries]
    counts = Counter(one.category for _, one in entries)
    told = [(f"{one.label}s", counts[one]) for one in AssetCategory]
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("Asset inventory", HEADINGS, rows),
        Sheet("Groups", ("Group", "SSP treatment", "On diagram"), [_group(one) for one in groups.values()]),
        summary(snapshot, [*told, ("Without a category", counts[None])]),
    )
    return file.getvalue()


def entry_of(asset: Mapping[str, Any]) -> AssetEntry:
    """An asset of a snapshot as the rules know it; what an older snapshot does not have is as if nobody said it."""
    kept = {name: asset[name] for name in AssetEntry.__dataclass_fields__ if name in asset}
    category = AssetCategory(asset["category"]) if asset["category"] else None
    return AssetEntry(
        **{**kept, "category": category, "cui_use": uncoded(asset["cui_use"]), "group": asset["group_name"]}
    )


def _group(one: GroupEntry) -> tuple[str, str, str]:
    return one.name, one.treatment, "yes" if one.on_diagram else "no"
