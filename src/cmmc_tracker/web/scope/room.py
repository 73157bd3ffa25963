"""The room of a system's scope: its addresses name the system, and its first page is the overview."""

from typing import Any

from flask import g, render_template
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.gate.doors import open_read
from cmmc_tracker.services.scope import overview
from cmmc_tracker.web.system_room import system_room

pages = system_room("scope", __name__, "/scope")


def drawn(template: str, **more: Any) -> str:
    """A page of this room."""
    may_edit = Right.CONTRIBUTE in g.system.rights
    return render_template(template, room="scope", may_edit=may_edit, AssetCategory=AssetCategory, **more)


@pages.get("")
def show() -> ResponseReturnValue:
    """What is in the scope, what the rule asks of it, and what is missing."""
    with open_read() as work:
        found = overview.of_system(work, g.system)
    return drawn("scope/show.html", found=found)
