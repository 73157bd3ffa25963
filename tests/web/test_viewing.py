"""The assessor's view in a browser: an account, a link and its word; one package and nothing else; every look told."""

import hashlib
import io
import re
import zipfile
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from cmmc_tracker.services import quarantine
from cmmc_tracker.services.handoff import opening, views
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit, blob_texts, blobs
from tests.conftest import Clock, Person, png
from tests.services.evidence import FIRST, linked_artifact, switch, versioned
from tests.services.handoff.shown import POLICY, Stage, assessor, browser, link, staged, view, wanted

REQUIREMENT = "/requirements/AC.L2-3.1.1"


@pytest.fixture
def stage(tracker: Tracker) -> Stage:
    return staged(tracker)


@pytest.fixture
def asa(app: Flask, tracker: Tracker, stage: Stage) -> Person:
    """Asa looks at the package by an account."""
    assessor(tracker)
    view(tracker, stage)
    return browser(app, tracker)


def _logged(tracker: Tracker, *actions: str) -> list[str]:
    with tracker.read() as work:
        query = select(audit.c.actor, audit.c.detail).where(audit.c.action.in_(actions)).order_by(audit.c.id)
        return [f"{row.actor} {row.detail}" for row in work.rows(query)]


def test_an_assessor_reads_the_package_by_requirement_as_it_was_frozen(
    asa: Person, stage: Stage, tracker: Tracker
) -> None:
    versioned(tracker, stage.bea, stage.policy, ("policy.md", b"A later version with walruses\n"))
    home = asa.get("/assessor/1")
    assert home.status_code == 200
    assert "Of record" in home.text
    assert home.text.count('class="row-link"') == 110
    page = asa.get(f"/assessor/1{REQUIREMENT}").text
    assert "Access policy" in page
    assert "version 1" in page
    shown = asa.get(f"/assessor/1/artifacts/{stage.policy}").text
    assert "zebras" in shown
    assert "walruses" not in shown
    assert "rule</th>" in asa.get(f"/assessor/1/artifacts/{stage.rules}").text


def test_the_dashboards_address_shows_an_assessor_the_packages_that_are_open(asa: Person) -> None:
    page = asa.get("/")
    assert page.status_code == 200
    assert 'href="/assessor/1"' in page.text
    assert "/artifacts" not in page.text
    profile = asa.get("/profile").text
    assert "API tokens" not in profile
    assert "/systems/" not in profile


def test_a_search_finds_requirements_artifacts_and_words_in_files(asa: Person, stage: Stage, tracker: Tracker) -> None:
    with tracker.write() as work:
        sha256 = hashlib.sha256(POLICY).hexdigest()
        work.db.execute(insert(blob_texts).values(sha256=sha256, text=POLICY.decode(), cut=False))
    assert "AC.L2-3.1.1" in asa.get("/assessor/1/search?q=3.1.1").text
    assert "<mark>Firewall</mark> rules" in asa.get("/assessor/1/search?q=firewall").text
    found = asa.get("/assessor/1/search?q=ZEBRAS+people").text
    assert "Access policy" in found
    assert "Only <mark>zebras</mark> and named <mark>people</mark>" in found
    assert "Nothing in this package" in asa.get("/assessor/1/search?q=walrus").text
    assert asa.get("/assessor/1/search").status_code == 200


def test_looking_only_gives_no_bytes_but_pictures(asa: Person, stage: Stage) -> None:
    for path in (f"/artifacts/{stage.policy}/files/1", f"/artifacts/{stage.policy}/files/1?download", "/download"):
        answer = asa.get(f"/assessor/1{path}")
        assert answer.status_code == 409, path
        assert "looked at only" in answer.text, path
    assert "Download" not in asa.get("/assessor/1").text
    assert "download" not in asa.get(f"/assessor/1/artifacts/{stage.policy}").text


