"""The dashboard: the score with the reason for every point lost, the families, the evidence."""

from dataclasses import dataclass

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.gate.doors import actor, open_read, system
from cmmc_tracker.services import assessment, integrity
from cmmc_tracker.services.assessment import Line, Picture
from cmmc_tracker.services.overview import overview
from cmmc_tracker.web.viewing import views as viewing

pages = Blueprint("dashboard", __name__)
SHOWN_LOSSES = 12


@dataclass(frozen=True, slots=True)
class FamilyBar:
    """One family: how its requirements stand and what it costs."""

    code: str
    name: str
    counts: dict[Status, int]
    total: int
    lost: int


@pages.get("/")
def show() -> ResponseReturnValue:
    """The dashboard of one system: the one named by `system`, else the first that the person belongs to."""
    if actor().is_assessor:
        return viewing.entrance()
    mine = actor().systems
    if not mine:
        return render_template("dashboard/no_system.html", room="dashboard")
    g.system = system(request.args.get("system", next(iter(mine))))
    with open_read() as work:
        picture = assessment.picture(work, g.system)
        seen = overview(work, g.system)
        is_wrong = seen.store.damaged or seen.store.held_damaged
        damaged = integrity.damaged(work) if is_wrong and actor().is_admin else []
    return render_template(
        "dashboard/show.html",
        room="dashboard",
        score=picture.score,
        first=picture.lines[0].requirement.id,
        bars=_bars(g.system, picture),
        artifacts=seen.artifacts,
        store=seen.store,
        damaged=damaged,
        waiting=seen.waiting,
        clock=seen.clock,
        backup=seen.backup,
        backups=seen.backup.standing(work.now) if seen.backup else None,
        shown=SHOWN_LOSSES,
        assessed=_assessed(picture),
        objectives=sum(len(line.objectives) for line in picture.lines),
    )


def _assessed(picture: Picture) -> int:
    return sum(status is not Status.NOT_ASSESSED for line in picture.lines for status in line.objectives)


def _bars(access: Access, picture: Picture) -> list[FamilyBar]:
    lost = {loss.requirement_id: loss.points for loss in picture.score.losses}
    by_family: dict[str, list[Line]] = {}
    for line in picture.lines:
        by_family.setdefault(line.requirement.family, []).append(line)
    return [
        FamilyBar(
            family.code,
            family.name,
            {status: sum(line.status is status for line in by_family[family.code]) for status in Status},
            len(by_family[family.code]),
            sum(lost.get(line.requirement.id, 0) for line in by_family[family.code]),
        )
        for family in catalog.load(access.level).families
    ]


@pages.get("/systems/<slug>/")
def of_system(slug: str) -> ResponseReturnValue:
    """The dashboard of a system by its own address."""
    return redirect(url_for("dashboard.show", system=system(slug).slug), code=302)
