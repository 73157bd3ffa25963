"""The security plan as a Word file and a PDF: they say what the plan says, and nothing typed breaks them."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import insert, select, update

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import Basis, Held
from cmmc_tracker.reports import ssp_docx, ssp_pdf
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.reports.ssp_content import content
from cmmc_tracker.services import systems as services
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.scope import providers
from cmmc_tracker.services.ssp import versions
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, findings, implementations, memberships, plan_items, specials, systems
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, acting, linked_artifact, made, somebody

BOTH = pytest.mark.parametrize("name", ["ssp.docx", "ssp.pdf"])
HOSTILE = {
    "control signs": "a\x00b\x0bc\x1b[31m\x7f",
    "no characters": "\ud800 \ufffe \uffff \ufdd0",
    "character references": "&#0; &#xd800; &#xfffe; &#x202e; &lt;",
    "directions": "\u202eevil\u2066 \u200f\u061c",
    "foreign scripts": "漢字 ไทย العربية עברית \U0001f600 \U0010ffff",
    "typst": '#panic() #sys.inputs $x$ @ref <label> = head `raw` \\u{41} */ #include "/etc/passwd"',
    "XML": "]]> <w:p/> <script>alert(1)</script> &amp; <!-- x",
    "a long word": "x" * 100_000,
    "many looks": "**a** _b_ " * 2_000,
    "a long cell": "|a|b|\n|-|-|\n|" + "y" * 100_000 + "|c|",
    "many columns": "|" + "a|" * 500 + "\n|" + "-|" * 500 + "\n|" + "b|" * 500,
    "an uneven table": "|a|b|\n|-|-|\n|1|\n|1|2|3|4|",
    "pictures": "![alt](http://evil.example/x.png) ![](file:///etc/passwd)",
    "deep lists": "".join("  " * n + "- x\n" for n in range(100)) + ">" * 100 + " q",
    "odd lists": "999999999. a\n\n- \n\n1. ```\n   code\n   ```\n2. x\n   1. y\n",
    "line ends": "a\u2028b\u2029c\x85d\r\ne  \nf",
    "references": "[[artifact:999]] [[artifact:1]] [[asset:999999999999999999]] [[artifact:x]]",
}


def picture(tracker: Tracker, actor: Actor, slug: str = "main") -> dict[str, Any]:
    with tracker.read(actor) as work:
        return packages.picture(work, actor.systems[slug])


@pytest.fixture
def shown(demo_snapshot: dict[str, Any]) -> dict[str, Any]:
    """The demo, whole."""
    return demo_snapshot


def of_word(made: bytes) -> str:
    """The words of a Word file, cells too."""
    document = Document(io.BytesIO(made))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(one.text for one in document.paragraphs), *cells])


def of_pdf(made: bytes) -> str:
    """The words of a PDF, with one blank between them."""
    document = pypdfium2.PdfDocument(made)
    words = " ".join(page.get_textpage().get_text_bounded() for page in document).split()
    return " ".join(words).replace("\u200b", "").replace("\ufffe", "")


READ: dict[str, Callable[[bytes], str]] = {"ssp.docx": of_word, "ssp.pdf": of_pdf}


@BOTH
def test_it_says_what_the_plan_says(shown: dict[str, Any], name: str) -> None:
    words = " ".join(READ[name](REPORTS[name].make(shown)).split())
    said = [
        *("Halvorsen main enclave (demo)", "PROVISIONAL: 90 of 320 objectives not assessed.", "2 Boundary"),
        *("The enclave holds the drawings", "HPP-FS1 file server", "Bluewater Portal", "Annex B", "5.14 "),
        *("AC.L2-3.1.1 Authorized Access Control", "Partially implemented", "NOT MET", "Access control policy"),
        *("The rights of each role stand in the role matrix", "POA&M, to be completed by", "CUI Asset"),
        "Two workstations of engineering were replaced by the same model",
    ]
    assert [one for one in said if one not in words] == []
    assert "**" not in words
    places = [words.rindex(one["id"] + " " + one["title"]) for one in shown["plan"]["requirements"]]
    assert places == sorted(places)
    assert len(places) == 110


@BOTH
def test_what_shows_the_basis_of_a_cloud_service_is_named_also_where_it_is_no_evidence(
    tracker: Tracker, actor: Actor, name: str
) -> None:
    proof = made(tracker, actor, title="Body of evidence of Northwind")
    entry = ProviderEntry(
        *("Northwind", True, Held.CUI),
        basis=Basis.EQUIVALENT,
        basis_link="https://northwind.example/",
        basis_artifact_id=proof,
    )
    with tracker.write(actor) as work:
        providers.add(work, actor.systems["main"], entry)
    found = picture(tracker, actor)
    assert found["artifacts"] == []
    said = "FedRAMP Moderate equivalent, shown by Body of evidence of Northwind and https:"
    assert said in " ".join(READ[name](REPORTS[name].make(found)).split())
    sheet = load_workbook(io.BytesIO(REPORTS["responsibility-matrix.xlsx"].make(found)))["Providers"]
    head, row = sheet.iter_rows(values_only=True)
    assert row[head.index("FedRAMP evidence")] == f"Artifact {proof}: Body of evidence of Northwind"


@BOTH
def test_a_record_of_before_that_names_no_such_artifact_has_its_documents(shown: dict[str, Any], name: str) -> None:
    words = READ[name](REPORTS[name].make(shown))
    del shown["named"]
    for one in shown["providers"]:
        del one["basis_artifact_id"]
    assert READ[name](REPORTS[name].make(shown)) == words
    assert REPORTS["responsibility-matrix.xlsx"].make(shown)


@BOTH
def test_every_table_has_a_number_and_says_what_it_is(shown: dict[str, Any], name: str) -> None:
    words = " ".join(READ[name](REPORTS[name].make(shown)).split())
    tables = [one for one in content(shown).blocks if one["kind"] == "table"]
    assert [one["number"] for one in tables] == list(range(1, len(tables) + 1))
    captions = [f"Table {one['number']}: {one['caption']}" for one in tables]
    assert [one for one in captions if one not in words] == []
    assert "Table 1: From the text of 1.2 Roles" in captions
    assert "Values that the organization defines, AC.L2-3.1.8" in words
    if name.endswith("docx"):
        assert of_xml(REPORTS[name].make(shown)).count("SEQ Table") == len(tables)


def of_xml(made: bytes) -> str:
    """The text of a Word file's main part as it lies there."""
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        return archive.read("word/document.xml").decode()


