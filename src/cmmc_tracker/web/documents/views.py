"""All documents of a system in one place; what stands at their head; the organization's own template of the plan."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cmmc_tracker.domain import plan_template
from cmmc_tracker.domain.artifacts import LONGEST_TITLE
from cmmc_tracker.domain.permissions import Action, Right, allow
from cmmc_tracker.domain.system_facts import ScopeKind, SystemFacts
from cmmc_tracker.domain.text import clean_line
from cmmc_tracker.errors import Invalid, NotFound, Stale, UnsupportedType
from cmmc_tracker.gate import uploads
from cmmc_tracker.gate.content import attached
from cmmc_tracker.gate.doors import actor, installation, open_read, open_write, system
from cmmc_tracker.gate.etag import form_version
from cmmc_tracker.gate.forms import files_of, take_in
from cmmc_tracker.reports.registry import DOCX
from cmmc_tracker.services import exports, system_facts, trash
from cmmc_tracker.services.exports import Document
from cmmc_tracker.services.ssp import templates

pages = Blueprint("documents", __name__, url_prefix="/systems/<slug>/documents")
_FACTS = ("cage_codes", "scope_kind", "scope_name", "employees", "contracts", "in_use_since")
LISTED = (
    (
        "To read",
        (
            ("binder.pdf", "Front binder", "scope, diagrams, inventory, providers with contacts, what does not apply"),
            ("readiness.pdf", "Readiness report", "what our own checks find open"),
            ("briefing.pdf", "Briefing for the affirming official", "one page"),
            ("ssp.pdf", "System security plan", "accessible PDF"),
            ("ssp.docx", "System security plan", "Word, in your own template where there is one"),
        ),
    ),
    (
        "For SPRS",
        (
            ("sprs.pdf", "SPRS worksheet", "pages to type from"),
            ("sprs.xlsx", "SPRS worksheet", "workbook"),
            ("sprs.json", "SPRS worksheet", "JSON"),
        ),
    ),
    (
        "Workbooks and lists",
        (
            ("objectives.xlsx", "Objective workbook", "every objective with finding, methods, evidence, where to look"),
            ("poam.xlsx", "POA&M", "items of both plans"),
            ("artifacts.xlsx", "Artifact register", "by objective and by file, as the CMMC eMASS asks"),
            ("artifacts.csv", "Artifact register", "CSV, by file"),
            ("assets.xlsx", "Asset inventory", "with the headings that the import reads"),
            ("responsibility-matrix.xlsx", "Customer responsibility matrix", "by objective and provider"),
            ("audit-log.csv", "Audit log", "what was done in this system, by whom and when, with the log's hashes"),
        ),
    ),
    (
        "OSCAL, for other programs",
        (
            ("oscal-ssp.json", "System security plan", "OSCAL 1.2.1"),
            ("oscal-assessment-results.json", "Assessment results", "OSCAL 1.2.1"),
            ("oscal-poam.json", "POA&M", "OSCAL 1.2.1; needs at least one item"),
        ),
    ),
)


@pages.url_value_preprocessor
def _enter(_endpoint: str | None, values: dict[str, str] | None) -> None:
    g.slug = (values or {}).pop("slug", "")


@pages.before_request
def _known() -> None:
    g.system = system(g.slug)


@pages.get("")
def show() -> ResponseReturnValue:
    """Every document by its name, the facts, the template."""
    return _page()


def _page(form: str = "", errors: Mapping[str, str] | None = None, given: Mapping[str, Any] | None = None) -> str:
    """`form` is the one that was refused: `facts`, `template`, or `stale` where somebody else was quicker."""
    with open_read() as work:
        facts, version = system_facts.of(work, g.system)
        template = templates.of(work, g.system)
    now = {name: getattr(facts, name) or "" for name in _FACTS}
    return render_template(
        "documents/show.html",
        room="packages",
        listed=_offered(),
        given={**now, **(given or {})},
        version=version,
        template=template,
        form=form,
        errors=errors or {},
        kinds=list(ScopeKind),
        texts=plan_template.TEXTS,
        blocks=plan_template.BLOCKS,
        may_edit=Right.CONTRIBUTE in g.system.rights,
    )


def _offered() -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The documents that this person may have."""
    return [(title, [one for one in some if exports.may_have(actor(), g.system, one[0])]) for title, some in LISTED]


@pages.post("/facts")
def save_facts() -> ResponseReturnValue:
    """Save what stands at the head of the documents."""
    allow(actor(), Action.SCOPE_EDIT, g.system)
    given = {name: request.form.get(name, "") for name in _FACTS}
    try:
        with open_write() as work:
            wanted = SystemFacts.parse(given, work.today)
            changed = system_facts.change(work, g.system, wanted, form_version())
    except Invalid as error:
        return _page("facts", error.fields, given), 422
    except Stale:
        return _page("stale", given=given), 412
    flash("Saved." if changed else "Nothing was different.")
    return redirect(url_for(".show", slug=g.slug), code=302)


@pages.get("/template")
def template() -> ResponseReturnValue:
    """The template as it was sent."""
    with open_read() as work:
        found = templates.of(work, g.system)
    if found is None:
        raise NotFound("There is no template here.")
    return attached(Document(found.filename, DOCX, found.content))


@pages.post("/template")
def put_template() -> ResponseReturnValue:
    """Keep a template that was sent, in the place of the one before."""
    allow(actor(), Action.IMPLEMENTATION_EDIT, g.system)
    files = files_of()
    if len(files) != 1:
        return _page("template", {"file": "Please choose one file first. Nothing was kept."}), 422
    name = clean_line(files[0].filename or "")[:LONGEST_TITLE]
    try:
        content = _content(files[0])
        with open_write() as work:
            exports.put_template(work, g.system, name, content, form_version())
    except Invalid as error:
        return _page("template", error.fields), 422
    except UnsupportedType as error:
        return _page("template", {"file": error.message}), 415
    except Stale:
        return _page("stale"), 412
    flash(f"{name} is the template of the plan now: ssp.docx is filled into it.")
    return redirect(url_for(".show", slug=g.slug), code=302)


def _content(file: Any) -> bytes:
    """The bytes of a file that is not kept in the store; what cannot be a template is not read whole."""
    here, kept = installation(), []
    try:
        received = take_in(file)
        kept.append(received.sha256)
        if received.size > plan_template.LARGEST:
            most = plan_template.LARGEST // 1_048_576
            raise Invalid({"file": f"A template has at most {most} MB. Nothing was kept."})
        with here.blobs.open(received.sha256) as content:
            return content.read()
    finally:
        uploads.finish()
        trash.let_go(here.tracker, kept)


@pages.post("/template/remove")
def remove_template() -> ResponseReturnValue:
    """Take the template away."""
    try:
        with open_write() as work:
            templates.remove(work, g.system, form_version())
    except Stale:
        return _page("stale"), 412
    flash("The template is gone: ssp.docx has our own form again.")
    return redirect(url_for(".show", slug=g.slug), code=302)
