"""The documents to read: readiness report, briefing, front binder and SPRS worksheet, read back by another program."""

import io
import json
from subprocess import CalledProcessError
from threading import BoundedSemaphore
from typing import Any

import pypdfium2
import pytest

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.errors import Busy
from cmmc_tracker.reports import blocks as pdf_blocks
from cmmc_tracker.reports import pdf
from cmmc_tracker.reports.registry import REPORTS

PAPERS = ["binder.pdf", "briefing.pdf", "readiness.pdf", "sprs.pdf"]


def words(made: bytes) -> str:
    """The words of a PDF, with one blank between them."""
    found = " ".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(made)).split()
    return " ".join(found).replace("\u200b", "").replace("\ufffe", "")


def whole(document: pypdfium2.PdfDocument) -> list[str]:
    return [one.get_title() for one in document.get_toc()]


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_tagged_has_bookmarks_and_brings_its_fonts(demo_snapshot: dict[str, Any], name: str) -> None:
    made = REPORTS[name].make(demo_snapshot)
    document = pypdfium2.PdfDocument(made)
    assert len(list(document.get_toc())) >= 2
    assert b"/StructTreeRoot" in made
    assert b"pdfuaid" in made or b"/MarkInfo" in made
    assert made.count(b"/FontFile") >= 1
    assert "Halvorsen main enclave (demo)" in words(made)
    assert "PROVISIONAL: 90 of 320 objectives not assessed" in words(made)


@pytest.mark.parametrize("name", PAPERS)
def test_the_same_snapshot_gives_the_same_bytes(demo_snapshot: dict[str, Any], name: str) -> None:
    made = REPORTS[name].make(demo_snapshot)
    assert REPORTS[name].make(json.loads(json.dumps(demo_snapshot))) == made


@pytest.mark.parametrize("name", PAPERS)
def test_an_older_snapshot_has_it_too(demo_snapshot: dict[str, Any], name: str) -> None:
    for later in ("readiness", "drift"):
        del demo_snapshot[later]
    del demo_snapshot["score"]["met_without_final_evidence"]
    assert REPORTS[name].make(demo_snapshot).startswith(b"%PDF")


def test_the_readiness_report_names_every_finding_and_no_percentage(demo_snapshot: dict[str, Any]) -> None:
    said = words(REPORTS["readiness.pdf"].make(demo_snapshot))
    assert demo_snapshot["readiness"] in said
    assert "%" not in said
    squeezed = said.replace(" ", "")
    for one in demo_snapshot["not_ready"]:
        assert one["sentence"].replace(" ", "") in squeezed
        assert (f"{one['requirement']}[{one['letter']}]" if one["letter"] else one["requirement"]) in squeezed


def test_the_briefing_is_one_page_however_much_there_is_to_say(demo_snapshot: dict[str, Any]) -> None:
    many = [f"{o.id}: MET then, NOT MET now" for r in load().requirements for o in r.objectives]
    full = demo_snapshot | {"drift": many, "readiness": "x " * 2_000, "organization": "O" * 200}
    full["system"] = demo_snapshot["system"] | {"name": "System " * 28, "cage_codes": "1ABC2 " * 50}
    made = REPORTS["briefing.pdf"].make(full)
    assert len(pypdfium2.PdfDocument(made)) == 1
    assert "320 objectives stand otherwise than in the package of record." in words(made)
    assert "And 314 more" in words(made)


def test_the_briefing_says_what_the_page_of_the_status_says(demo_snapshot: dict[str, Any]) -> None:
    said = words(REPORTS["briefing.pdf"].make(demo_snapshot))
    score = demo_snapshot["score"]
    assert f"Found now: {score['score']} of 110; that supports {score['supports']}" in said
    assert f"{score['met_without_final_evidence']} objectives are MET without an approved artifact." in said
    assert demo_snapshot["readiness"] in said
    assert "NOT MET and barred from the POA&M: " in said


def test_the_binder_has_what_an_assessor_asks_for_first(demo_snapshot: dict[str, Any]) -> None:
    demo_snapshot["system"]["cage_codes"] = "1ABC2 3DEF4"
    demo_snapshot["artifacts"][0]["links"][0] |= {"locator": "section 4.2, p. 7", "shows": "who may sign in"}
    made = REPORTS["binder.pdf"].make(demo_snapshot)
    said = words(made)
    for provider in demo_snapshot["providers"]:
        assert provider["name"] in said
        assert provider["contact"] in said
    for asset in demo_snapshot["assets"]:
        assert asset["name"] in said
    assert "1ABC2, 3DEF4" in said
    assert "section 4.2, p. 7" in said
    assert "Network diagram" in said
    drawn = next(one for one in demo_snapshot["artifacts"] if one["kind"] == "diagram")
    assert drawn["files"][0]["sha256"] in said.replace(" ", "")
    assert [one for one in whole(pypdfium2.PdfDocument(io.BytesIO(made))) if one[:2].strip().isdigit()] == [
        *("1 Assessment scope", "2 Diagrams", "3 Asset inventory", "4 External service providers"),
        *("5 System security plan", "6 CAGE codes, statuses and people", "7 What does not apply"),
        *("8 Enduring exceptions and temporary deficiencies", "9 Where to look in each artifact"),
    ]


def test_the_worksheet_names_every_requirement_and_what_is_to_be_filled_in(demo_snapshot: dict[str, Any]) -> None:
    said = words(REPORTS["sprs.pdf"].make(demo_snapshot))
    assert [one.id for one in load().requirements if f"{one.id} {one.title}" not in said] == []
    assert "Employee count: not recorded" in said


def test_so_many_documents_are_set_at_once_and_a_failed_one_gives_its_turn_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = pdf.Paper("A title", "A system", "An organization", "2026-11-28 10:00:00 UTC", (), "", (), cover=False)
    monkeypatch.setattr(pdf, "_PATIENCE", 0.05)
    monkeypatch.setattr(pdf, "_children", BoundedSemaphore(1))
    with pdf._children, pytest.raises(Busy, match="Too many documents"):
        pdf.typeset(made, "2026-11-28T10:00:00Z")
    monkeypatch.setattr(pdf, "_SOURCE", "#panic()")
    for _ in range(2):
        with pytest.raises(CalledProcessError):
            pdf.typeset(made, "2026-11-28T10:00:00Z")
    monkeypatch.undo()
    assert pdf.typeset(made, "2026-11-28T10:00:00Z").startswith(b"%PDF-")


def test_what_people_typed_is_never_source_of_a_document(demo_snapshot: dict[str, Any]) -> None:
    evil = '#read("/etc/hostname") $x$ *bold* = head <label> @ref #eval("1+1") `raw` // \\ [#image("/x.png")]'
    made = pdf.paper(
        demo_snapshot, evil, [pdf_blocks.heading(2, evil), pdf_blocks.paragraph(evil), pdf_blocks.fact(evil, evil)]
    )
    shown = words(pdf.typeset(made, demo_snapshot["frozen_at"]))
    assert shown.count('#read("/etc/hostname") $x$ *bold*') >= 3
    assert '#eval("1+1")' in shown
