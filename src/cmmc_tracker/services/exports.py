"""The documents of a system: each by its name, from the records as they are now."""

from dataclasses import dataclass

from cmmc_tracker.domain.permissions import Access, Action, Actor, allow
from cmmc_tracker.errors import Forbidden, Invalid, NotFound
from cmmc_tracker.reports.audit_extract import EXTRACT
from cmmc_tracker.reports.binder_pdf import DIAGRAMS
from cmmc_tracker.reports.registry import REPORTS, XLSX
from cmmc_tracker.services.handoff import diagrams, log_extract, packages
from cmmc_tracker.services.ssp import templates
from cmmc_tracker.services.work import Work

__all__ = ["XLSX", "Document", "document", "put_template"]
_UNFILLED = "The plan cannot be written into it: something in it is damaged. Save it anew in Word. Nothing was kept."


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is handed out."""

    name: str
    media_type: str
    content: bytes


def may_have(actor: Actor | None, system: Access, name: str) -> bool:
    """Whether somebody may have a document of a system."""
    try:
        _allow(actor, system, name)
    except Forbidden:
        return False
    return True


def _allow(actor: Actor | None, system: Access, name: str) -> None:
    """What is of the audit log is for who may freeze, and so hand it over (NIST SP 800-171, 3.3.8, 3.3.9)."""
    allow(actor, Action.SYSTEM_VIEW, system)
    if name in REPORTS and REPORTS[name].of_log:
        allow(actor, Action.AUDIT_EXTRACT, system)


def document(work: Work, system: Access, name: str) -> Document:
    """A document of a system; raises `NotFound` for a name that is none, `Forbidden` for one of the audit log."""
    _allow(work.actor, system, name)
    report = REPORTS.get(name)
    if report is None:
        raise NotFound("There is no document of that name.")
    snapshot = packages.picture(work, system)
    if report.of_log:
        snapshot[EXTRACT] = log_extract.of(work, snapshot)
    if report.shows:
        snapshot[DIAGRAMS] = diagrams.of(work.blobs, snapshot)
    return Document(f"{system.slug}-{name}", report.media_type, report.make(snapshot))


def put_template(work: Work, system: Access, filename: str, content: bytes, seen: int | None) -> None:
    """Keep a template of the plan once the plan was written into it: one that cannot be filled stops every package.

    Raises as `templates.put`, and `Invalid` naming `file` for one that cannot be filled; the caller's Work is undone.
    """
    templates.put(work, system, filename, content, seen)
    snapshot = packages.picture(work, system)
    try:
        REPORTS["ssp.docx"].make(snapshot)
    except Exception as error:
        raise Invalid({"file": _UNFILLED}) from error
