"""The plan as a Word file, read by our own import: the same texts, whatever they hold; changes made in Word count."""

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.plan_source import joined
from cmmc_tracker.domain.text import clean_text
from cmmc_tracker.importers import narratives
from cmmc_tracker.reports import ssp_docx
from cmmc_tracker.services import demo, extraction
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.ssp import taking_in
from cmmc_tracker.services.work import Tracker

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FIRST, SECOND, LAST = "AC.L2-3.1.1", "AC.L2-3.1.2", "SI.L2-3.14.7"


@pytest.fixture
def shown(tracker: Tracker, actor: Actor) -> dict[str, Any]:
    """The demo, whole."""
    demo.fill(tracker, actor)
    with tracker.read(actor) as work:
        return packages.picture(work, actor.systems["main"])


def _read(made: bytes, path: Path) -> str:
    path.write_bytes(made)
    found = extraction.extract(path, WORD, plan=True)
    assert found
    assert not found.cut
    return found.text


def _texts(found: narratives.Found) -> Mapping[str, str]:
    return {one.requirement: one.text for one in found.texts}


def _written(shown: Mapping[str, Any]) -> Mapping[str, str]:
    """What the snapshot's plan says of each requirement, as one text."""
    whole = {
        one["id"]: joined(one["narrative"], {o["letter"]: o["text"] for o in one["objectives"]})
        for one in shown["plan"]["requirements"]
    }
    return {requirement: text for requirement, text in whole.items() if text}


def test_the_demos_plan_gives_back_every_text_as_it_was_written(
    shown: dict[str, Any], tmp_path: Path, tracker: Tracker, actor: Actor
) -> None:
    found = narratives.of_lines(_read(ssp_docx.make(shown), tmp_path / "plan.docx"))
    assert _texts(found) == _written(shown)
    assert len(found.texts) >= 5
    with tracker.read(actor) as work:
        assert taking_in.compared(work, actor.systems["main"], found.texts) == []


def test_captions_are_no_text_and_may_be_numbered_anew(demo_snapshot: dict[str, Any], tmp_path: Path) -> None:
    shown = demo_snapshot
    table = "Who may enter:\n\n| who | where |\n|---|---|\n| Ada | server room |"
    text, valued = {FIRST: table, "AC.L2-3.1.8": "Locked by the domain."}, "AC.L2-3.1.8"
    _narrate(shown, text, {})
    read = _read(ssp_docx.make(shown), tmp_path / "plan.docx")
    assert f": Values that the organization defines, {valued}" in read
    assert f": From the text of {FIRST}" in read
    counted = re.sub(r"Table (\d+):", lambda found: f"Table {int(found[1]) + 1}:", read)
    assert counted != read
    assert _texts(narratives.of_lines(counted)) == text
    changed = counted.replace("Who may enter:", "Who may go in:").replace("Locked by the", "Locked by our")
    told = _texts(narratives.of_lines(changed))
    assert told[FIRST].split("\n\n") == ["Who may go in:", "who", "where", "Ada", "server room"]
    assert told[valued] == "Locked by our domain."


def _narrate(shown: dict[str, Any], texts: Mapping[str, str], objectives: Mapping[str, str]) -> None:
    """Let the plan say these narratives and nothing else, and by objective of the second one these texts."""
    for one in shown["plan"]["requirements"]:
        one["narrative"] = texts.get(one["id"], "")
        for objective in one["objectives"]:
            objective["text"] = objectives.get(objective["letter"], "") if one["id"] == SECOND else ""


_MARKDOWN = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "**Bold** and _italic_, `code`",
            "- one\n- two\n  1. three",
            "| a | b |\n|---|---|\n| 3.1.2 | x |",
            "3.1.2 begins a line\n\nAC.L2-3.1.5[a] too",
            "Artifacts\n\nFinding: MET\n\nHow it is implemented",
            "See [[artifact:1]] and [[provider:1]].",
            "```\n3.1.3 code\n```",
            "<script>alert(1)</script>",
            "# 6 Heading\n\n5 Requirements and more",
        ]
    ),
).map(clean_text)


def test_whatever_the_texts_hold_they_are_read_back_as_they_were_written(
    read_back: tuple[dict[str, Any], Path],
) -> None:
    shown, path = read_back

    # A whole document and a child process each: few examples, and a failing one is not made smaller for minutes.
    @settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    @given(st.lists(_MARKDOWN, min_size=3, max_size=3), st.dictionaries(st.sampled_from("ab"), _MARKDOWN, max_size=2))
    def holds(texts: list[str], objectives: dict[str, str]) -> None:
        _narrate(shown, dict(zip((FIRST, SECOND, LAST), texts, strict=True)), objectives)
        assert _texts(narratives.of_lines(_read(ssp_docx.make(shown), path))) == _written(shown)

    holds()


@pytest.fixture
def read_back(demo_snapshot: dict[str, Any], tmp_path: Path) -> tuple[dict[str, Any], Path]:
    """A snapshot whose plan may be written anew, and where its document may lie."""
    return demo_snapshot, tmp_path / "plan.docx"


def test_what_somebody_changed_in_word_counts_and_the_rest_is_as_it_was_written(
    read_back: tuple[dict[str, Any], Path],
) -> None:
    shown, path = read_back
    _narrate(shown, {FIRST: "The **office** keeps it.\n\n- one", LAST: "**Last**."}, {"b": "By _role_."})
    document = Document(io.BytesIO(ssp_docx.make(shown)))
    for paragraph in document.paragraphs:
        if paragraph.text == "The office keeps it.":
            paragraph.runs[0].text = "The new owner and the "
        if paragraph.text == "By role.":
            paragraph.add_run(" Yearly.")
    changed = io.BytesIO()
    document.save(changed)  # as another program saves it: what we put in is still there
    found = _texts(narratives.of_lines(_read(changed.getvalue(), path)))
    assert found == {
        FIRST: "The new owner and the office keeps it.\n\none",
        SECOND: "[b] By role. Yearly.",
        LAST: "**Last**.",
    }


@pytest.mark.parametrize("broken", ["{", "[]", '{"AC.L2-3.1.1": 1}', '{"AC.L2-3.1.1": {"narrative": 1}}'])
def test_what_only_looks_like_ours_is_read_as_anybodys_document(broken: str) -> None:
    text = f"3.1.1 Access\nThe list is kept.\ncmmc-tracker-plan 1 {broken}"
    (one,) = narratives.of_lines(text).texts
    assert one.requirement == FIRST
    assert one.text.startswith("The list is kept.")


@pytest.mark.parametrize("level", [1, 3])
def test_a_plan_of_another_level_is_read_back_too(level: int) -> None:
    """Its headings are those of that level; the lines are as a document of it has them."""
    first = catalog.load(level).requirements[0]
    title = f"{first.id} {first.title}"
    shown = [title, "Finding: Not assessed", "How it is implemented", "We do it.", "6 Requirements that do not apply"]
    text = "\n".join([title, "5 Requirements", *shown, "cmmc-tracker-plan 1 {}"])
    assert _texts(narratives.of_lines(text)) == {first.id: "We do it."}
