"""Which kind is proposed for a file by its name: our own rules, in a table that the browser's form is held to, too."""

import pytest

from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.kinds import ENDINGS, MARKS, proposed
from cmmc_tracker.domain.uploads import ALLOWED

# A file's name, and the kind that the form proposes; None: it stays at "Other".
PROPOSED: dict[str, Kind | None] = {
    "Access control policy v3.docx": Kind.POLICY,
    "HR-Policies_2026.pdf": Kind.POLICY,
    "Security awareness training policy.docx": Kind.POLICY,
    "Log review procedure.docx": Kind.PROCEDURE,
    "SOP-014 visitor handling.pdf": Kind.PROCEDURE,
    "IncidentResponsePlan.docx": Kind.PLAN,
    "SSP 2026.docx": Kind.PLAN,
    "Screenshot 2026-11-28 at 10.03.11.png": Kind.SCREENSHOT,
    "Screen Shot MFA.jpg": Kind.SCREENSHOT,
    "Password policy screenshot.png": Kind.SCREENSHOT,
    "mfa.PNG": Kind.SCREENSHOT,
    "fw01 running-config.txt": Kind.CONFIGURATION_EXPORT,
    "Default group policy.pdf": Kind.CONFIGURATION_EXPORT,
    "vpn_export_2026-10.csv": Kind.CONFIGURATION_EXPORT,
    "Visitor log October.xlsx": Kind.LOG,
    "auth-logs.zip": Kind.LOG,
    "Audit log review Q3.xlsx": Kind.RECORD,
    "Quarterly access review.xlsx": Kind.RECORD,
    "Incident response plan test.docx": Kind.RECORD,
    "asset inventory.csv": Kind.RECORD,
    "Network diagram v3.pdf": Kind.DIAGRAM,
    "cui-data-flow.png": Kind.DIAGRAM,
    "Training records 2026.xlsx": Kind.TRAINING_RECORD,
    "Security awareness training.xlsx": Kind.TRAINING_RECORD,
    "NDA Northwind signed.pdf": Kind.CONTRACT,
    "Service agreement.docx": Kind.CONTRACT,
    "IMG_2031.jpg": None,
    "3.1.1.pdf": None,
    "logistics.docx": None,
    "planetary.txt": None,
    "Richtlinie Zugriff.pdf": None,
    "notes": None,
    "png": None,
    ".policy": Kind.POLICY,
    "": None,
}


@pytest.mark.parametrize(("name", "kind"), PROPOSED.items())
def test_a_name_is_taken_for_what_it_says_last(name: str, kind: Kind | None) -> None:
    assert proposed(name) == kind


def test_every_kind_but_other_can_be_proposed_and_no_mark_is_of_two() -> None:
    assert {*MARKS.values(), *ENDINGS.values()} == set(Kind) - {Kind.OTHER}
    assert set(PROPOSED.values()) - {None} == set(Kind) - {Kind.OTHER}


def test_marks_are_plain_words_and_endings_are_of_files_that_are_taken() -> None:
    assert all(mark == " ".join(mark.split()) and mark.replace(" ", "").isalpha() and mark.islower() for mark in MARKS)
    assert {f".{ending}" for ending in ENDINGS} <= set(ALLOWED)


def test_a_very_long_name_is_looked_at_from_its_end() -> None:
    assert proposed("policy " * 100_000 + "network diagram.pdf") is Kind.DIAGRAM
