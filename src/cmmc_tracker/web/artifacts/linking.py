"""Linking: an artifact to many objectives, many artifacts to an objective, away again, and undo of all of it."""

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.catalog import ObjectiveId, parse_objective_id
from cmmc_tracker.domain.choosing import objectives_about
from cmmc_tracker.domain.permissions import Access, Action, Right, allow
from cmmc_tracker.errors import Invalid, Malformed
from cmmc_tracker.gate.doors import actor, open_read, open_write
from cmmc_tracker.gate.forms import system_for, targets_of
from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services import artifact_list, artifact_views, artifacts, bulk, links, undoing
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.artifact_views import Artifact
from cmmc_tracker.services.links import Target
from cmmc_tracker.web.artifacts.views import pages, several
from cmmc_tracker.web.undo import LINKS, TRASH, fields_of, said


@pages.get("/artifacts/picker")
def picker() -> ResponseReturnValue:
    """Find an artifact to link to an objective; a part of a page when a script asks."""
    home = system_for(actor(), request.args.get("system", ""))
    objective = parse_objective_id(request.args.get("objective", ""))
    text = request.args.get("q", "")[:200]
    with open_read() as work:
        found, _ = artifact_list.page(work, ArtifactFilter(text=text, limit=12))
    template = "artifacts/picked.html" if request.headers.get("X-Part") else "artifacts/picker.html"
    return render_template(template, room="requirements", home=home, objective=objective, artifacts=found, text=text)


@pages.post("/artifacts/picker")
def link_picked() -> ResponseReturnValue:
    """Link the chosen artifacts, or the one whose own button was pressed, to an objective, all in one go."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    objective = parse_objective_id(form.get("objective", ""))
    [target] = targets_of(home, [str(objective)], form.get("locator", ""), form.get("shows", ""))
    texts = form.getlist("only") or form.getlist("artifact")
    ids = [int(one) for one in texts if one.isascii() and one.isdecimal() and len(one) <= 15]
    if not ids or len(ids) > bulk.MOST:
        raise Invalid({"artifact": f"Choose 1 to {bulk.MOST:,} artifacts. Nothing was linked."})
    with open_write() as work:
        new = links.link_many(work, ids, [target])
        fields = fields_of(LINKS, work) if new else {}
    count = "1 artifact is" if new == 1 else f"{new} artifacts are"
    told = f"{count} linked to {objective}." if new else f"What you chose was linked to {objective} already."
    return said(told, fields, _objective_url(home.slug, objective))


def _objective_url(slug: str, one: ObjectiveId) -> str:
    anchor = f"objective-{one.letter}"
    return url_for("requirements.show", slug=slug, requirement=one.requirement, objective=one.letter, _anchor=anchor)


@pages.post("/artifacts/<int:artifact_id>/link")
def link(artifact_id: int) -> ResponseReturnValue:
    """Link an artifact to objectives of a system."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    named = [word for text in form.getlist("objective") for word in text.replace(",", " ").split()]
    if not named:
        raise Invalid({"objective": "Please name an objective, such as 3.1.1[a]."})
    targets = targets_of(home, named, form.get("locator", ""), form.get("shows", ""))
    with open_write() as work:
        new = sum(links.link(work, artifact_id, target) for target in targets)
        fields = fields_of(LINKS, work) if new else {}
    told = f"Linked to {several([str(one.objective) for one in targets])}." if new else "It was linked there already."
    return said(told, fields, url_for(".show", artifact_id=artifact_id))