@BOTH
def test_the_same_snapshot_gives_the_same_bytes(
    shown: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = REPORTS[name].make(shown)
    later = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: later)
    again = json.loads(json.dumps(shown))
    assert REPORTS[name].make(again) == made
    assert REPORTS[name].make({**again, "frozen_at": "2030-01-01T00:00:00Z"}) != made


@BOTH
def test_a_new_system_has_a_plan_that_says_what_is_missing(tracker: Tracker, actor: Actor, name: str) -> None:
    words = READ[name](REPORTS[name].make(picture(tracker, actor)))
    assert "PROVISIONAL: 320 of 320 objectives not assessed." in words
    for said in ("No version of the plan was made yet.", "Not described yet.", "No asset is recorded yet."):
        assert said in words


@pytest.mark.parametrize("level", [1, 3])
def test_the_other_levels_have_their_plan(tracker: Tracker, level: int) -> None:
    bo = somebody(tracker, "bo")
    rights = dict.fromkeys(("may_contribute", "may_judge", "may_approve"), False)
    with tracker.write(OPERATOR) as work:
        made = services.create(work, "Office", level)
        work.db.execute(insert(memberships).values(system_id=made.system_id, user_id=bo.id, **rights))
    found = picture(tracker, acting(tracker, bo.id, "bo"), made.slug)
    for name, read in READ.items():
        words = " ".join(read(REPORTS[name].make(found)).split())
        assert [one.id for one in load(level).requirements if f"{one.id} {one.title}" not in words] == []


@BOTH
def test_nothing_is_provisional_where_all_is_assessed(tracker: Tracker, actor: Actor, name: str) -> None:
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(findings).values(status="met", judged_at=work.now))
    assert "PROVISIONAL" not in READ[name](REPORTS[name].make(picture(tracker, actor)))


