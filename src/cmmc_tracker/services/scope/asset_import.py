"""An asset inventory from a spreadsheet: its plan against what is there, and the change."""

from collections.abc import Sequence

from cmmc_tracker.domain.permissions import Action
from cmmc_tracker.importers import asset_table
from cmmc_tracker.importers.asset_table import AssetPlan, Present, RowPlan
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.scope import inventory, rows
from cmmc_tracker.services.sheet_imports import ByRow, Rows, Sort
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import assets


def _plan(work: Work, found: Import, sheet: Rows, columns: Columns) -> AssetPlan:
    """What a sheet would do to the inventory of its system now."""
    kept = inventory.every(work, found.home)
    return asset_table.plan(sheet, [Present(one.id, one.version, one.entry) for one in kept], columns)


def _do(work: Work, found: Import, wanted: Sequence[RowPlan]) -> None:
    rows.check_room(work, assets, found.home, "row", sum(row.asset_id is None for row in wanted))
    for row in wanted:
        assert row.entry is not None  # noqa: S101 a narrowing for the type checker
        if row.asset_id is None:
            rows.add(work, assets, found.home, row.entry.columns())
        else:
            rows.change(work, assets, found.home, (row.asset_id, row.version), row.entry.columns())


SHEET = ByRow(
    Sort(Action.SCOPE_EDIT, asset_table.FIELDS, asset_table.guess, _plan),
    told="asset inventory",
    changed="the inventory",
    lock="scope",
    do=_do,
)
