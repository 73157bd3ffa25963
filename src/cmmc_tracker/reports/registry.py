"""The documents that are handed out by name: what each is, and the function that makes it from a snapshot alone.

A new document is a new entry here. All are made from the same thing (`services.handoff.record`), whether it is the
system as it stands now or as it was frozen: so a document of a package says what one of that moment said.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cmmc_tracker.reports import artifact_register, poam_sheet, sprs, ssp_docx, ssp_pdf
from cmmc_tracker.reports.oscal import plan, poam, results

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
JSON = "application/json"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Report:
    """A document: its media type, and what makes its bytes of a snapshot."""

    media_type: str
    make: Callable[[Mapping[str, Any]], bytes]


REPORTS: Mapping[str, Report] = {
    "artifacts.xlsx": Report(XLSX, artifact_register.make),
    "oscal-assessment-results.json": Report(JSON, results.make),
    "oscal-poam.json": Report(JSON, poam.make),
    "oscal-ssp.json": Report(JSON, plan.make),
    "poam.xlsx": Report(XLSX, poam_sheet.make),
    "sprs.json": Report(JSON, sprs.make),
    "ssp.docx": Report(DOCX, ssp_docx.make),
    "ssp.pdf": Report(PDF, ssp_pdf.make),
}
