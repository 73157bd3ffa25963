"""The room of a system's scope: its addresses name the system, and its first page is the overview."""

from typing import Any

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.gate.doors import open_read, system
from cmmc_tracker.services.scope import overview

pages = Blueprint("scope", __name__, url_prefix="/systems/<slug>/scope")


@pages.url_value_preprocessor
def _name_system(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values is not None:
        g.slug = values.pop("slug")


@pages.before_request
def _open_system() -> None:
    """Every address of this room names a system; strangers to it get 404 before anything else."""
    g.system = system(g.slug)


@pages.url_defaults
def _same_system(_endpoint: str, values: dict[str, Any]) -> None:
    if "slug" in g:
        values.setdefault("slug", g.slug)


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
