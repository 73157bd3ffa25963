"""The installation's settings, the first questions after the set-up, and the rows that follow: for administrators."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import settings as rules
from cmmc_tracker.domain.catalog import LEVELS
from cmmc_tracker.domain.cui import may_be_stored
from cmmc_tracker.domain.scope import Answers, AssetCategory, AssetFacts, Place, ProviderFacts
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.session import admin_required
from cmmc_tracker.services import settings, setup, systems, unused
from cmmc_tracker.services.scope import drafts

pages = Blueprint("settings", __name__)
_LEVELS = {str(one): one for one in LEVELS}
_RULED = {"remove": "The system is removed.", "level": "The level is set, with nothing assessed yet."}
_ROWS: Mapping[str, type[AssetFacts] | type[ProviderFacts]] = {"asset": AssetFacts, "provider": ProviderFacts}


@pages.get("/config")
@admin_required
def show() -> ResponseReturnValue:
    """What is set now."""
    return _page({}, None)


def _page(errors: Mapping[str, str], typed: Mapping[str, Any] | None, **more: Any) -> str:
    with open_read() as work:
        current, version = settings.current(work), settings.version(work)
        rows, ruled, kept = drafts.rows(work), systems.ruled(work), unused.kept_in(work)
    given: dict[str, Any] = {
        "errors": errors,
        "value": typed if typed is not None else current.as_dict(),
        "version": version,
        "now": current,
        "stale": "",
        "scanner": installation().tracker.scanner is not None,
        "systems": ruled,
        "kept": kept,
        "levels": LEVELS,
        "holds_cui": [one.slug for one in ruled if may_be_stored(current, never=one.cui_never)],
        "rows": rows,
        "row_errors": {},
        "refused": None,
        "AssetCategory": AssetCategory,
    }
    return render_template("settings/show.html", **{**given, **more})


@pages.post("/config")
@admin_required
def save() -> ResponseReturnValue:
    """Set them."""
    form = request.form
    try:
        wanted = rules.parse(form)
        with open_write() as work:
            settings.change(work, wanted, form_version())
    except Invalid as error:
        return _page(error.fields, form), 422
    except Stale:
        return _page({}, form, stale="settings"), 412
    flash("Saved. It holds from now on, for sessions that have begun too.")
    return redirect(url_for(".show"), code=302)


@pages.post("/config/systems/<slug>")
@admin_required
def rule_system(slug: str) -> ResponseReturnValue:
    """Say whether CUI may never be stored in a system; take away one in which nothing was kept, or change its level."""
    form, act = request.form, request.form.get("act", "")
    try:
        with open_write() as work:
            if act == "remove":
                unused.remove(work, slug, form_version())
            elif act == "level":
                unused.set_level(work, slug, _LEVELS.get(form.get("level", ""), 0), form_version())
            else:
                systems.rule(work, slug, form_version(), cui_never=form.get("cui_never") == "on")
    except Invalid as error:
        return _page({f"level-{slug}": text for text in error.fields.values()}, None), 422
    except Stale:
        return _page({}, None, stale="row"), 412
    except Conflict as error:
        return _page({}, None, refused=error), 409
    flash(_RULED.get(act, "Saved."))
    return redirect(url_for(".show", _anchor="systems"), code=302)


@pages.post("/config/scope/<any(asset, provider):kind>/<int:row_id>")
@admin_required
def keep_row(kind: str, row_id: int) -> ResponseReturnValue:
    """Change, confirm or take away a row of the scope."""
    form, act = request.form, request.form.get("act", "")
    if act not in {"change", "confirm", "remove"}:
        raise NotFound("There is nothing else that can be done with a row.")
    try:
        with open_write() as work:
            if act == "remove":
                drafts.remove(work, row_id, _ROWS[kind], form_version())
            else:
                drafts.keep(work, row_id, _ROWS[kind].parse(form), form_version(), confirm=act == "confirm")
    except Invalid as error:
        wrong = {"id": f"{kind}-{row_id}", "fields": error.fields, "typed": form}
        summary = {f"{kind}-{row_id}-{name}": text for name, text in error.fields.items()}
        return _page(summary, None, row_errors=wrong), 422
    except Stale:
        return _page({}, None, stale="row", typed_row=form if act != "remove" else None), 412
    flash({"change": "Saved.", "confirm": "Confirmed.", "remove": "The row is taken away."}[act])
    first = form.get("from") == "welcome"
    return redirect(url_for(".welcome") if first else url_for(".show", _anchor="scope"), code=302)


def _drafted_where(made: int) -> str:
    """What was said after the questions; the rows are shown to members of their system only."""
    if not made:
        return "Saved."
    if systems.MAIN in actor().systems:
        return "Saved. What follows for the scope is drafted below: look at it and confirm it."
    return "Saved. What follows for the scope is drafted in the system; its members look at it and confirm it."


@pages.get("/welcome")
@admin_required
def welcome() -> ResponseReturnValue:
    """What is asked after the set-up, and may be skipped."""
    return _questions({}, None)


def _questions(errors: Mapping[str, str], typed: Mapping[str, Any] | None, *, stale: bool = False) -> str:
    with open_read() as work:
        current, version = settings.current(work), settings.version(work)
        rows, first = drafts.rows(work), systems.ruled(work)[0]
        levels = () if unused.kept_in(work)[first.slug] else LEVELS
    kept = {
        "organization": current.organization,
        "system_name": first.name,
        "cui": "yes" if current.cui_allowed else "no",
        "level": str(first.level),
    }
    return render_template(
        "settings/welcome.html",
        errors=errors,
        value=typed if typed is not None else kept,
        version=version,
        now=current,
        first=first,
        levels=levels,
        rows=rows,
        stale=stale,
        Place=Place,
        AssetCategory=AssetCategory,
    )


@pages.post("/welcome")
@admin_required
def answer() -> ResponseReturnValue:
    """Take the answers, and draft what follows from them."""
    form = request.form
    try:
        answers = Answers.parse(form)
        with open_write() as work:
            made = setup.answer(work, answers, form_version(), form_version("system_version"))
    except Invalid as error:
        return _questions(error.fields, form), 422
    except Stale:
        return _questions({}, form, stale=True), 412
    flash(_drafted_where(made))
    return redirect(url_for(".welcome"), code=302)
