"""The inventory and the responsibility matrices of a frozen system: the import finds in them what is recorded."""

import io

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.importers import asset_table, matrix_table
from cmmc_tracker.reports import inventory_export, matrix_export
from cmmc_tracker.services import demo
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.scope import inventory, matrix, providers
from cmmc_tracker.services.work import Tracker
from tests.importers.workbooks import workbook_rows


def test_what_a_package_says_of_the_scope_is_what_the_import_finds_unchanged(tracker: Tracker, actor: Actor) -> None:
    main = actor.systems["main"]
    demo.fill(tracker, actor)
    with tracker.read(actor) as work:
        picture = packages.picture(work, main)
        there = [asset_table.Present(one.id, one.version, one.entry) for one in inventory.every(work, main)]
        named = providers.every(work, main)
        lines = {one.id: matrix.of_provider(work, main, one.id) for one in named}
    rows = workbook_rows(io.BytesIO(inventory_export.make(picture)))
    planned = asset_table.plan(rows, there)
    assert [row.act for row in planned.rows] == [asset_table.Act.NOTHING] * len(there)
    assert planned.left_out == ("Asset id", "In SSP (own or group)", "On diagram (own or group)")
    head, *said = workbook_rows(io.BytesIO(matrix_export.make(picture)))
    for one in named:
        mine = [row for row in said if row[matrix_export.HEADINGS.index("Name of the provider")] == one.entry.name]
        kept: dict[ObjectiveId, LineEntry] = {key: line.entry for key, line in lines[one.id].items()}
        found = matrix_table.plan([head, *mine], matrix_table.guess([head, *mine]), matrix_table.Known(kept))
        assert [line.act for line in found.lines] == [matrix_table.Act.NOTHING] * len(kept)
        assert kept
        assert (found.refused, found.missing) == ([], [])
