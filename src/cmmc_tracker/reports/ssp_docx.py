"""The system security plan as a Word file, which an organization may go on working with."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cmmc_tracker.domain import plan_source
from cmmc_tracker.reports import ssp_template
from cmmc_tracker.reports.pdf import Paper
from cmmc_tracker.reports.ssp_content import content
from cmmc_tracker.reports.word import Writer, carry, contents, element, field, headings, opened, par, run, saved

_LONGEST_PROPERTY = 255  # characters, of python-docx
_TAB = 9_360


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The document of a snapshot, in the organization's own template where it has one; the same bytes each time."""
    template = snapshot.get("template")
    if template:
        return ssp_template.fill(base64.b64decode(template["content"]), snapshot)
    plan = content(snapshot)
    document = opened()
    writer = Writer(document)
    found = headings(plan.blocks)
    _title(writer, plan)
    writer.add(par("ContentsTitle", run("Contents")), *contents(found))
    writer.add(par("", element("r", element("br", type="page"))))
    writer.write(plan.blocks, iter(found))
    carry(document, plan_source.ELEMENT, plan_source.kept(plan.sources))
    _edges(document.sections[0], plan)
    about = document.core_properties
    about.title = f"{plan.title}: {plan.system}"[:_LONGEST_PROPERTY]
    about.author = about.last_modified_by = (plan.organization or "not recorded")[:_LONGEST_PROPERTY]
    about.subject, about.comments, about.keywords = plan.title, plan.provisional, "CMMC"
    return saved(document, datetime.fromisoformat(snapshot["frozen_at"]))


def _title(writer: Writer, plan: Paper) -> None:
    """The title page."""
    space = element("spacing", before=2_400, after=120)
    writer.add(par("BodyText", run(plan.organization), spacing=space))
    writer.add(par("Title", run(plan.title)), par("Subtitle", run(plan.system)))
    if plan.provisional:
        writer.add(par("Minor", run(plan.provisional)))
    writer.add(*(par("Fact", run(f"{label}: ", {"bold": True}), run(value)) for label, value in plan.facts))
    writer.add(par("", element("r", element("br", type="page"))))


def _edges(section: Any, plan: Paper) -> None:
    """Header and footer, with the page's number."""
    mark = "PROVISIONAL" if plan.provisional else ""
    _only(section.header, _sides("Header", [run(f"{plan.title}: {plan.system}")], [run(mark)]))
    page = [run("Page "), *field("PAGE", "1"), run(" of "), *field("NUMPAGES", "1")]
    _only(section.footer, _sides("Footer", [run(f"As of {plan.at}")], page))


def _sides(style: str, left: Sequence[Any], right: Sequence[Any]) -> Any:
    """A paragraph with something at its left and at its right; the style's own stop in the middle is taken away."""
    tabs = element("tabs", element("tab", val="clear", pos=_TAB // 2), element("tab", val="right", pos=_TAB))
    return par(style, *left, element("r", element("tab")), *right, tabs=tabs)


def _only(part: Any, paragraph: Any) -> None:
    """Put one paragraph in the place of those of a header or footer."""
    part.is_linked_to_previous = False
    for one in list(part._element):  # noqa: SLF001 python-docx has no other way to its element
        part._element.remove(one)  # noqa: SLF001
    part._element.append(paragraph)  # noqa: SLF001
