"""What a person may say of an artifact."""

import hashlib
import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.artifacts import (
    LONGEST_NAME,
    Act,
    ArtifactStatus,
    Kind,
    Standing,
    acts,
    distinct_names,
    first_status,
    manifest,
    moved,
    parse_facts,
    parse_link,
)
from cmmc_tracker.domain.text import clean_line, clean_text, normal
from cmmc_tracker.errors import Conflict, Forbidden, Invalid

TODAY = date(2026, 11, 24)


def test_facts_are_parsed_and_only_what_was_given_is_there() -> None:
    found = parse_facts({"title": "  A \t title ", "kind": "log", "collected_on": "2026-11-24"}, TODAY)
    assert found == {"title": "A title", "kind": Kind.LOG, "collected_on": TODAY}


def test_an_empty_date_clears_it() -> None:
    assert parse_facts({"covers_from": ""}, TODAY) == {"covers_from": None}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "give the artifact a title"),
        ("title", " \u202e ", "give the artifact a title"),
        ("title", "x" * 301, "at most 300"),
        ("title", "x" * 10_000, "10,000"),
        ("title", "a\0b", "NUL"),
        ("title", 7, "must be text"),
        ("kind", "poster", "not known"),
        ("description", "x" * 20_001, "at most 20,000"),
        ("collected_on", "2026-11-25", "in the future"),
        ("collected_on", "1989-12-31", "before 1990"),
        ("collected_on", "2026-02-30", "not a date"),
        ("collected_on", "24.11.2026", "not a date"),
        ("collected_on", "20261124", "not a date"),
        ("collected_on", "2026-W48-2", "not a date"),
        ("covers_from", "2026-12-01", "begins in the future"),
        ("covers_until", "2999-01-01", "far in the future"),
    ],
)
def test_a_wrong_field_is_named_with_its_reason(field: str, value: object, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_facts({"title": "x", field: value}, TODAY)
    assert said in refused.value.fields[field]


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse_facts({"title": "", "kind": "x", "collected_on": "never", "covers_from": "2031-01-01"}, TODAY)
    assert set(refused.value.fields) == {"title", "kind", "collected_on", "covers_from"}


def test_the_covered_time_cannot_begin_after_it_ends_also_when_only_one_end_is_changed() -> None:
    with pytest.raises(Invalid, match="begins after it ends"):
        parse_facts({"title": "x", "covers_from": "2026-05-02", "covers_until": "2026-05-01"}, TODAY)
    with pytest.raises(Invalid, match="begins after it ends"):
        parse_facts({"covers_from": "2026-05-02"}, TODAY, {"covers_until": date(2026, 5, 1)})


def test_a_policy_may_cover_a_time_that_is_still_to_come() -> None:
    found = parse_facts({"title": "x", "covers_from": "2026-01-01", "covers_until": "2027-12-31"}, TODAY)
    assert found["covers_until"] == date(2027, 12, 31)


def test_lines_and_texts_lose_what_could_mislead() -> None:
    assert clean_line("a\u202e b\r\n c\x07") == "a b c"
    assert clean_text("a\r\nb\rc\x00\u2066") == "a\nb\nc"


def test_a_link_says_where_and_what_within_bounds() -> None:
    assert parse_link(" §4.2,  p. 7 ", "the rule\n") == ("§4.2, p. 7", "the rule")
    with pytest.raises(Invalid) as refused:
        parse_link("x" * 301, "y" * 2_001)
    assert set(refused.value.fields) == {"locator", "shows"}


DRAFT, IN_REVIEW, APPROVED, SUPERSEDED = ArtifactStatus
MOVES = {
    (DRAFT, Act.SUBMIT): IN_REVIEW,
    (DRAFT, Act.RETIRE): SUPERSEDED,
    (IN_REVIEW, Act.WITHDRAW): DRAFT,
    (IN_REVIEW, Act.APPROVE): APPROVED,
    (IN_REVIEW, Act.RETURN): DRAFT,
    (APPROVED, Act.RETIRE): SUPERSEDED,
    (SUPERSEDED, Act.REVIVE): DRAFT,
}
PERSONS = list(itertools.product([False, True], repeat=5))  # contributes, approves, sent it, own allowed, review on


@pytest.mark.parametrize("person", PERSONS)
@pytest.mark.parametrize("act", list(Act))
@pytest.mark.parametrize("status", list(ArtifactStatus))
def test_every_act_in_every_state_by_everybody_does_what_the_rules_say(
    status: ArtifactStatus, act: Act, person: tuple[bool, bool, bool, bool, bool]
) -> None:
    standing = Standing(status, *person)
    contributes, approves, sent_it, own_allowed, review = person
    own = act is Act.APPROVE and sent_it and not own_allowed
    is_open = approves and not own if act in {Act.APPROVE, Act.RETURN} else contributes
    assert (act in acts(standing)) == ((status, act) in MOVES and is_open)
    if (status, act) not in MOVES:
        with pytest.raises(Conflict, match=status.label):
            moved(standing, act)
    elif not is_open:
        with pytest.raises(Forbidden):
            moved(standing, act)
    elif act is Act.REVIVE and not review:
        assert moved(standing, act) is APPROVED
    else:
        assert moved(standing, act) is MOVES[status, act]


def test_who_sent_a_version_may_still_send_it_back() -> None:
    standing = Standing(IN_REVIEW, True, True, True, False, True)
    assert acts(standing) == [Act.WITHDRAW, Act.RETURN]


def test_without_a_review_new_evidence_counts_at_once_and_with_one_it_is_a_draft() -> None:
    assert first_status(review=False) is APPROVED
    assert first_status(review=True) is DRAFT


def test_every_act_says_what_it_does() -> None:
    assert len({act.label for act in Act}) == len(Act)


A, B = "a" * 64, "b" * 64


def test_the_hash_of_a_version_can_be_made_again_with_any_tool() -> None:
    # printf '%064d 3 log.txt\n%064d 12 scan (2).png\n' 0 1 | sha256sum
    files = [("0" * 64, 3, "log.txt"), ("0" * 63 + "1", 12, "scan (2).png")]
    assert manifest(files) == "4109d5bca7b934bc8ff1cfb0bbdf9fef0915d41bafe15c0096ab3cbd47f6602c"
    assert manifest([]) == hashlib.sha256(b"").hexdigest()


def test_the_hash_of_a_version_changes_with_order_name_size_and_bytes() -> None:
    found = [
        manifest(files)
        for files in (
            [(A, 1, "a.txt"), (B, 2, "b.txt")],
            [(B, 2, "b.txt"), (A, 1, "a.txt")],
            [(A, 1, "A.txt"), (B, 2, "b.txt")],
            [(A, 1, "b.txt"), (B, 2, "a.txt")],
            [(A, 3, "a.txt"), (B, 2, "b.txt")],
            [(B, 1, "a.txt"), (B, 2, "b.txt")],
            [(A, 1, "a.txt")],
        )
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"]),
        (["a.png", "a.png", "a.png"], ["a.png", "a (2).png", "a (3).png"]),
        (["image.png", "IMAGE.PNG"], ["image.png", "IMAGE (2).PNG"]),
        (["é.txt", "e\u0301.txt"], ["é.txt", "e\u0301 (2).txt"]),
        (["ﬁ.txt", "fi.txt"], ["ﬁ.txt", "fi (2).txt"]),
        (["Straße.txt", "STRASSE.TXT"], ["Straße.txt", "STRASSE (2).TXT"]),
        (["a.txt", "a (2).txt", "a.txt"], ["a.txt", "a (2).txt", "a (3).txt"]),
        (["a.txt", "a.txt", "a (2).txt"], ["a.txt", "a (2).txt", "a (2) (2).txt"]),
        ([".env", ".env"], [".env", ".env (2)"]),
        (["README", "README"], ["README", "README (2)"]),
        (["a.tar.gz", "a.tar.gz"], ["a.tar.gz", "a.tar (2).gz"]),
        (["a.txt", "a.csv"], ["a.txt", "a.csv"]),
    ],
)
def test_names_that_some_disks_hold_for_one_get_numbers(names: list[str], shown: list[str]) -> None:
    assert distinct_names(names) == shown


def test_the_longest_name_is_cut_for_its_number_and_keeps_its_ending() -> None:
    name = "x" * (LONGEST_NAME - 4) + ".png"
    found = distinct_names([name] * 11)
    assert found[0] == name
    assert found[1] == "x" * (LONGEST_NAME - 8) + " (2).png"
    assert found[10] == "x" * (LONGEST_NAME - 9) + " (11).png"


NAMES = st.one_of(
    st.text(max_size=LONGEST_NAME),
    st.sampled_from(["a.png", "A.PNG", "a (2).png", "é", "e\u0301", ".", "..", "a." + "x" * 198, "." * 200, "x" * 200]),
)


@given(st.lists(NAMES, max_size=12))
def test_names_become_distinct_stay_short_and_the_first_keeps_its_own(names: list[str]) -> None:
    found = distinct_names(names)
    keys = [normal(name, "NFKC").casefold() for name in found]
    assert len(set(keys)) == len(names)
    assert all(len(name) <= LONGEST_NAME for name in found)
    assert found[:1] == names[:1]
