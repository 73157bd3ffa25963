"""The documents that are handed out by name: what each is, and the function that makes it from a snapshot alone.

A new document is a new entry here. All are made from the same thing (`services.handoff.record`), whether it is the
system as it stands now or as it was frozen: so a document of a package says what one of that moment said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.reports import (
    artifact_register,
    asset_sheet,
    audit_extract,
    binder_pdf,
    briefing_pdf,
    matrix_sheet,
    objective_workbook,
    poam_sheet,
    readiness_pdf,
    sprs,
    sprs_sheet,
    ssp_docx,
    ssp_pdf,
)
from cmmc_tracker.reports.oscal import plan, poam, results

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
JSON = "application/json"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Report:
    """A document: its media type, and what makes its bytes of a snapshot.

    One that is `optional` raises `Conflict` for a snapshot that it cannot be of: a package goes without it then. Of no
    other document may a package be without. One `of_log` is of the audit log, too, of which a snapshot keeps the head
    only: an `audit_extract.Extract` stands beside it then. One that `shows` draws the diagrams, whose pictures stand
    beside the snapshot then.
    """

    media_type: str
    make: Callable[[Mapping[str, Any]], bytes]
    optional: bool = False
    of_log: bool = False
    shows: bool = False


REPORTS: Mapping[str, Report] = {
    "artifacts.csv": Report(CSV, artifact_register.make_csv),
    "artifacts.xlsx": Report(XLSX, artifact_register.make),
    "assets.xlsx": Report(XLSX, asset_sheet.make),
    "audit-log.csv": Report(CSV, audit_extract.make, optional=True, of_log=True),
    "binder.pdf": Report(PDF, binder_pdf.make, shows=True),
    "briefing.pdf": Report(PDF, briefing_pdf.make),
    "objectives.xlsx": Report(XLSX, objective_workbook.make),
    "oscal-assessment-results.json": Report(JSON, results.make),
    "oscal-poam.json": Report(JSON, poam.make, optional=True),
    "oscal-ssp.json": Report(JSON, plan.make),
    "poam.xlsx": Report(XLSX, poam_sheet.make),
    "readiness.pdf": Report(PDF, readiness_pdf.make),
    "responsibility-matrix.xlsx": Report(XLSX, matrix_sheet.make),
    "sprs.json": Report(JSON, sprs.make),
    "sprs.pdf": Report(PDF, sprs_sheet.make_pdf),
    "sprs.xlsx": Report(XLSX, sprs_sheet.make),
    "ssp.docx": Report(DOCX, ssp_docx.make),
    "ssp.pdf": Report(PDF, ssp_pdf.make),
}
