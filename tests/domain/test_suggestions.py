"""What is suggested for a piece of evidence: mostly right, never much, and nothing for what is about something else."""

import hashlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.catalog import ObjectiveId, load, parse_objective_id
from cmmc_tracker.domain.suggestions import LOOKED_AT, MOST, Suggestion, _stems, _trade, suggest
from cmmc_tracker.errors import Invalid
from tests.domain.test_guidance import RUN, SHINGLES, words

# Each line: whether the words of the trade were chosen with it in view (known) or not (fresh), the requirement under
# which somebody who knows would file it, the file's name, and how its text begins.
SAMPLE = [
    line.split("\t") for line in (Path(__file__).parent / "data" / "suggestion_samples.tsv").read_text().splitlines()
]
MENU = """Monday: tomato soup, rye bread, roast chicken with rice and green beans. Tuesday: lentil stew, apple cake.
Wednesday: fish and chips, lemon, cucumber salad. Thursday: noodles with mushrooms. Friday: pizza, ice cream."""
POEM = """The river takes the evening in, and every willow bends to hear
what water tells the stones of sin, of summers gone and winters near.
A door stands open to the night; the lamp is low, the kettle sings,
a moth goes round and round the light and leaves the shadow of its wings.
O keep the gate and mind the key, the old man said, and shut the hall;
but youth went singing to the sea and heard no warning word at all."""
MINUTES = """Minutes of the garden club. Present: nine members. The treasurer reported that the account holds 214.
The plan for the spring market was approved. Anna will list the plants. The next meeting is in March, with cake."""
INVOICE = """Invoice 4471. 200 steel brackets, 14 mm, zinc plated. Freight. Net 30 days. Thank you for your order.
Please send the payment to our bank; questions to the sales office. Delivery was complete."""
STORY = """Captain Moreau counted the crates on the quay twice, for the harbour master was known to be forgetful. The
fog had not lifted since dawn and the gulls were quarrelling over a herring. He thought of his daughter, who had written
that she would marry the baker, and of the letter he still owed her. In the end he bought a melon and went home."""
UNRELATED = [
    ("lunch menu week 12.pdf", MENU),
    ("poem.txt", POEM),
    ("minutes.docx", MINUTES),
    ("invoice 4471.pdf", INVOICE),
    ("chapter one.txt", STORY * 60),
    ("IMG_2041.jpg", ""),
    ("", ""),
    ("scan0001.pdf", "   \n\t "),
    ("noise.txt", random.Random(7).randbytes(60_000).decode("latin-1")),
    ("noise.txt", random.Random(8).randbytes(60_000).decode("utf-8", "replace")),
    ("wetter.txt", "Morgen regnet es im Norden, später scheint überall die Sonne. Der Wind weht schwach aus Westen."),
    ("дом.txt", "Все счастливые семьи похожи друг на друга"),
]


EVERYDAY = [
    "key lime pie recipe.pdf",
    "holiday photo.jpg",
    "Christmas party list.xlsx",
    "meeting room booking.xlsx",
    "parking plan.pdf",
    "company picnic.docx",
    "price list 2026.xlsx",
    "sales report Q3.pptx",
    "customer order 7781.pdf",
    "bracket drawing rev B.pdf",
    "lathe manual.pdf",
    "quality manual ISO 9001.docx",
    "calibration certificate caliper.pdf",
    "vacation request.pdf",
    "payroll October.xlsx",
    "bank statement.pdf",
    "marketing flyer.png",
    "newsletter spring.docx",
    "lease contract.pdf",
    "birthday song.txt",
    "recipe book.docx",
    "insurance policy car.pdf",
    "football schedule.xlsx",
    "purchase order steel.pdf",
    "tax return 2025.pdf",
    "team photo.jpg",
    "job advert welder.docx",
    "safety data sheet acetone.pdf",
    "fire drill 2026.docx",
    "coffee machine instructions.pdf",
    "expense report.xlsx",
    "logo.png",
    "Untitled document.docx",
    "New Text Document.txt",
    "Book1.xlsx",
    "Screenshot 2026-01-04 at 10.11.12.png",
    "WhatsApp Image 2026-02-02.jpeg",
    "resume.docx",
]


def hits(kind: str) -> tuple[int, int]:
    """Of the samples of a kind, how many have their requirement among the suggestions, and how many there are."""
    of = [(requirement, name, text) for which, requirement, name, text in SAMPLE if which == kind]
    return sum(requirement in requirements(name, text) for requirement, name, text in of), len(of)


def requirements(name: str, text: str = "") -> list[str]:
    return [one.objective.requirement.partition("-")[2] for one in suggest(name, "", text)]


def test_the_sample_is_of_all_families() -> None:
    assert len(SAMPLE) >= 200
    numbers = {r.nist_id: r.family for r in load(2).requirements}
    assert {numbers[requirement] for _, requirement, _, _ in SAMPLE} == {f.code for f in load(2).families}


def test_what_it_was_made_with_is_found() -> None:
    found, of = hits("known")
    assert found / of >= 0.97, f"{found} of {of}"


