"""The inventory and the responsibility matrices of a system: the import finds in them what is recorded.

What is only suggested of the scope stands in no document.
"""

import io
import json
from typing import Any

from sqlalchemy import update

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.importers import asset_table, matrix_table
from cmmc_tracker.reports import matrix_sheet
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import demo
from cmmc_tracker.services.handoff import documents, packages
from cmmc_tracker.services.scope import inventory, matrix, providers
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import tables as t
from tests.importers.workbooks import workbook_rows


def test_what_a_package_says_of_the_scope_is_what_the_import_finds_unchanged(tracker: Tracker, actor: Actor) -> None:
    main = actor.systems["main"]
    demo.fill(tracker, actor)
    with tracker.read(actor) as work:
        picture = packages.picture(work, main)
        there = [asset_table.Present(one.id, one.version, one.entry) for one in inventory.every(work, main)]
        named = providers.every(work, main)
        lines = {one.id: matrix.of_provider(work, main, one.id) for one in named}
    rows = workbook_rows(io.BytesIO(REPORTS["assets.xlsx"].make(picture)))
    planned = asset_table.plan(rows, there, asset_table.guess(rows))
    assert [row.act for row in planned.rows] == [asset_table.Act.NOTHING] * len(there)
    assert planned.left_out == ("Asset id", "In SSP (own or group)", "On diagram (own or group)")
    head, *said = workbook_rows(io.BytesIO(REPORTS["responsibility-matrix.xlsx"].make(picture)))
    for one in named:
        mine = [row for row in said if row[matrix_sheet.HEADINGS.index(matrix_sheet.PROVIDER)] == one.entry.name]
        kept: dict[ObjectiveId, LineEntry] = {key: line.entry for key, line in lines[one.id].items()}
        found = matrix_table.plan([head, *mine], matrix_table.guess([head, *mine]), matrix_table.Known(kept))
        assert [line.act for line in found.lines] == [matrix_table.Act.NOTHING] * len(kept)
        assert kept
        assert (found.refused, found.missing) == ([], [])


def _suggested(tracker: Tracker, actor: Actor) -> tuple[str, str]:
    """The first asset and the first provider of the demo, each no more than a suggestion; their names."""
    names = []
    with tracker.write(actor) as work:
        for table in (t.assets, t.providers):
            mine = table.c.system_id == actor.systems["main"].system_id
            row = work.row(table.select().where(mine).order_by(table.c.id).limit(1))
            assert row is not None
            work.db.execute(update(table).where(table.c.id == row.id).values(draft=True, name=f"Unheard-of {row.id}"))
            names.append(f"Unheard-of {row.id}")
    return names[0], names[1]


def test_what_is_only_suggested_is_in_no_package(tracker: Tracker, actor: Actor) -> None:
    demo.fill(tracker, actor)
    with tracker.read(actor) as work:
        before = packages.picture(work, actor.systems["main"])
    names = _suggested(tracker, actor)
    with tracker.read(actor) as work:
        picture = packages.picture(work, actor.systems["main"])
    for part in (picture, picture["plan"]):
        assert (len(part["assets"]), len(part["providers"])) == (
            len(before["assets"]) - 1,
            len(before["providers"]) - 1,
        )
    text = json.dumps({name: value for name, value in picture.items() if name != "not_ready"})
    assert [name for name in names if name in text] == []


def test_what_was_frozen_before_with_suggestions_has_documents_without_them(demo_snapshot: dict[str, Any]) -> None:
    asset, provider = demo_snapshot["assets"][0], demo_snapshot["providers"][0]
    for one in (asset, provider):
        one["draft"] = True
    made = {one.path.removeprefix("documents/"): one.content for one in documents.of(demo_snapshot)}
    assert asset["name"] not in {row[1] for row in workbook_rows(io.BytesIO(made["assets.xlsx"]))}
    named = {row[5] for row in workbook_rows(io.BytesIO(made["responsibility-matrix.xlsx"]))}
    assert provider["name"] not in named
    assert len(named) == len([one for one in demo_snapshot["providers"] if one["matrix"]])  # the others and the heading
