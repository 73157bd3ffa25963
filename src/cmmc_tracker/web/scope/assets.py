"""The asset inventory: the list, one asset, the groups that are treated alike, and the inventory as a file."""

import io
from collections.abc import Mapping
from typing import Any

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.inventory import KINDS, AssetEntry, CuiUse, GroupEntry
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.gate.content import spreadsheet
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.listing import cursor_of, following_url
from cmmc_tracker.reports import asset_sheet
from cmmc_tracker.services.scope import inventory
from cmmc_tracker.services.scope.inventory import AssetFilter
from cmmc_tracker.web.scope.room import drawn, pages


@pages.get("/assets")
def assets() -> ResponseReturnValue:
    """The assets that fit a filter, a page at a time."""
    args = request.args
    wanted = AssetFilter(
        text=args.get("q", "")[:200],
        category=args.get("category", ""),
        group=args.get("group", "")[:200],
        lacking=bool(args.get("lacking")),
        after=cursor_of(args) or 0,
    )
    with open_read() as work:
        found, count, following = inventory.page(work, g.system, wanted)
        groups = inventory.groups(work, g.system)
    return drawn(
        "scope/assets.html",
        assets=found,
        count=count,
        wanted=wanted,
        groups=groups,
        first_page=following_url(".assets", None) if wanted.after else "",
        next_page=following_url(".assets", following) if following else "",
        UNSAID=inventory.UNSAID,
    )


@pages.get("/inventory.<any(csv, xlsx):ending>")
def download(ending: str) -> ResponseReturnValue:
    """The whole inventory as a spreadsheet, with the headings that an import reads again."""
    with open_read() as work:
        kept = inventory.every(work, g.system)
    rows = [(one.id, one.entry, one.where) for one in kept if not one.draft]
    file = io.BytesIO()
    asset_sheet.write(file, rows, ending, installation().tracker.clock().isoformat())
    return spreadsheet(f"asset-inventory-{g.system.slug}", ending, file.getvalue())


@pages.get("/assets/new")
def new_asset() -> ResponseReturnValue:
    """The form for another asset."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    return _form({}, {})


def _form(given: Mapping[str, Any], errors: Mapping[str, str], kept: Any = None, *, stale: bool = False) -> str:
    with open_read() as work:
        groups = inventory.groups(work, g.system)
    choices = {"groups": groups, "uses": list(CuiUse), "kinds": KINDS}
    return drawn("scope/asset.html", kept=kept, now=given, errors=errors, stale=stale, **choices)


def _typed() -> dict[str, Any]:
    return {**request.form.to_dict(), "cui_use": request.form.getlist("cui_use")}


@pages.post("/assets")
def add_asset() -> ResponseReturnValue:
    """Add an asset."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        entry = AssetEntry.parse(_typed())
        with open_write() as work:
            number = inventory.add(work, g.system, entry)
    except Invalid as error:
        return _form(_typed(), error.fields), 422
    flash(f"{entry.name} is in the inventory.")
    return redirect(url_for(".asset", asset_id=number), code=302)


@pages.get("/assets/<int:asset_id>")
def asset(asset_id: int) -> ResponseReturnValue:
    """One asset: what is said of it, what the rule asks, what is missing."""
    return _one(asset_id)


def _one(
    asset_id: int,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        kept = inventory.one(work, g.system, asset_id)
    return _form(typed or _said(kept.entry), errors or {}, kept, stale=stale)


def _said(entry: AssetEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in AssetEntry.__slots__}


@pages.post("/assets/<int:asset_id>")
def edit_asset(asset_id: int) -> ResponseReturnValue:
    """Change an asset; one that was drafted is confirmed by it."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        entry = AssetEntry.parse(_typed())
        with open_write() as work:
            inventory.edit(work, g.system, asset_id, entry, form_version())
    except Invalid as error:
        return _one(asset_id, _typed(), error.fields), 422
    except Stale:
        return _one(asset_id, _typed(), stale=True), 412
    flash("Saved.")
    return redirect(url_for(".asset", asset_id=asset_id), code=302)


@pages.post("/assets/<int:asset_id>/remove")
def remove_asset(asset_id: int) -> ResponseReturnValue:
    """Take an asset away."""
    try:
        with open_write() as work:
            inventory.remove(work, g.system, asset_id, form_version())
    except Stale:
        return _one(asset_id, stale=True), 412
    flash("The asset is taken away; the audit log keeps what was said of it.")
    return redirect(url_for(".assets"), code=302)


@pages.get("/groups")
def groups() -> ResponseReturnValue:
    """The groups of assets that the security plan treats alike."""
    return _groups(request.args.get("name", ""))


def _groups(
    opened: str, typed: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None, *, stale: bool = False
) -> str:
    with open_read() as work:
        found = inventory.groups(work, g.system)
    chosen = next((one for one in found if one.entry.name == opened), None)
    if opened and chosen is None and typed is None:
        raise NotFound("There is no such group; somebody may have taken it away.")
    said = {name: getattr(chosen.entry, name) for name in GroupEntry.__slots__} if chosen else {}
    return drawn("scope/groups.html", groups=found, chosen=chosen, now=typed or said, errors=errors or {}, stale=stale)


@pages.post("/groups")
def put_group() -> ResponseReturnValue:
    """Say how a group is treated, or take away what is said of it."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    form, act = request.form, request.form.get("act", "save")
    if act not in {"save", "remove"}:
        raise NotFound("There is nothing else that can be done with a group.")
    try:
        entry = GroupEntry.parse(form)
        with open_write() as work:
            if act == "remove":
                inventory.remove_group(work, g.system, entry.name, form_version())
            else:
                inventory.put_group(work, g.system, entry, form_version())
    except Invalid as error:
        return _groups(form.get("name", ""), form, error.fields), 422
    except Conflict as error:
        return _groups(form.get("name", ""), form, {"name": error.message}), 409
    except Stale:
        return _groups(form.get("name", ""), form, stale=True), 412
    flash("Saved." if act == "save" else "The group is taken away.")
    return redirect(url_for(".groups"), code=302)