def test_what_it_was_not_made_with_is_found_too() -> None:
    """Measured once, not tuned with: 37 of 42. The lists before had 69 of 72, 24 of 30, 24 of 32, 33 of 42 at first."""
    found, of = hits("fresh")
    assert found / of >= 0.87, f"{found} of {of}"


@pytest.mark.parametrize(("name", "text"), UNRELATED, ids=range(len(UNRELATED)))
def test_nothing_is_suggested_for_what_speaks_of_something_else(name: str, text: str) -> None:
    assert suggest(name, name, text) == ()


@pytest.mark.parametrize("name", EVERYDAY)
def test_nothing_is_suggested_for_everyday_names(name: str) -> None:
    assert suggest(name, "", "") == ()


@pytest.mark.parametrize("licence", sorted(Path("/usr/share/common-licenses").glob("*")), ids=lambda p: p.name)
def test_nothing_is_suggested_for_licences(licence: Path) -> None:
    assert suggest("scan_0003.pdf", "", licence.read_text("utf-8", "replace")) == ()


def test_never_more_than_five_and_of_one_requirement_two() -> None:
    for _, _, name, text in SAMPLE:
        found = suggest(name, "", text)
        assert len(found) <= MOST == 5
        assert len({one.objective for one in found}) == len(found)
        assert max(Counter(one.objective.requirement for one in found).values(), default=0) <= 2
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)


def test_what_is_linked_is_not_suggested_again() -> None:
    before = suggest("MFA policy.docx", "", "")
    after = suggest("MFA policy.docx", "", "", linked=[before[0].objective])
    assert before[0].objective not in {one.objective for one in after}
    assert after[0].objective.requirement == "IA.L2-3.5.3"
    everything = [ObjectiveId(r.id, o.letter) for r in load(2).requirements for o in r.objectives]
    for _, _, name, text in SAMPLE:
        assert suggest(name, "", text, linked=everything) == ()
    named = parse_objective_id("3.1.1[a]")
    assert named not in {one.objective for one in suggest("3.1.1[a].png", "", "", linked={named})}


@pytest.mark.parametrize(
    ("name", "title", "text"),
    [
        ("AC.L2-3.1.1[a] lunch.png", "", ""),
        ("lunch.png", "3.1.1[a] lunch", ""),
        ("lunch.png", "", "This shows AC.L2-3.1.1[a] and soup."),
        ("lunch.png", "", "Objective 3.1.1[a]: soup."),
        ("FortiGate firewall rules.csv", "", "deny all, see AC.L2-3.1.1[a]"),
    ],
)
def test_what_is_named_comes_first(name: str, title: str, text: str) -> None:
    first = suggest(name, title, text)[0]
    assert first == Suggestion(ObjectiveId("AC.L2-3.1.1", "a"), "names AC.L2-3.1.1[a]", 1.0)


@pytest.mark.parametrize(
    ("name", "title", "why"),
    [
        ("3.1.1/a/lunch.png", "", "names AC.L2-3.1.1[a], from the folder “a” and the folder “3.1.1”"),
        ("AC.L2-3.1.1[a]/lunch.png", "", "names AC.L2-3.1.1[a], from the folder “AC.L2-3.1.1[a]”"),
        ("2026/lunch.png", "3.1.1[a] lunch", "names AC.L2-3.1.1[a]"),
    ],
)
def test_what_a_folder_names_is_said_to_be_from_that_folder(name: str, title: str, why: str) -> None:
    assert suggest(name, title, "")[0] == Suggestion(ObjectiveId("AC.L2-3.1.1", "a"), why, 1.0)


def test_more_named_objectives_of_one_requirement_than_two_are_given() -> None:
    found = suggest("3.1.1[a-d].pdf", "", "")
    assert [one.objective.letter for one in found] == ["a", "b", "c", "d"]


def test_a_named_requirement_gives_its_two_likeliest_objectives() -> None:
    found = suggest("3.1.8/lockout setting screenshot.png", "", "")
    assert [(str(one.objective), one.reason) for one in found][:2] == [
        ("AC.L2-3.1.8[b]", "names AC.L2-3.1.8, from the folder “3.1.8”"),
        ("AC.L2-3.1.8[a]", "names AC.L2-3.1.8, from the folder “3.1.8”"),
    ]
    assert suggest("3.1.8/lockout policy.docx", "", "")[0].objective.letter == "a"


def test_a_text_that_names_everything_names_nothing() -> None:
    text = " ".join(r.id for r in load(2).requirements)
    assert requirements("System security plan.docx", text)[0] == "3.12.4"
    assert all(not one.reason.startswith("names") for one in suggest("System security plan.docx", "", text))