@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_people_typed_both_documents_open(tracker: Tracker, kind: str) -> None:
    text = HOSTILE[kind]
    line = text[:300]
    bo = somebody(tracker, "bo")
    linked_artifact(tracker, bo, "Policy", ("policy.txt", b"what we do"), FIRST)
    found = json.loads(json.dumps(picture(tracker, bo)))
    found["system"] |= {"name": line, "contracts": text, "cage_codes": line}
    found |= {"organization": line, "assets": [_asset(text)], "changes": [_change(text)]}
    found["artifacts"][0] |= {"title": line, "kind": "diagram"}
    found["plan"]["sections"] = [{"name": "description", "text": text}, {"name": "roles", "text": text}]
    found["plan"]["names"] = {"artifact:1": line}
    first = found["plan"]["requirements"][0]
    first["narrative"] = text
    first["objectives"][0] |= {"text": line, "value_name": "Value", "value": text}
    assert "AC.L2-3.1.1" in of_word(ssp_docx.make(found))
    document = pypdfium2.PdfDocument(ssp_pdf.make(found))
    assert len(document) > 10
    document[len(document) - 1].render(scale=0.1)


def _asset(text: str) -> dict[str, Any]:
    told = dict.fromkeys(("name", "owner", "location", "network", "group_name"), text)
    return {**told, "category": "cui", "cui_use": "ps", "draft": False, "on_diagram": True}


def _change(text: str) -> dict[str, Any]:
    return {"happened_on": "2026-01-01", "kind": "plan", "text": text, "settled_on": "2026-01-02", "settled": text}


def narrated(tracker: Tracker, actor: Actor, text: str) -> dict[str, Any]:
    """A system in which the first requirement is told so."""
    with tracker.write(OPERATOR) as work:
        first = implementations.c.requirement == FIRST.requirement
        work.db.execute(update(implementations).where(first).values(narrative=text))
    return picture(tracker, actor)


@BOTH
def test_markup_of_other_languages_is_text(tracker: Tracker, actor: Actor, name: str) -> None:
    text = "#strong[no] <b>no</b> $x^2$ <w:br/> #(1+1) @here // end"
    assert text in READ[name](REPORTS[name].make(narrated(tracker, actor, text)))


@BOTH
def test_a_reference_is_the_name_of_the_thing_and_its_name_is_no_markup(tracker: Tracker, name: str) -> None:
    bo = somebody(tracker, "bo")
    linked_artifact(tracker, bo, "Policy **1** <i>", ("policy.txt", b"what we do"), FIRST)
    with tracker.read(bo) as work:
        number = work.db.execute(select(artifacts.c.id)).scalar_one()
    found = narrated(tracker, bo, f"As [[artifact:{number}]] says, not [[artifact:999]].")
    assert "As Policy **1** <i> says, not (artifact 999, which is not here any more)." in READ[name](
        REPORTS[name].make(found)
    )


def test_the_word_file_has_what_word_works_with(shown: dict[str, Any]) -> None:
    made = ssp_docx.make(shown)
    document = Document(io.BytesIO(made))
    outline = [(one.style.name, one.text) for one in document.paragraphs if one.style.name.startswith("Heading")]
    assert {name for name, _ in outline} == {"Heading 1", "Heading 2", "Heading 3"}
    assert [text for name, text in outline if name == "Heading 1"][:3] == [
        *("Record of changes", "1 System identification", "2 Boundary"),
    ]
    xml = document.element.xml
    assert 'TOC \\o "1-3"' in xml
    assert xml.count("<w:tblHeader/>") == len(document.tables) > 10
    anchors = {one.get(_w("anchor")) for one in document.element.iter(_w("hyperlink"))}
    assert anchors == {one.get(_w("name")) for one in document.element.iter(_w("bookmarkStart"))}
    assert "PAGE" in document.sections[0].footer._element.xml
    assert "Halvorsen" in document.sections[0].header.paragraphs[0].text
    about = document.core_properties
    instant = shown["frozen_at"].removesuffix("Z")
    assert about.created is not None
    assert about.modified is not None
    assert about.created.isoformat().startswith(instant)
    assert about.modified.isoformat().startswith(instant)
    assert (about.language, about.title) == ("en-US", "System security plan: Halvorsen main enclave (demo)")
    assert 'w:lang w:val="en-US"' in zipfile.ZipFile(io.BytesIO(made)).read("word/styles.xml").decode()


