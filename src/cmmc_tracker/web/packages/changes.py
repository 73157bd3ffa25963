"""What changed between two packages of a system."""

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.errors import NotFound
from cmmc_tracker.gate.doors import open_read
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.web.packages.views import pages

SHOWN = 200  # changes of one part on the page; `package diff` and the API tell all of them


@pages.get("/<int:package_id>/changes")
def changes(package_id: int) -> ResponseReturnValue:
    """What was added, changed or gone since an older package, the one before where none is named."""
    with open_read() as work:
        now = packages.one(work, g.system, package_id)
        others = [one for one in packages.listed(work, g.system) if one.id != now.id]
        then = packages.one(work, g.system, _wanted(now, others))
        sections = packages.compared(work, g.system, then.id, now.id)
    return render_template(
        "packages/changes.html",
        room="packages",
        now=now,
        then=then,
        others=others,
        sections=sections,
        shown=SHOWN,
        words={one.value: one.label for one in Status},
    )


def _wanted(now: packages.Package, others: list[packages.Package]) -> int:
    """The package that the address names, else the one before; raises `NotFound` where there is none."""
    asked = request.args.get("since", "")
    if asked.isascii() and asked.isdecimal() and len(asked) <= 15:
        return int(asked)
    before = next((one.id for one in others if one.number < now.number), None)
    if before is None or asked:
        raise NotFound("There is no such package to compare with.")
    return before
