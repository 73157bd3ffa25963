"""Packages: what was frozen for whom, a new one, one with its files, and its zip."""

from collections.abc import Mapping

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Right
from cmmc_tracker.errors import Conflict, Invalid
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.doors import open_read
from cmmc_tracker.gate.streams import send_package
from cmmc_tracker.services import readiness
from cmmc_tracker.services.handoff import freezing, holds, packages
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.web.sharing.views import of_package
from cmmc_tracker.web.system_room import system_room

pages = system_room("packages", __name__, "/packages")
SHOWN = 200  # files of a package on its page; all of them stand in its README and manifest


@pages.get("")
def index() -> ResponseReturnValue:
    """The packages of a system, and the form for a new one with what is not ready."""
    return _index()


def _index(given: dict[str, str] | None = None, errors: dict[str, str] | None = None, refused: str = "") -> str:
    with open_read() as work:
        found = packages.listed(work, g.system)
        freezes = freezing.listed(work, g.system)
        report = readiness.report(work, g.system)
    return render_template(
        "packages/index.html",
        room="packages",
        packages=found,
        freezes=freezes,
        findings=report.findings,
        sentence=report.sentence,
        purposes=list(Purpose),
        given=given or {},
        errors=errors or {},
        refused=refused,
        may_freeze=may_freeze(),
    )


def may_freeze() -> bool:
    """Whether the person may freeze this system."""
    return Right.JUDGE in g.system.rights


@pages.post("")
def freeze() -> ResponseReturnValue:
    """Freeze the system as it stands; much of it is hashed by a job, whose page then tells how far it is."""
    form = request.form
    given = {name: form.get(name, "") for name in ("name", "purpose", "reason", "releasable")}
    try:
        asked = Asked.parse({**given, "releasable": given["releasable"] == "on"})
        made = freezing.ask(doors.installation().tracker, doors.actor(), doors.address(), g.system, asked)
    except Invalid as error:
        return _index(given, error.fields), 422
    except Conflict as error:
        return _index(given, refused=error.message), 409
    if not isinstance(made, Package):
        return redirect(url_for(".freeze_shown", slug=g.slug, freeze_id=made.id), code=303)
    flash(f"Frozen: package {made.number}, {made.name}.")
    return redirect(url_for(".show", slug=g.slug, package_id=made.id), code=303)


@pages.get("/<int:package_id>")
def show(package_id: int) -> ResponseReturnValue:
    """One package: what it is of, what is reported of it, how long it is kept, its files."""
    return shown(package_id)


def shown(package_id: int, errors: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None) -> str:
    """The page of a package, with what was refused of a form for how long it is kept."""
    with open_read() as work:
        package = packages.one(work, g.system, package_id)
        content = packages.snapshot(work, g.system, package_id)
        legal = holds.of(work, package)
        shared = of_package(work, g.system, package_id)
    return render_template(
        "packages/show.html",
        room="packages",
        package=package,
        content=content,
        files=content["files"][:SHOWN],
        more=max(0, len(content["files"]) - SHOWN),
        holds=legal,
        errors=errors or {},
        typed=typed or {},
        shared=shared,
    )


@pages.get("/<int:package_id>/download")
def download(package_id: int) -> Response:
    """The zip of a package."""
    return send_package(g.system, package_id)
