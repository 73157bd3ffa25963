"""The official wording out of a file: what is taken, what is mended and told, and what is refused."""

import hashlib
import json
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmmc_tracker.domain.catalog import load
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.oscal_catalog import LARGEST, CatalogPlan, Repair, plan
from tests.importers import oscal_samples as samples

CATALOG = load(2)
STATEMENTS = {r.id: samples.statement(r) for r in CATALOG.requirements}
OBJECTIVES = {o.id: samples.objective(r, o.letter) for r in CATALOG.requirements for o in r.objectives}


def _planned(document: Any) -> CatalogPlan:
    return plan(samples.data(document), CATALOG)


def _refusal(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        plan(data, CATALOG)
    assert set(refused.value.fields) == {"file"}
    assert refused.value.message.endswith("Nothing was changed.")
    return refused.value.message


@pytest.mark.parametrize(("shape", "repaired"), [("clean", 0), ("unclean", 28), ("padded", 0)])
def test_each_public_shape_of_rev_2_gives_the_whole_wording(shape: str, repaired: int) -> None:
    found = _planned(getattr(samples, shape)())
    assert found.requirements == STATEMENTS
    assert found.objectives == OBJECTIVES
    assert found.unknown == ()
    assert found.summary == (
        "110 of 110 requirements matched",
        "320 of 320 objectives matched",
        f"{repaired} repaired",
    )


def test_the_plan_names_its_source() -> None:
    data = samples.data(samples.clean())
    found = plan(data, CATALOG)
    assert (found.title, found.version) == ("Sample of NIST SP 800-171 Rev 2", "2.0.0")
    assert found.last_modified == "2026-01-02T03:04:05Z"
    assert found.source_sha256 == hashlib.sha256(data).hexdigest()


def test_a_catalog_without_metadata_is_taken_too() -> None:
    document = samples.clean()
    del document["catalog"]["metadata"]
    found = _planned(document)
    assert found.objectives == OBJECTIVES
    assert (found.title, found.version, found.last_modified) == ("an OSCAL catalog without a title", "not stated", "")


def test_each_repair_is_listed_as_it_stood_and_as_it_was_read() -> None:
    repaired = _planned(samples.unclean()).repaired
    assert Repair("AT.L2-3.2.1", " 3.2.1 ", "3.2.1") in repaired
    assert (
        Repair(
            "AT.L2-3.2.1[b]",
            " 3.2.1 [.] 1[b] the thing b of sample 3.2.1 is done.",
            "3.2.1[b] the thing b of sample 3.2.1 is done.",
        )
        in repaired
    )
    assert (
        Repair(
            "CM.L2-3.4.4[a]",
            "3.4.4[D] ermine if the thing a of sample 3.4.4 is done.",
            "3.4.4[a] the thing a of sample 3.4.4 is done.",
        )
        in repaired
    )
    assert len(repaired) == 1 + 4 + len(samples.SINGLE) == 28


@pytest.mark.parametrize("lead", ["ermine if ", "termine if ", "etermine if ", "Determine if ", "Determine if: "])
def test_what_is_left_of_the_lead_in_goes_and_is_told(lead: str) -> None:
    document = samples.clean()
    leaf = samples.control(document, "3.4.4")["parts"][1]["parts"][0]
    leaf["prose"] = lead + leaf["prose"]
    found = _planned(document)
    assert found.objectives == OBJECTIVES
    assert [r.what for r in found.repaired] == ["CM.L2-3.4.4[a]"]


def test_controls_without_groups_and_families_within_families_are_read() -> None:
    flat, deep = samples.clean()["catalog"], samples.clean()["catalog"]
    flat["controls"] = [control for group in flat.pop("groups") for control in group["controls"]]
    deep["groups"] = [{"id": "all", "groups": deep["groups"]}]
    assert _planned({"catalog": flat}).objectives == OBJECTIVES
    assert _planned({"catalog": deep}).objectives == OBJECTIVES


def test_a_single_objective_counts_whatever_its_letter() -> None:
    document = samples.clean()
    leaf = samples.control(document, "3.4.4")["parts"][1]["parts"][0]
    leaf["id"], leaf["props"] = "_3.4.4_obj.d", []
    found = _planned(document)
    assert found.objectives == OBJECTIVES
    assert [(r.what, r.was[:12]) for r in found.repaired] == [("CM.L2-3.4.4[a]", "_3.4.4_obj.d")]


def test_letters_may_be_capital() -> None:
    document = samples.clean()
    leaf = samples.control(document, "3.1.1")["parts"][1]["parts"][1]
    leaf["id"], leaf["props"][0]["value"] = "_3.1.1_obj.B", "3.1.1[B]"
    assert _planned(document).objectives == OBJECTIVES


def test_rev_2_may_mention_what_came_after_it() -> None:
    document = samples.clean()
    document["catalog"]["metadata"]["title"] = "NIST SP 800-171 Rev 2 (Rev 3 is another file)"
    assert _planned(document).objectives == OBJECTIVES


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert plan(b"\xef\xbb\xbf" + samples.data(samples.clean()), CATALOG).objectives == OBJECTIVES


def test_a_requirement_without_a_statement_takes_its_title() -> None:
    document = samples.clean()
    del samples.control(document, "3.1.1")["parts"][0]
    assert _planned(document).requirements == STATEMENTS


def test_wording_is_plain_text_on_one_line() -> None:
    document = samples.clean()
    leaf = samples.control(document, "3.1.1")["parts"][1]["parts"][0]
    leaf["prose"] = " <b>one</b>\n\n*two*\x00\x1b[31m \u202ethree\ud800\t&amp; four "
    assert _planned(document).objectives["AC.L2-3.1.1[a]"] == "<b>one</b> *two*[31m three &amp; four"


def test_the_same_thing_said_twice_is_no_contradiction() -> None:
    document = samples.clean()
    leaves = samples.control(document, "3.1.1")["parts"][1]["parts"]
    leaves.append(deepcopy(leaves[0]))
    assert _planned(document).objectives == OBJECTIVES


def test_what_is_beyond_the_level_is_left_out_and_told() -> None:
    document = samples.clean()
    extra = deepcopy(samples.control(document, "3.1.1"))
    extra["id"], extra["props"] = "_3.1.99", []
    extra["parts"] = []
    leaves = samples.control(document, "3.1.2")["parts"][1]["parts"]
    leaves.append({"id": "_3.1.2_obj.z", "name": "assessment-objective", "prose": "more is done."})
    document["catalog"]["groups"][0]["controls"] += [extra, {"id": "preface"}]
    found = _planned(document)
    assert found.objectives == OBJECTIVES
    assert sorted(found.unknown) == ["3.1.99", "“_3.1.2_obj.z”", "“preface”"]
    assert found.summary[-1].startswith("3 not known and left out: ")


@pytest.mark.parametrize(
    "document",
    [
        samples.rev_3(),
        samples.rev_3("NIST SP 800-171 Rev. 3"),
        {
            **samples.padded(),
            "catalog": {**samples.padded()["catalog"], "metadata": {"title": "SP 800-171 Revision 3"}},
        },
        {**samples.padded(), "catalog": {**samples.padded()["catalog"], "metadata": {"title": "NIST SP800-171r3"}}},
    ],
    ids=["identifiers", "both", "title", "short title"],
)
def test_rev_3_is_refused_for_its_rule(document: dict[str, Any]) -> None:
    assert "Revision 3" in (message := _refusal(samples.data(document)))
    assert "32 CFR 170.14(c)(3)" in message


def test_rev_3_is_known_by_its_stated_version_and_by_its_families() -> None:
    stated, families = samples.padded(), samples.padded()
    stated["catalog"]["metadata"]["props"] = [{"name": "framework-version-identifier", "value": "SP_800_171_3_0_0"}]
    families["catalog"]["groups"][0]["controls"].append({"id": "_03.17.01"})
    assert "Revision 3" in _refusal(samples.data(stated))
    assert "Revision 3" in _refusal(samples.data(families))


def test_another_catalog_is_refused_by_its_name() -> None:
    controls = [{"id": "ac-1", "title": "Policy", "props": [{"name": "label", "value": "AC-1"}]}]
    other = {"catalog": {"metadata": {"title": "NIST SP 800-53 Rev 5"}, "groups": [{"controls": controls}]}}
    assert "(NIST SP 800-53 Rev 5) is not NIST SP 800-171 Revision 2" in _refusal(samples.data(other))


def test_a_catalog_that_numbers_its_controls_alike_is_refused() -> None:
    other = {"catalog": {"metadata": {"title": "House rules"}, "controls": [{"id": "5.1.1"}, {"id": "5.16.1"}]}}
    assert "(House rules) is not NIST SP 800-171 Revision 2" in _refusal(samples.data(other))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"Access control\n", "not JSON"),
        (b"<catalog/>", "not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "not JSON"),
        (b'{"catalog":' * 10_000 + b"1" + b"}" * 10_000, "not JSON"),
        (b"null", "no OSCAL catalog"),
        (b'"catalog"', "no OSCAL catalog"),
        (b'["catalog"]', "no OSCAL catalog"),
        (b'{"a": 1}', "no OSCAL catalog"),
        (b'{"catalog": []}', "no OSCAL catalog"),
        (b'{"catalog": {}}', "is not NIST SP 800-171 Revision 2"),
        (b'{"$schema": "x", "profile": {}}', "an OSCAL document (profile)"),
        (b'{"system-security-plan": {}}', "an OSCAL document (system security plan)"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_catalog_is_refused_for_what_it_is(data: bytes, told: str) -> None:
    assert told in _refusal(data)


def test_a_catalog_that_was_cut_short_is_refused() -> None:
    data = samples.data(samples.clean())
    assert "cut short" in _refusal(data[: len(data) // 2])
    assert "cut short" in _refusal(data[:-3])


def test_a_file_over_the_limit_is_refused_unread() -> None:
    assert "too large" in _refusal(b" " * (LARGEST + 1))


def test_a_catalog_with_gaps_is_refused_naming_the_first() -> None:
    document = samples.clean()
    for nist_id in ("3.1.1", "3.14.7"):
        del samples.control(document, nist_id)["parts"][1]["parts"][0]
    assert "it lacks AC.L2-3.1.1[a], SI.L2-3.14.7[a]." in _refusal(samples.data(document))
    document["catalog"]["groups"] = document["catalog"]["groups"][:1]
    assert "more." in _refusal(samples.data(document))


@pytest.mark.parametrize("prose", ["", " ", "\x00", None, 7, ["a"]])
def test_an_objective_without_wording_is_a_gap(prose: object) -> None:
    document = samples.clean()
    samples.control(document, "3.1.1")["parts"][1]["parts"][2]["prose"] = prose
    assert "it lacks AC.L2-3.1.1[c]." in _refusal(samples.data(document))


def test_a_requirement_without_any_wording_is_a_gap() -> None:
    document = samples.clean()
    control = samples.control(document, "3.1.1")
    control["title"], control["parts"][0]["prose"] = "", " "
    assert "it lacks AC.L2-3.1.1." in _refusal(samples.data(document))


def test_two_wordings_of_one_objective_are_refused() -> None:
    document = samples.clean()
    leaves = samples.control(document, "3.1.1")["parts"][1]["parts"]
    leaves.append({**leaves[0], "prose": "something else is done."})
    assert "AC.L2-3.1.1[a] twice, with different wording" in _refusal(samples.data(document))


def test_two_texts_for_a_single_objective_are_refused() -> None:
    document = samples.clean()
    leaves = samples.control(document, "3.4.4")["parts"][1]["parts"]
    leaves.append({"id": "_3.4.4_obj.b", "name": "assessment-objective", "prose": "something else is done."})
    assert "CM.L2-3.4.4[a] twice, with different wording" in _refusal(samples.data(document))


def test_a_letter_in_the_text_that_contradicts_the_label_is_refused() -> None:
    document = samples.clean()
    samples.control(document, "3.1.1")["parts"][1]["parts"][0]["prose"] = "1[b] something is done."
    assert "letters one objective of AC.L2-3.1.1 twice: a, b" in _refusal(samples.data(document))


def test_an_objective_under_the_wrong_requirement_is_refused() -> None:
    document = samples.clean()
    here, there = (samples.control(document, one)["parts"][1]["parts"] for one in ("3.1.1", "3.1.2"))
    here[0], there[0] = there[0], here[0]
    assert "under 3.1" in _refusal(samples.data(document))


def test_a_control_of_two_numbers_is_refused() -> None:
    document = samples.clean()
    samples.control(document, "3.1.1")["id"] = "_3.1.2"
    assert "two numbers: 3.1.1, 3.1.2" in _refusal(samples.data(document))


def test_an_endless_wording_is_refused() -> None:
    document = samples.clean()
    samples.control(document, "3.1.1")["parts"][1]["parts"][0]["prose"] = "a" * 10_001
    assert "10,001 characters" in _refusal(samples.data(document))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


_UNCLEAN = samples.unclean()
_PLACES = [place for place in _places(_UNCLEAN) if place and not (place[1:2] == ("groups",) and place[2:3] > (0,))]
_JUNK = st.sampled_from([None, 1, -1.5, True, "", "x", "3.1.1", [], {}, [[]], [{}], {"a": []}, ["3.1.1[a]"]])


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(_PLACES), _JUNK)
def test_a_wrong_type_anywhere_is_refused_or_does_not_matter(place: tuple[Any, ...], junk: Any) -> None:
    document = json.loads(samples.data(_UNCLEAN))
    spot = document
    for key in place[:-1]:
        spot = spot[key]
    spot[place[-1]] = junk
    with suppress(Invalid):
        found = _planned(document)
        assert found.requirements.keys() == STATEMENTS.keys()
        assert found.objectives.keys() == OBJECTIVES.keys()
