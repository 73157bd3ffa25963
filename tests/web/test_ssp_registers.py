"""The pages beside the plan: what contradicts it, the defined values, the changes of the environment."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import assets, blob_texts
from tests.conftest import OPERATOR, Person
from tests.services.evidence import give, other_system
from tests.web.test_ssp import SSP, narrate, scope_row, version_in

VALUES, CHANGES = "/systems/main/values", "/systems/main/changes"
TODAY = datetime.now(UTC).date().isoformat()
CHANGE = {"happened_on": TODAY, "kind": "plan", "text": "A new file server"}


def define(who: Person, **given: str) -> int:
    """Fill in values as the page does; `v3_1_10a` is 3.1.10[a]."""
    page, form = who.get(VALUES).text, {}
    for name, value in given.items():
        key = name[1:].replace("_", ".")
        form |= {f"value-{key}": value, f"version-{key}": version_in(page, f"version-{key}"), f"was-value-{key}": "?"}
    return who.post(VALUES, form).status_code


def test_the_register_has_the_54_values_and_feeds_the_plan(user: Person) -> None:
    page = user.get(VALUES).text
    assert page.count('name="version-') == 54
    assert "0 of 54 defined" in page
    assert define(user, v3_1_10a="15", v3_3_1a="sign-ins <all>") == 302
    assert "2 of 54 defined" in user.get(VALUES).text
    for address in (SSP, "/systems/main/requirements/AC.L2-3.1.10"):
        assert "15 minutes" in user.get(address).text
    assert "sign-ins &lt;all&gt;" in user.get(SSP).text
    assert define(user, v3_1_10a="") == 302
    assert "15 minutes" not in user.get(SSP).text


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("3.1.10a", "fifteen", "whole number of minutes"),
        ("3.1.10a", "-1", "whole number"),
        ("3.12.4g", "13", "32 CFR 170.4"),
        ("3.3.1a", "x" * 5_001, "5,000"),
    ],
)
def test_a_value_that_cannot_be_is_told_beside_it_and_nothing_is_kept(
    user: Person, key: str, value: str, word: str
) -> None:
    form = {f"value-{key}": value, f"version-{key}": "0", "value-3.1.3a": "a rule", "version-3.1.3a": "0"}
    answer = user.post(VALUES, form)
    assert answer.status_code == 422
    assert word in answer.text
    assert f'id="value-{key}-error"' in answer.text
    assert ">a rule</textarea>" in answer.text
    assert "0 of 54 defined" in user.get(VALUES).text


def test_two_people_who_define_a_value_never_overwrite_one_another(admin: Person, user: Person) -> None:
    assert define(user, v3_1_10a="15") == 302
    late = {"value-3.1.10a": "20", "version-3.1.10a": "0", "was-value-3.1.10a": ""}
    answer = admin.post(VALUES, late)
    assert answer.status_code == 412
    assert "Now there, by bo: 15 minutes" in answer.text
    assert 'value="20"' in answer.text
    untouched = {**late, "value-3.1.10a": "", "value-3.5.8a": "24", "version-3.5.8a": "0", "was-value-3.5.8a": ""}
    assert admin.post(VALUES, untouched).status_code == 302, "what was left alone is in nobody's way"
    assert "15 minutes" in admin.get(SSP).text


def test_evidence_that_says_another_number_is_named_and_one_that_says_the_same_is_not(
    user: Person, tracker: Tracker
) -> None:
    define(user, v3_1_10a="15", v3_1_8a="5 wrong tries within 15 minutes")
    user.upload("a.txt", b"a", title="Desktop settings", objectives=["3.1.10[a]", "3.1.8[a]"])
    sha256 = hashlib.sha256(b"a").hexdigest()

    def says(text: str) -> str:
        with tracker.write(OPERATOR) as work:
            if not work.db.execute(update(blob_texts).values(text=text)).rowcount:
                work.db.execute(insert(blob_texts).values(sha256=sha256, text=text, cut=False))
        return user.get(VALUES).text

    assert "says 10 minutes, and nowhere 15 minutes" in says("The screen locks after 10 minutes.")
    assert "nowhere 15" not in says("The screen locks after 15 minutes. Guests: it locks after 10 minutes.")
    assert "nowhere 15" not in says("The lunch break ends after 10 minutes.")
    assert "nowhere 15" not in says("Screens lock after ten minutes.")
    assert "says 10, and nowhere 5 wrong tries" in says("Accounts are locked after 10 invalid logon attempts.")
    assert "nowhere 5 wrong" not in says("Accounts are locked after 5 invalid logon attempts.")


def test_a_change_is_recorded_mended_and_settled(admin: Person, user: Person) -> None:
    assert user.post(CHANGES, CHANGE).status_code == 302
    assert user.post(CHANGES, CHANGE).status_code == 302, "a form that was sent twice is one change"
    page = user.get(CHANGES).text
    assert page.count('class="row-link"') == 1
    assert "1 open" in page
    one = f"{CHANGES}/1"
    assert user.post(one, {**CHANGE, "kind": "assessment", "version": "1"}).status_code == 302
    assert "new assessment" in user.get(CHANGES).text
    done = {"settled_on": TODAY, "settled": "The plan says it now", "version": "1"}
    answer = admin.post(f"{one}/settle", done)
    assert answer.status_code == 412
    assert "The plan says it now" in answer.text
    done["version"] = version_in(answer.text)
    assert admin.post(f"{one}/settle", done).status_code == 302
    after = admin.get(CHANGES).text
    assert "The plan says it now" in after
    assert "open." not in after
    log = admin.get("/audit").text
    for happened in (Event.CHANGE_RECORDED, Event.CHANGE_EDITED, Event.CHANGE_SETTLED):
        assert happened in log


def test_a_change_that_is_covered_asks_for_nothing(user: Person) -> None:
    user.post(CHANGES, {**CHANGE, "kind": "covered"})
    page = user.get(CHANGES).text
    assert "nothing to do" in page
    assert "1 open" not in page


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"kind": ""}, "Say what the change asks for"),
        ({"kind": "potato"}, "Say what the change asks for"),
        ({"text": "  \u200b "}, "Say what changed"),
        ({"text": "x" * 5_001}, "5,000"),
        ({"happened_on": ""}, "on which day"),
        ({"happened_on": "2026-13-01"}, "is not a date"),
        ({"happened_on": "1980-01-01"}, "before 1990"),
        ({"happened_on": (datetime.now(UTC) + timedelta(days=2)).date().isoformat()}, "still to come"),
    ],
)
def test_a_change_that_cannot_be_is_told_and_keeps_what_was_typed(
    user: Person, wrong: dict[str, str], word: str
) -> None:
    answer = user.post(CHANGES, {**CHANGE, **wrong})
    assert answer.status_code == 422
    assert word in answer.text
    assert "No change is recorded" in user.get(CHANGES).text
    user.post(CHANGES, CHANGE)
    assert user.post(f"{CHANGES}/1", {**CHANGE, **wrong, "version": "1"}).status_code == 422


def test_a_change_is_not_settled_before_it_happened(user: Person) -> None:
    user.post(CHANGES, CHANGE)
    early = (datetime.now(UTC) - timedelta(days=9)).date().isoformat()
    answer = user.post(f"{CHANGES}/1/settle", {"settled_on": early, "settled": "done", "version": "1"})
    assert answer.status_code == 422
    assert "before the change itself" in answer.text


def test_changes_of_another_system_are_not_found(user: Person, tracker: Tracker) -> None:
    user.post(CHANGES, CHANGE)
    lab = other_system(tracker, user.id)
    again = Person(user.name, user.client, user.id, user.token)
    assert again.get(f"/systems/{lab.slug}/changes").status_code == 200
    assert again.get(f"/systems/{lab.slug}/changes/1").status_code == 404
    assert again.post(f"/systems/{lab.slug}/changes/1", {**CHANGE, "version": "1"}).status_code == 404


def test_contradictions_are_a_plain_list_with_where_to_mend(user: Person, tracker: Tracker) -> None:
    user.upload("a.txt", b"a", title="Old rules", objectives="3.1.1[a]")
    scope_row(tracker, assets, name="Badge reader", category="specialized")
    narrate(user, "As [[artifact:1]] and the Visitor Access Policy say, on [[asset:9]].")
    body = {"status": "not_met", "note": "no list"}
    assert user.call("PATCH", "/systems/main/requirements/AC.L2-3.1.1/objectives/a", body).status_code == 200
    wrote = user.post(f"{SSP}/sections/boundary", {"text": "East of [[provider:7]].", "version": "0"})
    assert wrote.status_code == 302
    page = user.get(f"{SSP}/contradictions").text
    assert f'href="{SSP}/sections/boundary"' in page
    for text in (
        "provider 7, which is not here any more",
        *("it is implemented; [a] was found NOT MET", "asset 9, which is not here any more"),
        *("Visitor Access Policy", "Specialized Asset"),
    ):
        assert text in page, text
    assert "5 found" in page


def test_the_registers_take_a_fixed_number_of_statements(user: Person, tracker: Tracker) -> None:
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

    def counts() -> list[int]:
        found = []
        for address in (f"{SSP}/contradictions", VALUES, CHANGES):
            seen.clear()
            assert user.get(address).status_code == 200
            found.append(len(seen))
        return found

    define(user, v3_1_10a="15")
    narrate(user, "x")
    before = counts()
    for number in range(20):
        scope_row(tracker, assets, name=f"pc {number}", category="cui")
        user.post(CHANGES, {**CHANGE, "text": f"change {number}"})
    user.upload("a.txt", b"a", title="Desktop settings", objectives="3.1.10[a]")
    define(user, v3_5_8a="24", v3_3_1e="90")
    assert counts() == before


def test_who_may_only_look_reads_the_registers_and_writes_nothing(user: Person, tracker: Tracker) -> None:
    user.post(CHANGES, CHANGE)
    give(tracker, user.id, may_contribute=False)
    for address in (f"{SSP}/contradictions", VALUES, CHANGES, f"{CHANGES}/1"):
        page = user.get(address)
        assert page.status_code == 200
        assert '<form method="post"' not in re.sub(r"(?s)<header.*?</header>", "", page.text), address
    for address, form in (
        (VALUES, {"value-3.1.10a": "15", "version-3.1.10a": "0"}),
        (CHANGES, CHANGE),
        (f"{CHANGES}/1", {**CHANGE, "version": "1"}),
        (f"{CHANGES}/1/settle", {"settled_on": TODAY, "settled": "x", "version": "1"}),
    ):
        assert user.post(address, form).status_code == 403, address


def test_strangers_learn_nothing_of_the_registers(user: Person, outsider: Person) -> None:
    user.post(CHANGES, CHANGE)
    for address in (f"{SSP}/contradictions", VALUES, CHANGES, f"{CHANGES}/1"):
        assert outsider.get(address).status_code == 404
    assert outsider.post(VALUES, {"value-3.1.10a": "15"}).status_code == 404
