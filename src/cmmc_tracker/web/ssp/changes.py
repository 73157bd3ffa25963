"""The register of changes to the environment."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.changes import ChangeKind
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services.ssp import changes
from cmmc_tracker.web.ssp.views import may_write, pages


@pages.get("/changes")
def changes_index() -> ResponseReturnValue:
    """The register, and the form to record a change."""
    return _index()


def _index(errors: Mapping[str, str] | None = None, typed: Mapping[str, Any] | None = None) -> str:
    with open_read() as work:
        found = changes.register(work, g.system)
    return render_template(
        "ssp/changes.html",
        room="ssp",
        changes=found,
        open=[one for one in found if one.change.is_open],
        kinds=list(ChangeKind),
        errors=errors or {},
        typed=typed or {},
        today=datetime.now(UTC).date().isoformat(),
        may_write=may_write(),
    )


@pages.post("/changes")
def add_change() -> ResponseReturnValue:
    """Record a change."""
    try:
        with open_write() as work:
            changes.add(work, g.system, request.form)
    except Invalid as error:
        return _index(error.fields, request.form), 422
    flash("The change is recorded.")
    return redirect(url_for(".changes_index"), code=302)


@pages.get("/changes/<int:change_id>")
def change(change_id: int) -> ResponseReturnValue:
    """One entry: what it says, and what was done about it."""
    return _one(change_id)


def _one(
    change_id: int,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, Any] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        kept = changes.one(work, g.system, change_id)
    return render_template(
        "ssp/change.html",
        room="ssp",
        kept=kept,
        kinds=list(ChangeKind),
        errors=errors or {},
        typed=typed or {},
        stale=stale,
        today=datetime.now(UTC).date().isoformat(),
        may_write=may_write(),
    )


@pages.post("/changes/<int:change_id>")
def edit_change(change_id: int) -> ResponseReturnValue:
    """Mend what an entry says."""
    try:
        with open_write() as work:
            changes.edit(work, g.system, change_id, request.form, form_version())
    except Invalid as error:
        return _one(change_id, error.fields, request.form), 422
    except Stale:
        return _one(change_id, {}, request.form, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".changes_index"), code=302)


@pages.post("/changes/<int:change_id>/settle")
def settle_change(change_id: int) -> ResponseReturnValue:
    """Say what was done about a change."""
    try:
        with open_write() as work:
            changes.settle(work, g.system, change_id, request.form, form_version())
    except Invalid as error:
        return _one(change_id, error.fields, request.form), 422
    except Stale:
        return _one(change_id, {}, request.form, stale=True), 412
    flash("It is recorded what was done.")
    return redirect(url_for(".changes_index"), code=302)