@pages.post("/artifacts/<int:artifact_id>/unlink")
def unlink(artifact_id: int) -> ResponseReturnValue:
    """Take a link away; the page offers to put it back."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    objective = parse_objective_id(form.get("objective", ""))
    with open_write() as work:
        links.unlink(work, artifact_id, home, objective)
        stays = artifacts.is_visible(work, artifact_id)
    if not stays:  # it was of another system, and this was its last link here
        flash(f"Unlinked from {objective}. It belongs to another system, so it is not shown here any more.")
        return redirect(local_path(request.form.get("next") or url_for(".index")), code=302)
    fields = {"system": home.slug, "objective": str(objective)}
    text = f"Unlinked from {objective}. The artifact itself stays."
    return said(text, fields, url_for(".show", artifact_id=artifact_id), url_for(".relink", artifact_id=artifact_id))


@pages.post("/artifacts/<int:artifact_id>/relink")
def relink(artifact_id: int) -> ResponseReturnValue:
    """Put a link back that was just taken away, with what it said."""
    home = system_for(actor(), request.form.get("system", ""))
    with open_write() as work:
        links.put_back(work, artifact_id, home, parse_objective_id(request.form.get("objective", "")))
    wanted = request.form.get("next")
    return redirect(local_path(wanted) if wanted else url_for(".show", artifact_id=artifact_id), code=302)


@pages.get("/artifacts/<int:artifact_id>/objectives")
def choose(artifact_id: int) -> ResponseReturnValue:
    """All objectives of a system to choose from, for one artifact; a part of a page when a script asks."""
    with open_read() as work:
        artifact = artifact_views.one(work, artifact_id)
    slug = request.args.get("system", "")
    home = _contributing(slug) if slug else actor().by_id(artifact.system_id) or _contributing("")
    allow(actor(), Action.ARTIFACT_LINK, home)
    return _chooser(artifact, home, {})


def _contributing(slug: str) -> Access:
    if slug:
        return system_for(actor(), slug)
    mine = [one for one in actor().systems.values() if Right.CONTRIBUTE in one.rights]
    return mine[0] if mine else next(iter(actor().systems.values()))


def _chooser(artifact: Artifact, home: Access, errors: Mapping[str, str]) -> str:
    text = request.args.get("q", "")[:200]
    part = request.headers.get("X-Part") == "chooser"
    return render_template(
        "artifacts/chooser.html" if part else "artifacts/choose.html",
        room="artifacts",
        artifact=artifact,
        home=home,
        systems=[one for one in actor().systems.values() if Right.CONTRIBUTE in one.rights],
        linked={str(one.objective) for one in artifact.links if one.system_id == home.system_id},
        text=text,
        errors=errors,
        typed=request.form,
        ticked=set(request.form.getlist("objectives")),
        back=local_path(request.values.get("next", "")[:500] or url_for(".show", artifact_id=artifact.id)),
        **choices(text, home.level),
    )


def choices(text: str, level: int) -> dict[str, object]:
    """What a template needs to show all objectives of a level, or those in which a text stands."""
    offered = {one.id for one in objectives_about(text, level=level)}
    return {"families": catalog.load(level).families, "offered": offered}


@pages.post("/artifacts/<int:artifact_id>/objectives")
def link_chosen(artifact_id: int) -> ResponseReturnValue:
    """Link an artifact to all the objectives that were chosen, in one go; what is linked already stays as it is."""
    form = request.form
    home = system_for(actor(), form.get("system", ""))
    with open_read() as work:
        artifact = artifact_views.one(work, artifact_id)
    try:
        targets = chosen_targets(home)
        with open_write() as work:
            new = links.link_many(work, [artifact_id], targets)
            fields = fields_of(LINKS, work) if new else {}
    except Invalid as error:
        return _chooser(artifact, home, error.fields), 422
    told = f"Linked to {several([str(one.objective) for one in targets])}." if new else "It was linked there already."
    return said(told, fields, url_for(".show", artifact_id=artifact_id))


def chosen_targets(home: Access) -> list[Target]:
    """The objectives that the form chose, each with what it says of the links; raises `Invalid` for none."""
    form = request.form
    targets = targets_of(home, form.getlist("objectives"), form.get("locator", ""), form.get("shows", ""))
    if not targets:
        raise Invalid({"objectives": "Choose at least one objective. Nothing was linked."})
    return targets


@pages.post("/artifacts/undo")
def undo() -> ResponseReturnValue:
    """Take back what the person just did: links that were made, artifacts put into the trash."""
    what, at = request.form.get("what", ""), request.form.get("at", "")[:40]
    acts = {LINKS: (undoing.links_of, "link", "taken away"), TRASH: (undoing.trash_of, "artifact", "restored")}
    if what not in acts:
        raise Malformed("The form does not say what to undo. Nothing was changed.")
    act, noun, verb = acts[what]
    with open_write() as work:
        done = act(work, at)
    text = f"Undone: {_counted(done.back, noun)} {'was' if done.back == 1 else 'were'} {verb}."
    if done.left:
        text += f" {_counted(done.left, noun)} stayed: somebody changed what was done there since."
    return said(text, {}, url_for(".index"))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
