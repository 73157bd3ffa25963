"""An asset inventory from a spreadsheet: its plan against what is there, and the change, in one Work.

What was sent waits in `imports`, for its sender alone, for a day; the plan that a person confirms travels as a digest
and is made again inside the Work that applies it.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict

from cmmc_tracker.domain.audit import canonical
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.uploads import extension_of
from cmmc_tracker.errors import Invalid, NotFound, Stale
from cmmc_tracker.importers import asset_table
from cmmc_tracker.importers.asset_table import AssetPlan, Present
from cmmc_tracker.services import imports
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.imports import Import
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.scope import inventory, rows
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.store import Blobs
from cmmc_tracker.storage.tables import assets

_CHANGED = (
    "What this sheet would change is not what the page showed: somebody changed the inventory meanwhile. Nothing was "
    "changed. Look at the plan as it is now, then confirm again."
)


def check_name(filename: str) -> None:
    """Raise `Invalid` for a file that is no spreadsheet of a kind that is read."""
    if extension_of(filename) not in {".csv", ".xlsx"}:
        raise Invalid({"file": "Choose a spreadsheet as .csv or .xlsx. Nothing was kept."})


def check(blobs: Blobs, received: Received) -> None:
    """Raise `Invalid` for a sheet that cannot be planned at all."""
    asset_table.plan(imports.rows_of(blobs, received.sha256, received.filename)[:100], ())


def of(work: Work, import_id: int, slug: str) -> Import:
    """A sheet of the person who asks, in the system of the address; raises `NotFound` for another's."""
    found = imports.of(work, import_id)
    if found.home.slug != slug or found.kind != imports.REGISTER:
        raise NotFound("There is no such import here. Send the file again.")
    return found


def asset_plan(work: Work, found: Import, sheet: Sequence[list[str]]) -> AssetPlan:
    """What a sheet would do to the inventory of its system now."""
    allow(work.actor, Action.SCOPE_EDIT, found.home)
    kept = inventory.every(work, found.home)
    return asset_table.plan(sheet, [Present(one.id, one.version, one.entry) for one in kept])


def digest(plan: AssetPlan) -> str:
    """What stands for a plan in the form that confirms it."""
    return hashlib.sha256(canonical({"rows": [asdict(row) for row in plan.rows]}).encode()).hexdigest()


def apply(sender: Sender, import_id: int, slug: str, chosen: Collection[int], shown: str) -> int:
    """Do what the chosen rows (by number) say, all or nothing; returns how many.

    Raises `Stale` when `shown` is not the digest of the plan as it is now, `Invalid` when no row is chosen.
    """
    tracker = sender.tracker
    with tracker.read(sender.actor) as work:
        found = of(work, import_id, slug)
    sheet = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    with tracker.write(sender.actor, sender.address) as work:
        found = of(work, import_id, slug)
        work.alone(f"scope:{found.home.system_id}")
        plan = asset_plan(work, found, sheet)
        if digest(plan) != shown:
            raise Stale(_CHANGED)
        wanted = [row for row in plan.doing if row.number in chosen]
        if not wanted:
            raise Invalid({"row": "Choose at least one row. Nothing was changed."})
        rows.check_room(work, assets, found.home, "row", sum(row.asset_id is None for row in wanted))
        imports.finish(work, found, {"rows": len(wanted), "what": "asset inventory"})
        for row in wanted:
            assert row.entry is not None  # noqa: S101 a narrowing for the type checker
            if row.asset_id is None:
                rows.add(work, assets, found.home, row.entry.columns())
            else:
                rows.change(work, assets, found.home, (row.asset_id, row.version), row.entry.columns())
    return len(wanted)