def test_numbers_of_sections_in_a_text_are_no_requirements() -> None:
    assert (
        suggest("manual.txt", "", "3.1.1 Scope 3.1.2 Terms. By clause 3.1.1(a) the buyer pays. Version 3.1.1a.") == ()
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("MFA.png", "", "its name speaks of “MFA”"),
        ("x.txt", "Our firewall. The Firewall has rules; deny by default.", "its text speaks of "),
        ("Visitor log.pdf", "The visitor was escorted", "its name and text speak of “Visitor”, “escorted”"),
    ],
)
def test_the_reason_names_the_words_as_they_were_written(name: str, text: str, reason: str) -> None:
    found = suggest(name, "", text)[0].reason
    assert found.startswith(reason)
    assert len(found) < 200


def test_a_folder_of_a_family_helps_its_requirements() -> None:
    alone, filed = (suggest(f"{folder}admin accounts.csv", "", "")[0].score for folder in ("", "Access Control/"))
    assert filed > alone


def test_a_name_weighs_more_than_a_text() -> None:
    named = next(one.score for one in suggest("BitLocker.txt", "", "soup " * 50) if "3.13.16" in str(one.objective))
    assert not any(one.score >= named for one in suggest("x.txt", "", "BitLocker " + "soup " * 50))


def test_only_the_first_characters_of_a_text_are_looked_at() -> None:
    words = "multifactor authentication with Duo. " * 1_000
    assert suggest("x.txt", "", words)
    assert suggest("x.txt", "", " " * LOOKED_AT + words) == ()


def test_a_level_that_is_not_kept_is_refused() -> None:
    with pytest.raises(Invalid):
        suggest("x.txt", "", "", level=4)


@pytest.mark.parametrize(
    ("level", "name", "objective"),
    [
        (1, "AC.L1-b.1.i[c] Devices.txt", "AC.L1-b.1.i[c]"),
        (1, "3.1.1[a] access list.txt", "AC.L1-b.1.i[a]"),
        (3, "AC.L3-3.1.2e.txt", "AC.L3-3.1.2e[a]"),
    ],
)
def test_what_is_named_is_suggested_at_every_level(level: int, name: str, objective: str) -> None:
    first = suggest(name, "", "", level=level)[0]
    assert (str(first.objective), first.score) == (objective, 1.0)


def test_at_level_1_words_suggest_what_they_would_at_level_2() -> None:
    text = "visitor log: visitors are escorted and their visits recorded"
    found = suggest("Visitor log October.csv", "Visitor log, October", text, level=1)
    assert {one.objective.requirement for one in found} == {"PE.L1-b.1.ix"}


@pytest.mark.parametrize("level", [1, 3])
def test_at_another_level_only_requirements_of_that_level_are_suggested(level: int) -> None:
    found = suggest("3.1.1[a] access list.txt", "", "multifactor authentication", level=level)
    assert all(one.objective.requirement in {r.id for r in load(level).requirements} for one in found)


@pytest.mark.parametrize(
    "text",
    ["multifactor authentication firewall " * 30_000, "3.1.1[a] " * 120_000, "e\u0301" * 500_000, "log " * 250_000],
    ids=["words", "identifiers", "accents", "log"],
)
def test_a_megabyte_is_judged_quickly(text: str) -> None:
    """In the time that the same machine needs to count to five millions: 0.16 s on a small server."""
    suggest("warm.txt", "", "up")
    times = [(_seconds(lambda: suggest("x.txt", "", text)), _seconds(_count)) for _ in range(3)]
    assert min(judging for judging, _ in times) < min(counting for _, counting in times)


def _seconds(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def _count() -> None:
    number = 0
    while number < 5_000_000:
        number += 1


_RUN = "from cmmc_tracker.domain.suggestions import suggest as s; import sys; print(s(sys.argv[1], '', sys.argv[2]))"


def test_the_answer_does_not_hang_on_the_seed_of_hashes() -> None:
    arguments = [sys.executable, "-c", _RUN, "Remote access VPN policy.docx", " ".join(row[3] for row in SAMPLE)]
    answers = {
        subprocess.run(arguments, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("0", "1", "2")
    }
    assert len(answers) == 1
    assert b"Suggestion" in answers.pop()


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=2_000))
def test_any_text_is_judged(name: str, title: str, text: str) -> None:
    found = suggest(name, title, text)
    assert len(found) <= MOST
    assert found == suggest(name, title, text)


def test_every_requirement_has_words_of_the_trade_and_none_shrinks_to_a_common_word() -> None:
    assert {r.nist_id for r in load(2).requirements} == {of for of in _trade() if of[0] == "3"}
    for of, phrases in _trade().items():
        for phrase in phrases if of[0] == "3" else ():
            stems = _stems(phrase)
            assert 1 <= len(stems) <= 3, (of, phrase)
            assert len(stems) > 1 or len(phrase.split()) == 1, (of, phrase)


def test_no_run_of_the_words_stands_in_the_standard() -> None:
    standard = set(SHINGLES.read_text().split())
    for phrases in _trade().values():
        found = words(" ".join(phrases))
        runs = (" ".join(found[at : at + RUN]) for at in range(len(found) - RUN + 1))
        assert not [run for run in runs if hashlib.sha256(run.encode()).hexdigest()[:12] in standard]
