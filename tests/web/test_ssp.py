"""The pages of the system security plan: reading it, writing it, its versions, comparing."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, insert, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import assets, plan_items, plan_versions, providers
from tests.conftest import OPERATOR, Person
from tests.services.evidence import give, other_system, switch

SSP = "/systems/main/ssp"
PAGE = "/systems/main/requirements/AC.L2-3.1.1"
TODAY = datetime.now(UTC).date().isoformat()


def version_in(page: str, name: str = "version") -> str:
    """The version that a form carries."""
    found = re.search(rf'name="{name}" value="(\d+)"', page)
    assert found
    return found[1]


def narrate(who: Person, text: str, **more: str) -> None:
    """Write the narrative of 3.1.1."""
    form = {"narrative": text, "implementation_status": "implemented", "responsibility": "own", **more}
    answer = who.post(f"{PAGE}/implementation", form)
    assert answer.status_code == 302, answer.text


def write_section(who: Person, text: str, name: str = "boundary", version: str | None = None) -> int:
    """Write a section of the plan as its page does."""
    address = f"{SSP}/sections/{name}"
    seen = version_in(who.get(address).text) if version is None else version
    return who.post(address, {"text": text, "version": seen}).status_code


def scope_row(tracker: Tracker, table: object, **values: object) -> None:
    """A row of the scope."""
    with tracker.write(OPERATOR) as work:
        given = {"system_id": 1, "draft": False, "created_at": work.now, **values}
        work.db.execute(insert(table).values(**given))  # type: ignore[arg-type]


def test_the_plan_says_what_the_records_say(admin: Person, user: Person, tracker: Tracker) -> None:
    scope_row(tracker, assets, name="File server", category="cui", treatment="Locked room")
    scope_row(tracker, providers, name="Northwind", is_cloud=True, services="mail", holds="cui")
    with tracker.write(OPERATOR) as work:
        values = {"system_id": 1, "requirement": "AC.L2-3.1.2", "kind": "poam", "weakness": "No roles yet"}
        work.db.execute(insert(plan_items).values(**values, created_at=work.now))
    assert write_section(user, "All of **building 2**.") == 302
    narrate(user, "The office manager keeps the list.")
    page = user.get(SSP).text
    for text in (
        *("<strong>building 2</strong>", "File server", "Locked room", "CUI Assets", "Northwind", "mail"),
        *("The office manager keeps the list.", "No roles yet", "AC Access Control"),
    ):
        assert text in page, text
    assert page.count('class="plan-item"') == 110


def test_the_plan_takes_a_fixed_number_of_statements(admin: Person, tracker: Tracker) -> None:
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    narrate(admin, "x")
    admin.get(SSP)
    seen.clear()
    admin.get(SSP)
    before = len(seen)
    for number in range(30):
        scope_row(tracker, assets, name=f"pc {number}", category="cui")
    admin.upload("a.txt", b"a", title="A policy", objectives="3.1.1[a]")
    narrate(admin, "See [[artifact:1]], " + " ".join(f"[[asset:{n}]]" for n in range(1, 31)))
    write_section(admin, "[[asset:3]]")
    seen.clear()
    admin.get(SSP)
    # Two for names: artifacts and assets are looked up only where a text refers to any.
    assert len(seen) <= before + 2


def test_a_reference_is_shown_by_its_name_of_the_day_and_leads_there(user: Person, tracker: Tracker) -> None:
    user.upload("a.txt", b"a", title="Access <policy>", objectives="3.1.1[a]")
    scope_row(tracker, assets, name="File server", category="cui")
    narrate(user, "By [[artifact:1]] on [[asset:1]], not [[provider:9]].")
    for page in (user.get(SSP).text, user.get(PAGE).text):
        assert '<a href="/artifacts/1">Access &lt;policy&gt;</a>' in page
        assert '<a href="/systems/main/scope/assets/1">File server</a>' in page
        assert "(provider 9, which is not here any more)" in page
    assert user.call("PATCH", "/artifacts/1", {"title": "Sign-in rules"}).status_code == 200
    assert ">Sign-in rules</a>" in user.get(SSP).text


def test_a_plan_names_nothing_of_another_system(user: Person, tracker: Tracker) -> None:
    lab = other_system(tracker, user.id)
    assert user.upload("b.txt", b"b", title="Only of the lab", system=lab.slug).status_code == 201
    narrate(user, "By [[artifact:1]].")
    assert "Only of the lab" not in user.get(SSP).text
    found = user.post(f"{PAGE}/implementation", {"narrative": "x", "act": "find", "find": "lab"})
    assert "Only of the lab" not in found.text


def test_finding_a_reference_saves_nothing_and_keeps_what_was_typed(user: Person) -> None:
    user.upload("a.txt", b"a", title="Visitor rules 100%", objectives="3.1.1[a]")
    for address, field in (
        (f"{PAGE}/implementation", "narrative"),
        (f"{SSP}/sections/roles", "text"),
        (f"{SSP}/requirements/AC.L2-3.1.1", "text-a"),
    ):
        page = user.post(address, {field: "half a sentence", "act": "find", "find": "RULES 100%", "version": "1"})
        assert page.status_code == 200, address
        assert "[[artifact:1]]" in page.text
        assert ">half a sentence</textarea>" in page.text
    assert "half a sentence" not in user.get(SSP).text
    assert "[[artifact:1]]" in user.get(f"{SSP}/references?find=visitor").text
    assert "Nothing of this system" in user.get(f"{SSP}/references?find=%25%25").text


def test_a_draft_is_offered_with_its_blanks_and_saved_only_by_a_person(user: Person) -> None:
    assert "Put a fill-in draft here" in user.get(PAGE).text
    page = user.post(f"{PAGE}/implementation", {"narrative": "", "act": "draft", "version": "1"}).text
    assert "**Draft.** Fill in what stands in" in page
    assert "Still to be filled in:" in page
    assert "**Draft.**" not in user.get(PAGE).text
    kept = user.post(f"{PAGE}/implementation", {"narrative": "my own words", "act": "draft"}).text
    assert ">my own words</textarea>" in kept


def test_two_people_who_write_a_section_never_overwrite_one_another(admin: Person, user: Person) -> None:
    seen = version_in(admin.get(f"{SSP}/sections/boundary").text)
    assert write_section(user, "what Bo wrote") == 302
    answer = admin.post(f"{SSP}/sections/boundary", {"text": "what Ada wrote", "version": seen})
    assert answer.status_code == 412
    assert "what Bo wrote" in answer.text
    assert ">what Ada wrote</textarea>" in answer.text
    after = admin.post(f"{SSP}/sections/boundary", {"text": "both", "version": version_in(answer.text)})
    assert after.status_code == 302


def test_two_people_who_write_a_narrative_never_overwrite_one_another(admin: Person, user: Person) -> None:
    seen = re.search(r'id="implementation".*?name="version" value="(\d+)"', admin.get(PAGE).text, re.DOTALL)
    assert seen
    narrate(user, "what Bo wrote")
    form = {"narrative": "what Ada wrote", "version": seen[1]}
    answer = admin.post(f"{PAGE}/implementation", form)
    assert answer.status_code == 412
    assert "what Bo wrote" in answer.text
    assert ">what Ada wrote</textarea>" in answer.text


def test_texts_by_objective_are_kept_together_and_what_is_left_out_is_listed(admin: Person, user: Person) -> None:
    address = f"{SSP}/requirements/AC.L2-3.1.1"
    form = {"text-a": "The list is in [[artifact:1]].", "version-a": "0", "text-b": "", "version-b": "0"}
    assert user.post(address, form).status_code == 302
    page = user.get(SSP).text
    assert "(artifact 1, which is not here any more)" in page
    assert page.count("Left out:") == 1
    assert "left out: [b] [c] [d] [e] [f]" in user.get(PAGE).text
    late = admin.post(address, {**form, "text-a": "of Ada", "text-b": "more of Ada"})
    assert late.status_code == 412
    assert "Now there, by bo" in late.text
    assert ">of Ada</textarea>" in late.text
    assert ">more of Ada</textarea>" in late.text
    assert "more of Ada" not in user.get(SSP).text
    assert user.post(address, {"text-a": "x" * 20_001, "version-a": "1"}).status_code == 422
    assert user.post(address, {}).status_code == 400
    assert user.post(f"{SSP}/requirements/AC.L2-9.9.9", form).status_code == 404
    assert user.get(f"{SSP}/requirements/3.1.1").headers["Location"] == address


def test_a_version_is_kept_approved_by_a_second_person_and_compared(
    admin: Person, user: Person, tracker: Tracker
) -> None:
    give(tracker, admin.id, may_approve=True)
    give(tracker, user.id, may_approve=True)
    write_section(user, "Building 2.")
    narrate(user, "One list.\nKept by the office manager.")
    assert user.post(f"{SSP}/versions", {"note": "First one"}).headers["Location"] == f"{SSP}/versions/1"
    assert "waits for approval" in user.get(SSP).text
    again = user.post(f"{SSP}/versions", {"note": "typed in vain"})
    assert again.status_code == 409
    assert "typed in vain" in again.text
    assert "Approve version 1" not in user.get(f"{SSP}/versions/1").text
    own = user.post(f"{SSP}/versions/1/approve")
    assert own.status_code == 409
    assert "somebody else" in own.text
    assert "Approve version 1" in admin.get(f"{SSP}/versions/1").text
    assert admin.post(f"{SSP}/versions/1/approve").status_code == 302
    assert admin.post(f"{SSP}/versions/1/approve").status_code == 302, "twice is once"
    narrate(user, "One list.\nKept by the <IT> manager.")
    compared = admin.get(f"{SSP}/compare").text
    assert "1 part differs" in compared
    assert "Kept by the office manager." in compared
    assert "Kept by the &lt;IT&gt; manager." in compared
    assert "Kept by the office manager." in admin.get(f"{SSP}/versions/1").text
    assert "IT&gt; manager" not in admin.get(f"{SSP}/versions/1").text
    user.post(f"{SSP}/versions", {"note": "Second one"})
    assert "Nothing differs" in user.get(f"{SSP}/compare?from=2&to=today").text
    stale = admin.post(f"{SSP}/versions/1/approve")
    assert stale.status_code == 302, "approved already"
    assert user.get(f"{SSP}/versions").text.count('class="row-link"') == 2
    with tracker.read(OPERATOR) as work:
        from cmmc_tracker.services import audit

        assert audit.broken(work) is None


def test_only_the_newest_version_is_approved(admin: Person, user: Person, tracker: Tracker) -> None:
    give(tracker, admin.id, may_approve=True)
    user.post(f"{SSP}/versions", {})
    narrate(user, "new words")
    user.post(f"{SSP}/versions", {})
    answer = admin.post(f"{SSP}/versions/1/approve")
    assert answer.status_code == 409
    assert "Version 2 is newer" in answer.text


@pytest.mark.parametrize("setting", [False, True])
def test_who_is_alone_or_let_by_a_setting_approves_their_own_version_and_it_shows(
    admin: Person, user: Person, tracker: Tracker, setting: bool
) -> None:
    give(tracker, admin.id, may_approve=True)
    if setting:
        give(tracker, user.id, may_approve=True)
        switch(tracker, approve_own=True)
    admin.post(f"{SSP}/versions", {})
    assert admin.post(f"{SSP}/versions/1/approve").status_code == 302
    for address in (SSP, f"{SSP}/versions", f"{SSP}/versions/1"):
        assert "nobody else could" in admin.get(address).text, address


def test_a_version_that_was_altered_behind_our_back_says_so(user: Person, tracker: Tracker) -> None:
    narrate(user, "as it was")
    user.post(f"{SSP}/versions", {})
    assert "not what was recorded" not in user.get(f"{SSP}/versions/1").text
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(plan_versions).values(content_sha256="0" * 64))
    assert "not what was recorded" in user.get(f"{SSP}/versions/1").text


def test_a_review_is_recorded_with_its_interval_of_at_most_a_year(admin: Person, user: Person) -> None:
    seen = version_in(user.get(SSP).text)
    form = {"reviewed_on": TODAY, "months": "6", "version": seen}
    assert user.post(f"{SSP}/review", form).status_code == 302
    assert "next by" in user.get(SSP).text
    assert admin.post(f"{SSP}/review", {**form, "months": "12"}).status_code == 412
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    for wrong, word in (
        ({"months": "13"}, "32 CFR 170.4"),
        ({"months": "0"}, "32 CFR 170.4"),
        ({"reviewed_on": tomorrow}, "still to come"),
        ({"reviewed_on": "2026-02-30"}, "is not a date"),
        ({"reviewed_on": ""}, "on which day"),
    ):
        answer = user.post(f"{SSP}/review", {**form, "version": version_in(user.get(SSP).text), **wrong})
        assert answer.status_code == 422, wrong
        assert word in answer.text


@pytest.mark.parametrize(
    "path",
    ["versions/2", "versions/99999999999", "sections/potato", "requirements/AC.L2-9.9.9", "compare"],
)
def test_what_is_not_there_is_not_found(user: Person, path: str) -> None:
    assert user.get(f"{SSP}/{path}").status_code == 404


def test_comparing_with_what_is_no_version_is_not_found(user: Person) -> None:
    user.post(f"{SSP}/versions", {})
    for which in ("2", "-1", "x", "9" * 30, "١"):
        assert user.get(f"{SSP}/compare?from={which}").status_code == 404


def test_who_may_only_look_reads_all_and_writes_nothing(user: Person, tracker: Tracker) -> None:
    write_section(user, "Building 2.")
    user.post(f"{SSP}/versions", {})
    give(tracker, user.id, may_contribute=False)
    for path in ("", "/sections/boundary", "/requirements/AC.L2-3.1.1", "/versions", "/versions/1", "/compare"):
        page = user.get(f"{SSP}{path}")
        assert page.status_code == 200, path
        assert '<form method="post"' not in re.sub(r"(?s)<header.*?</header>", "", page.text), path
    for path, form in (
        ("/sections/boundary", {"text": "x", "version": "1"}),
        ("/requirements/AC.L2-3.1.1", {"text-a": "x", "version-a": "0"}),
        ("/versions", {"note": "x"}),
        ("/versions/1/approve", {}),
        ("/review", {"reviewed_on": TODAY, "months": "12", "version": "1"}),
    ):
        assert user.post(f"{SSP}{path}", form).status_code == 403, path


def test_strangers_learn_nothing_of_the_plan(user: Person, outsider: Person) -> None:
    user.post(f"{SSP}/versions", {})
    for path in ("", "/sections/boundary", "/requirements/AC.L2-3.1.1", "/versions", "/versions/1", "/compare"):
        assert outsider.get(f"{SSP}{path}").status_code == 404, path
    assert outsider.post(f"{SSP}/versions/1/approve").status_code == 404


def test_what_is_done_to_the_plan_stands_in_the_log(admin: Person, tracker: Tracker) -> None:
    give(tracker, admin.id, may_approve=True)
    write_section(admin, "Building 2.")
    admin.post(f"{SSP}/requirements/AC.L2-3.1.1", {"text-a": "x", "version-a": "0"})
    admin.post(f"{SSP}/versions", {})
    admin.post(f"{SSP}/versions/1/approve")
    form = {"reviewed_on": TODAY, "months": "12", "version": version_in(admin.get(SSP).text)}
    admin.post(f"{SSP}/review", form)
    log = admin.get("/audit").text
    for one in (
        *(Event.PLAN_SECTION_EDITED, Event.OBJECTIVE_DESCRIBED, Event.PLAN_VERSIONED, Event.PLAN_APPROVED),
        Event.PLAN_REVIEWED,
    ):
        assert one in log
