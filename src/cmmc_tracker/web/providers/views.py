"""External service providers: the list with what is missing, and one of them with what follows from it."""

from collections.abc import Mapping
from typing import Any

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.matrix import DUTIES
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.providers import BASES, HELD, ProviderEntry
from cmmc_tracker.errors import Invalid, Stale
from cmmc_tracker.gate.doors import installation, open_read, open_write
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.services.scope import matrix, providers
from cmmc_tracker.services.scope.matrix import KeptLine
from cmmc_tracker.web.system_room import system_room

pages = system_room("providers", __name__, "/providers")


def drawn(template: str, **more: Any) -> str:
    """A page of this room."""
    may_edit = Right.CONTRIBUTE in g.system.rights
    return render_template(template, room="scope", may_edit=may_edit, HELD=HELD, BASES=BASES, DUTIES=DUTIES, **more)


@pages.get("")
def index() -> ResponseReturnValue:
    """The providers, what is missing of each, and what is claimed of them without a line."""
    return _index({}, {})


def _index(typed: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    with open_read() as work:
        found = providers.every(work, g.system)
        missing = matrix.gaps_of(work, g.system)
        documents = providers.documents(work, g.system)
    return drawn("providers/index.html", providers=found, gaps=missing, now=typed, errors=errors, documents=documents)


def _parsed() -> ProviderEntry:
    return ProviderEntry.parse(request.form, installation().tracker.today)


@pages.post("")
def add() -> ResponseReturnValue:
    """Add a provider."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        entry = _parsed()
        with open_write() as work:
            number = providers.add(work, g.system, entry)
    except Invalid as error:
        return _index(request.form, error.fields), 422
    flash(f"{entry.name} is in the scope.")
    return redirect(url_for(".show", provider_id=number), code=302)


@pages.get("/<int:provider_id>")
def show(provider_id: int) -> ResponseReturnValue:
    """One provider: what is said of it, what follows, its matrix requirement by requirement."""
    return _one(provider_id)


def _one(
    provider_id: int,
    typed: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    stale: bool = False,
) -> str:
    with open_read() as work:
        kept = providers.one(work, g.system, provider_id)
        lines = matrix.of_provider(work, g.system, provider_id)
        documents = providers.documents(work, g.system)
    said = {name: getattr(kept.entry, name) for name in ProviderEntry.__slots__}
    return drawn(
        "providers/show.html",
        kept=kept,
        now=typed or said,
        errors=errors or {},
        stale=stale,
        documents=documents,
        **_by_requirement(lines),
    )


def _by_requirement(lines: Mapping[ObjectiveId, KeptLine]) -> dict[str, Any]:
    """The requirements with the line of each objective or None, and those without any."""
    said, unsaid = [], []
    for one in catalog.load(g.system.level).requirements:
        marks = [(o.letter, lines.get(ObjectiveId(one.id, o.letter))) for o in one.objectives]
        if any(line for _, line in marks):
            said.append((one, marks))
        else:
            unsaid.append(one)
    return {"said": said, "unsaid": unsaid}


@pages.post("/<int:provider_id>")
def edit(provider_id: int) -> ResponseReturnValue:
    """Change a provider; one that was drafted is confirmed by it."""
    allow(g.actor, Action.SCOPE_EDIT, g.system)
    try:
        entry = _parsed()
        with open_write() as work:
            providers.edit(work, g.system, provider_id, entry, form_version())
    except Invalid as error:
        return _one(provider_id, request.form, error.fields), 422
    except Stale:
        return _one(provider_id, request.form, stale=True), 412
    flash("Saved.")
    return redirect(url_for(".show", provider_id=provider_id), code=302)


@pages.post("/<int:provider_id>/remove")
def remove(provider_id: int) -> ResponseReturnValue:
    """Take a provider away with its matrix."""
    try:
        with open_write() as work:
            providers.remove(work, g.system, provider_id, form_version())
    except Stale:
        return _one(provider_id, stale=True), 412
    flash("The provider is taken away with its matrix; the audit log keeps what was said of it.")
    return redirect(url_for(".index"), code=302)
