"""The plain words: all of them there, each of its own, none of the standard's sentences."""

import hashlib
import re
from pathlib import Path

import pytest

from cmmc_tracker.domain.catalog import Requirement, load

REQUIREMENTS = load(2).requirements
RUN = 6
SHINGLES = Path(__file__).parent / "data" / "standard_shingles.txt"
_EMPTY = {"the", "a", "an", "is", "are", "of", "and", "or", "to", "for", "in", "on", "be", "by", "it", "its"}


def words(text: str) -> list[str]:
    """The words of a text, as the shingles were made of."""
    return re.findall(r"[a-z0-9]+", text.lower())


def texts(requirement: Requirement) -> list[str]:
    """Everything that was written for a requirement."""
    return [requirement.look_for, *requirement.typical_artifacts, *(o.summary for o in requirement.objectives)]


def test_320_summaries_none_like_another() -> None:
    summaries = [o.summary for r in REQUIREMENTS for o in r.objectives]
    assert len(summaries) == 320
    assert len({" ".join(words(s)) for s in summaries}) == 320


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.id)
def test_every_summary_says_something_of_its_own_in_a_sentence(requirement: Requirement) -> None:
    title = set(words(requirement.title)) - _EMPTY
    for objective in requirement.objectives:
        found = words(objective.summary)
        assert 10 <= len(found) <= 45, objective.id
        assert objective.summary.endswith("."), objective.id
        assert len(set(found) - _EMPTY - title) >= 5, f"{objective.id} only repeats its title"
        assert not re.search(r"placeholder|lorem|tbd|to be written|…", objective.summary, re.IGNORECASE), objective.id
    assert 20 <= len(words(requirement.look_for)) <= 80, requirement.id
    assert 2 <= len(requirement.typical_artifacts) <= 5, requirement.id
    assert len(set(requirement.typical_artifacts)) == len(requirement.typical_artifacts)


def test_no_run_of_six_words_stands_in_the_standard() -> None:
    standard = set(SHINGLES.read_text().split())
    assert len(standard) > 2_000
    copied = []
    for requirement in (*REQUIREMENTS, *load(1).requirements, *load(3).requirements):
        for text in texts(requirement):
            found = words(text)
            for at in range(len(found) - RUN + 1):
                run = " ".join(found[at : at + RUN])
                if hashlib.sha256(run.encode()).hexdigest()[:12] in standard:
                    copied.append((requirement.id, run))
    assert copied == []
