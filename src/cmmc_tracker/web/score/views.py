"""The score of a system: why it is what it is, how it came there, what would change it, and the shortest way on."""

from typing import Any

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import advice, catalog, status
from cmmc_tracker.domain.poam import eligibility
from cmmc_tracker.gate.doors import open_read, system
from cmmc_tracker.services import assessment, closeouts, scores
from cmmc_tracker.services.assessment import Picture
from cmmc_tracker.web.score import chart

pages = Blueprint("score", __name__)
SHOWN_DAYS = 400


@pages.get("/systems/<slug>/score")
def show(slug: str) -> ResponseReturnValue:
    """The score, explained. `mend` (repeated) are requirements that would be mended: nothing of it is saved."""
    g.system = system(slug)
    with open_read() as work:
        picture = assessment.picture(work, g.system)
        past = scores.history(work, g.system)
        clock = closeouts.of(work, g.system)
        today = max(work.now.date(), work.today)  # the line has days of UTC, as the log; a status has its own
    found = picture.score
    opened = {loss.requirement_id for loss in (*found.losses, *([found.gate] if found.gate else []))}
    mended = opened & set(request.args.getlist("mend"))
    drawn = None
    if found.max is not None:
        drawn = chart.draw(past.points, past.marks, today, found.poam.threshold, found.max)
    return render_template(
        "score/show.html",
        room="score",
        score=found,
        clock=clock,
        would=_would(picture, mended) if mended else None,
        mended=mended,
        way=advice.advise(found),
        verdicts=_verdicts(picture),
        names=dict(zip(("conditional", "final", "none"), (*status.NAMES[g.system.level], status.NONE), strict=True)),
        chart=drawn,
        history=past.points[-SHOWN_DAYS:],
        marks=past.marks,
        size=(chart.WIDTH, chart.HEIGHT, chart.LEFT, chart.RIGHT, chart.TOP, chart.BOTTOM),
    )


def _would(picture: Picture, mended: set[str]) -> Any:
    findings = {line.requirement.id: line.objectives for line in picture.lines}
    partial = {line.requirement.id for line in picture.lines if line.partial}
    return advice.what_if(catalog.load(picture.score.level), findings, partial, mended)


def _verdicts(picture: Picture) -> dict[str, Any]:
    """Whether each open requirement may wait on a POA&M, and why."""
    found = picture.score
    lost = (*found.losses, *([found.gate] if found.gate else []))
    return {loss.requirement_id: eligibility(loss.requirement, partial=loss.partial) for loss in lost}