def test_a_picture_is_shown_and_cannot_be_had_as_a_file(app: Flask, tracker: Tracker) -> None:
    stage = staged(tracker)
    picture = linked_artifact(tracker, stage.bea, "Screenshot", ("shot.png", png()), FIRST)
    from cmmc_tracker.domain.handoff.package import Asked, Purpose
    from cmmc_tracker.services.handoff import packages

    asked = Asked("Second", Purpose.FINAL, "why", releasable=False)
    later = packages.freeze(tracker, stage.bea, "", stage.bea.systems["main"], asked)
    assessor(tracker)
    view(tracker, Stage(stage.bea, later, stage.policy, stage.rules))
    asa = browser(app, tracker)
    answer = asa.get(f"/assessor/1/artifacts/{picture}/files/1")
    assert (answer.status_code, answer.data, answer.mimetype) == (200, png(), "image/png")
    assert asa.get(f"/assessor/1/artifacts/{picture}/files/1?download").status_code == 409


def test_what_may_be_downloaded_is_and_the_log_says_so(app: Flask, tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    view(tracker, stage, wanted(tracker, may_download=True))
    asa = browser(app, tracker)
    answer = asa.get(f"/assessor/1/artifacts/{stage.policy}/files/1?download")
    assert (answer.status_code, answer.data) == (200, POLICY)
    whole = asa.get("/assessor/1/download")
    assert whole.status_code == 200
    names = zipfile.ZipFile(io.BytesIO(whole.data)).namelist()
    assert "manifest.json" in names
    taken = _logged(tracker, "package:file_taken", "package:downloaded")
    assert [line.split()[0] for line in taken] == ["asa", "asa"]


def test_each_look_is_logged_once_in_a_while_and_shown_to_the_contractor(
    asa: Person, admin: Person, tracker: Tracker, clock: Clock
) -> None:
    for _ in range(3):
        asa.get(f"/assessor/1{REQUIREMENT}")
    assert len(_logged(tracker, "package:looked_at")) == 1
    clock.forward(minutes=11)
    asa.get(f"/assessor/1{REQUIREMENT}")
    asa.get("/assessor/1")
    assert len(_logged(tracker, "package:looked_at")) == 3
    for path in ("/systems/main/packages/1", "/systems/main/packages/1/viewers"):
        page = admin.get(path).text
        assert re.search(r"looked at\s*<a[^>]*>AC\.L2-3\.1\.1", page), path
        assert "the overview" in page, path


def test_an_account_without_a_second_factor_is_led_to_set_one_up(app: Flask, tracker: Tracker, stage: Stage) -> None:
    assessor(tracker, enrolled=False)
    view(tracker, stage)
    asa = Person("asa", app.test_client())
    asa.sign_in()
    for path in ("/", "/assessor/1", f"/assessor/1{REQUIREMENT}", "/profile"):
        answer = asa.client.get(path)
        assert (answer.status_code, answer.location) == (302, "/profile/second-factor"), path
    assert asa.get("/profile/second-factor").status_code == 200
    assert asa.get("/artifacts").status_code == 404


def test_a_view_ends_with_its_last_day_by_itself(asa: Person, clock: Clock, app: Flask, tracker: Tracker) -> None:
    clock.forward(days=29)
    assert browser(app, tracker).get("/assessor/1").status_code == 200
    clock.forward(days=2)
    late = browser(app, tracker)
    assert late.get("/assessor/1").status_code == 404
    assert late.get(f"/assessor/1{REQUIREMENT}").status_code == 404
    assert "No package is open to you" in late.get("/").text


def test_a_view_that_was_taken_back_opens_nothing(asa: Person, admin: Person) -> None:
    assert asa.get("/assessor/1").status_code == 200
    assert admin.post("/systems/main/packages/1/viewers/1/revoke").status_code == 303
    assert asa.get("/assessor/1").status_code == 404
    assert asa.get("/assessor/1/artifacts/1/files/1").status_code == 404
    assert "revoked" in admin.get("/systems/main/packages/1/viewers").text


def test_nobody_else_opens_the_view_of_an_account(
    asa: Person, admin: Person, user: Person, app: Flask, tracker: Tracker
) -> None:
    assessor(tracker, "other")
    for one in (admin, user, browser(app, tracker, "other")):
        assert one.get("/assessor/1").status_code == 404
        assert one.get(f"/assessor/1{REQUIREMENT}").status_code == 404
    assert asa.get("/assessor/2").status_code == 404


def test_what_the_package_has_not_is_not_found(asa: Person, stage: Stage) -> None:
    for path in (
        *("/requirements/AC.L2-9.9.9", "/requirements/x", "/artifacts/99", "/artifacts/99/files/1"),
        *(f"/artifacts/{stage.policy}/files/2", f"/artifacts/{stage.policy}/files/1/pages/1.png"),
    ):
        assert asa.get(f"/assessor/1{path}").status_code == 404, path


def test_an_artifact_in_quarantine_is_kept_from_sight_and_the_package_is_not_given_out(
    app: Flask, tracker: Tracker, stage: Stage
) -> None:
    assessor(tracker)
    view(tracker, stage, wanted(tracker, may_download=True))
    asa = browser(app, tracker)
    with tracker.write(stage.bea) as work:
        quarantine.hold(work, stage.policy, "It should not be here.")
    page = asa.get(f"/assessor/1/artifacts/{stage.policy}")
    assert page.status_code == 200
    assert "holds it back" in page.text
    assert "Access policy" not in page.text + asa.get(f"/assessor/1{REQUIREMENT}").text
    assert "zebras" not in page.text
    assert asa.get(f"/assessor/1/artifacts/{stage.policy}/files/1").status_code == 404
    assert asa.get("/assessor/1/download").status_code == 409
    assert "Firewall rules" in asa.get(f"/assessor/1/artifacts/{stage.rules}").text


def test_damaged_bytes_are_said_to_be_damaged(app: Flask, tracker: Tracker, stage: Stage) -> None:
    assessor(tracker)
    view(tracker, stage, wanted(tracker, may_download=True))
    asa = browser(app, tracker)
    with tracker.write() as work:
        work.db.execute(update(blobs).values(check_state="altered"))
    assert "not those that were received" in asa.get(f"/assessor/1/artifacts/{stage.policy}").text
    for wish in ("?download", "?damaged=yes", "?download&damaged=yes"):
        assert asa.get(f"/assessor/1/artifacts/{stage.policy}/files/1{wish}").status_code == 409, wish
    assert _logged(tracker, "package:file_taken") == []


def test_whoever_looks_or_takes_without_end_is_stopped_and_the_log_grows_no_more(
    app: Flask, tracker: Tracker, stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_MOST_ENTRIES", 3)
    assessor(tracker)
    view(tracker, stage, wanted(tracker, may_download=True))
    asa = browser(app, tracker)
    file = f"/assessor/1/artifacts/{stage.policy}/files/1?download"
    assert [asa.get(file).status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    for path in (f"/assessor/1{REQUIREMENT}", "/assessor/1/download", "/assessor/1/search?q=zebra"):
        refused = asa.get(path)
        assert refused.status_code == 429, path
        assert 0 < int(refused.headers["Retry-After"]) <= 600, path
    assert len(_logged(tracker, "package:file_taken", "package:looked_at", "package:downloaded")) == 3
    clock.forward(minutes=11)
    assert asa.get(f"/assessor/1{REQUIREMENT}").status_code == 200


def test_searches_of_one_view_are_limited_and_those_of_another_are_not(
    app: Flask, tracker: Tracker, stage: Stage
) -> None:
    for name in ("asa", "ben"):
        assessor(tracker, name)
        view(tracker, stage, wanted(tracker, name))
    asa, ben = browser(app, tracker), browser(app, tracker, "ben")
    answers = [asa.get("/assessor/1/search?q=zebra").status_code for _ in range(62)]
    assert answers == [200] * 60 + [429] * 2
    assert asa.get("/assessor/1/search").status_code == 200
    assert ben.get("/assessor/2/search?q=zebra").status_code == 200


def test_what_is_hidden_makes_one_entry_in_the_log_whatever_file_of_it_is_named(
    asa: Person, stage: Stage, tracker: Tracker
) -> None:
    with tracker.write(stage.bea) as work:
        quarantine.hold(work, stage.policy, "It should not be here.")
    for number in range(5):
        assert asa.get(f"/assessor/1/artifacts/{stage.policy}?file={number}").status_code == 200
    assert len(_logged(tracker, "package:looked_at")) == 1


# Questions


def test_a_question_reaches_the_contractor_and_its_answer_the_assessor(
    asa: Person, user: Person, stage: Stage, tracker: Tracker
) -> None:
    form = {"requirement": "AC.L2-3.1.1", "letter": "a", "text": "Who approves <new> accounts?"}
    sent = asa.post("/assessor/1/questions", form)
    assert (sent.status_code, sent.location) == (303, "/assessor/1/questions#question-1")
    for path in ("/work", "/systems/main/packages/1", "/systems/main/packages/1/viewers"):
        page = user.get(path if path != "/work" else "/my-work").text
        assert "Who approves &lt;new&gt; accounts?" in page, path
        assert "AC.L2-3.1.1[a]" in page, path
    answer = {"answer": "The owner of the system.", "version": "1"}
    assert user.post("/systems/main/packages/1/viewers/questions/1", answer).status_code == 303
    assert "Who approves" not in user.get("/my-work").text
    for path in ("/questions", REQUIREMENT):
        page = asa.get(f"/assessor/1{path}").text
        assert "The owner of the system." in page, path
        assert "Answered by bo" not in page or "bo" in page
    assert "write no findings here" in asa.get("/assessor/1/questions").text


def test_a_wrong_question_is_told_and_what_was_typed_is_kept(asa: Person) -> None:
    for form, field in (
        ({"text": "  "}, "Please write it"),
        ({"text": "x" * 5_001}, "Please write it"),
        ({"text": "Why?", "requirement": "AC.L2-9.9.9"}, "no objective of the package"),
        ({"text": "Why?", "requirement": "AC.L2-3.1.1", "letter": "z"}, "no objective of the package"),
        ({"text": "Why?", "artifact": "x"}, "no artifact of the package"),
    ):
        answer = asa.post("/assessor/1/questions", form)
        assert answer.status_code == 422, form
        assert field in answer.text, form
    assert ">Why?</textarea>" in answer.text
    assert asa.post("/assessor/1/questions", {"text": "Why?", "artifact": "99"}).status_code == 404


def test_two_answers_at_once_are_one_answer_and_a_refusal(asa: Person, user: Person) -> None:
    asa.post("/assessor/1/questions", {"text": "Why?"})
    path = "/systems/main/packages/1/viewers/questions/1"
    assert user.post(path, {"answer": "First", "version": "1"}).status_code == 303
    late = user.post(path, {"answer": "Second", "version": "1"})
    assert late.status_code == 412
    assert ">Second</textarea>" in late.text
    assert "First" in late.text
    assert user.post(path, {"answer": " ", "version": "2"}).status_code == 422
    assert user.post("/systems/main/packages/1/viewers/questions/9", {"answer": "x", "version": "1"}).status_code == 404


# Links


def _open(guest: Person, made: views.Made, word: str = "") -> Person:
    base = f"/link/{made.token}/package"
    guest.token = guest.token_of(f"{base}/word")
    answer = guest.post(f"{base}/word", {"word": word or made.word})
    assert answer.status_code == 303, answer.text
    return guest


def test_a_link_and_its_word_open_the_package_without_an_account(
    stranger: Person, stage: Stage, tracker: Tracker
) -> None:
    made = link(tracker, stage)
    base = f"/link/{made.token}/package"
    locked = stranger.client.get(base)
    assert (locked.status_code, locked.location) == (302, f"{base}/word")
    assert stranger.client.get(f"{base}/artifacts/{stage.policy}").status_code == 302
    _open(stranger, made, made.word.replace("-", " ").upper())
    assert stranger.get(base).text.count('class="row-link"') == 110
    assert "zebras" in stranger.get(f"{base}/artifacts/{stage.policy}").text
    assert stranger.get(f"{base}/download").status_code == 409
    sent = stranger.post(f"{base}/questions", {"text": "Where is the log?", "artifact": str(stage.policy)})
    assert sent.status_code == 303
    assert "Where is the log?" in stranger.get(f"{base}/questions").text
    assert all("package link 1 (Kim of C3PAO)" in line for line in _logged(tracker, "package:looked_at"))
    assert stranger.client.get("/artifacts").status_code == 302
    assert stranger.get(base).headers["Referrer-Policy"] == "same-origin"
    assert "noindex" in stranger.get(base).headers["X-Robots-Tag"]


def test_a_wrong_word_opens_nothing_and_the_tenth_closes_the_link(
    stranger: Person, stage: Stage, tracker: Tracker, admin: Person
) -> None:
    made = link(tracker, stage)
    base = f"/link/{made.token}/package"
    stranger.token = stranger.token_of(f"{base}/word")
    for _ in range(9):
        answer = stranger.post(f"{base}/word", {"word": "nope-nope-nope-nope"})
        assert answer.status_code == 401
        assert "not the word" in answer.text
    assert stranger.client.get(base).status_code == 302
    assert stranger.post(f"{base}/word", {"word": "nope"}).status_code == 404
    assert stranger.post(f"{base}/word", {"word": made.word}).status_code == 404
    assert "closed: too many wrong words" in admin.get("/systems/main/packages/1/viewers").text


def test_a_right_word_forgives_the_wrong_ones_before_it(app: Flask, stage: Stage, tracker: Tracker) -> None:
    made = link(tracker, stage)
    base = f"/link/{made.token}/package"
    for _ in range(3):
        guest = Person("", app.test_client())
        guest.token = guest.token_of(f"{base}/word")
        for _ in range(6):
            assert guest.post(f"{base}/word", {"word": "nope"}).status_code == 401
        _open(guest, made)
        assert guest.get(base).status_code == 200


def test_expired_revoked_guessed_and_orphaned_links_say_the_same(
    app: Flask, stranger: Person, stage: Stage, tracker: Tracker, admin: Person, clock: Clock
) -> None:
    revoked, expired = link(tracker, stage), link(tracker, stage, wanted(tracker, "Kim", days=1))
    guests = [_open(Person("", app.test_client()), one) for one in (revoked, expired)]
    assert admin.post("/systems/main/packages/1/viewers/1/revoke").status_code == 303
    clock.forward(days=2)
    texts = set()
    tries = [*zip(guests, (revoked.token, expired.token), strict=True), (stranger, "x" * 64), (stranger, "y")]
    for number, (guest, token) in enumerate(tries):
        for path in ("", "/word", f"/artifacts/{stage.policy}/files/1"):
            place = {"REMOTE_ADDR": f"10.0.0.{number}"}
            answer = guest.client.get(f"/link/{token}/package{path}", environ_overrides=place)
            assert answer.status_code == 404, (token, path)
            texts.add(re.sub(r"<code>[0-9a-f]{8}</code>|/link/[^\"]*", "", answer.text))
    assert len(texts) == 1
    assert "has expired or was taken back" in texts.pop()


def test_a_link_is_closed_while_cui_may_be_stored(app: Flask, stranger: Person, stage: Stage, tracker: Tracker) -> None:
    made = link(tracker, stage)
    guest = _open(stranger, made)
    switch(tracker, cui_allowed=True)
    assert guest.client.get(f"/link/{made.token}/package").status_code == 404
    switch(tracker, cui_allowed=False)
    assert guest.client.get(f"/link/{made.token}/package").status_code == 200


def test_the_word_of_one_link_does_not_open_another(stranger: Person, stage: Stage, tracker: Tracker) -> None:
    first, second = link(tracker, stage), link(tracker, stage)
    _open(stranger, first)
    assert stranger.client.get(f"/link/{second.token}/package").status_code == 302
    other = f"/link/{second.token}/package/word"
    assert stranger.post(other, {"word": first.word}).status_code == 401


def test_a_word_is_good_for_half_a_day_in_one_browser(
    stranger: Person, stage: Stage, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmmc_tracker.gate import links

    made = link(tracker, stage)
    _open(stranger, made)
    later = links.time.time() + timedelta(hours=12, minutes=1).total_seconds()
    monkeypatch.setattr(links.time, "time", lambda: later)
    assert stranger.client.get(f"/link/{made.token}/package").status_code == 302
