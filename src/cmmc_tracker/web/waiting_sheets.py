"""What the pages of spreadsheets share: taking one in, which column is what, what would come of it, doing it."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import g, redirect, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Invalid, NotFound, Stale, TrackerError
from cmmc_tracker.gate.doors import actor, installation, open_write
from cmmc_tracker.gate.forms import files_of, numbers_of, sender, sheet_of
from cmmc_tracker.gate.problems import STATUS
from cmmc_tracker.services import imports, sheet_imports
from cmmc_tracker.services.sheet_imports import At, ByRow, Shown, Sort

Errors = Mapping[str, str]
Page = Callable[[Errors], str]


def receive(action: Action, again: Page, place_of: Callable[[int], str]) -> ResponseReturnValue:
    """Take in a spreadsheet and lead to its page (`place_of`); nothing comes of it yet.

    `again` is the page where it is chosen, for a file that is none or cannot be read.
    """
    allow(g.actor, action, g.system)
    files = files_of()
    if len(files) != 1:
        return again({"file": "Please choose a file first, one at a time. Nothing was kept."}), 422
    try:
        sheet_imports.check_name(files[0].filename or "")
        received = sheet_of(files[0], sheet_imports.check)
    except Invalid as error:
        return again(error.fields), 422
    except NotFound:
        raise
    except TrackerError as error:
        return again({"file": error.message}), STATUS[type(error)]
    with open_write() as work:
        number = imports.begin(work, g.system, received, imports.REGISTER)
    return redirect(place_of(number), code=302)


def shown(import_id: int, sort: Sort, errors: Errors) -> dict[str, Any]:
    """What a page says of a sheet that waits: the columns that the address or the form names, and the plan."""
    given = request.form if request.method == "POST" else request.args
    sheet: Shown = sheet_imports.shown(installation().tracker, actor(), At(import_id, g.system.slug), sort, given)
    doing = sheet.plan.doing if sheet.plan else ()
    return {
        "sheet": sheet,
        "found": sheet.found,
        "plan": sheet.plan,
        "fields": sort.fields,
        "errors": {**errors, **sheet.errors},
        "ticked": numbers_of("row") if errors else {getattr(row, "number", 0) for row in doing},
    }


def confirm(import_id: int, sheet: ByRow, page: Page) -> int | ResponseReturnValue:
    """Do what was chosen; returns how many rows, or the page again with what is wrong."""
    try:
        return sheet_imports.apply(sender(), At(import_id, g.system.slug), sheet, request.form, numbers_of("row"))
    except Invalid as error:
        return page(error.fields), 422
    except Stale as error:
        return page({"row": error.message}), 412