def _w(name: str) -> str:
    return f"{{http://schemas.openxmlformats.org/wordprocessingml/2006/main}}{name}"


def test_lists_of_the_word_file_count_for_themselves(tracker: Tracker, actor: Actor) -> None:
    text = "3. c\n   1. under\n4. d\n\nBetween.\n\n1. a\n2. b\n\n- x\n  - y"
    document = Document(io.BytesIO(ssp_docx.make(narrated(tracker, actor, text))))
    numbered = [one for one in document.paragraphs if one.style.name == "List Number"]
    of = {one.text: one._p.pPr.numPr.numId.val for one in numbered}
    assert of["c"] == of["d"] != of["under"]
    assert of["a"] == of["b"] not in {of["c"], of["under"]}
    assert [one.text for one in document.paragraphs if one.style.name == "List Bullet"][:2] == ["x", "y"]


def test_the_pdf_is_tagged_with_bookmarks_and_its_own_fonts(shown: dict[str, Any]) -> None:
    made = ssp_pdf.make(shown)
    document = pypdfium2.PdfDocument(made)
    assert document.is_tagged()
    assert b"<pdfuaid:part>1</pdfuaid:part>" in made
    assert b"/Lang(en-US)" in made
    about = document.get_metadata_dict()
    assert about["Title"] == "System security plan: Halvorsen main enclave (demo)"
    assert about["CreationDate"].startswith("D:" + shown["frozen_at"][:10].replace("-", ""))
    titles = [(one.level, one.get_title()) for one in document.get_toc()]
    assert (0, "2 Boundary") in titles
    assert (2, "AC.L2-3.1.1 Authorized Access Control") in titles
    assert b"/FontFile" in made


def test_signs_without_a_font_are_said_on_the_title_page(tracker: Tracker, actor: Actor) -> None:
    assert "no font" not in of_pdf(ssp_pdf.make(narrated(tracker, actor, "Ж é ü")))
    made = ssp_pdf.make(narrated(tracker, actor, "Nobody draws this: \U0010fffd"))
    assert "This machine has no font for some of the signs" in of_pdf(made)
    assert pypdfium2.PdfDocument(made).is_tagged()


def test_versions_exceptions_and_what_does_not_apply(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(actor) as work:
        versions.make(work, actor.systems["main"], "First edition")
    at = {"system_id": 1, "requirement": FIRST.requirement, "letter": "a"}
    with tracker.write(OPERATOR) as work:
        here = findings.c.requirement == FIRST.requirement
        work.db.execute(update(findings).where(here, findings.c.letter == "a").values(status="met"))
        values = {"status": "not_applicable", "note": "No modems here.", "judged_at": work.now}
        work.db.execute(update(findings).where(here, findings.c.letter == "b").values(**values))
        special = {"basis": "enduring_exception", "description": "An old mill.", "mitigation": "It stands alone."}
        work.db.execute(insert(specials).values(**at, **special, recorded_at=work.now))
        item = {"system_id": 1, "requirement": FIRST.requirement, "kind": "poam", "weakness": "Weak.", "owner": "Bo"}
        work.db.execute(insert(plan_items).values(**item, created_at=work.now))
        work.db.execute(update(systems).values(cage_codes="1ABC2 3DEF4"))
    found = picture(tracker, actor)
    for name, read in READ.items():
        words = " ".join(read(REPORTS[name].make(found)).split())
        for said in ("First edition", "No modems here.", "An old mill.", "It stands alone.", "1ABC2, 3DEF4", "Weak."):
            assert said in words, (name, said)
        assert f"{FIRST.requirement}[a]: enduring exception" in words
        assert "[a] MET (enduring exception); [b] N/A" in words


def test_every_block_is_plain_data(shown: dict[str, Any]) -> None:
    blocks = content(shown).blocks
    assert json.loads(json.dumps(blocks)) == list(blocks)
    kinds = {one["kind"] for one in blocks}
    assert kinds == {"heading", "minor", "paragraph", "fact", "item", "table"}
