"""What the house does by itself: reading texts, hashing bytes again, reminding people. Each may run twice."""

import errno
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from docx import Document
from sqlalchemy import insert, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.clocks import years_after
from cmmc_tracker.services import integrity, jobs, verify
from cmmc_tracker.services.jobs import JOBS, Job, checks, reminders, texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.mail import Smtp
from cmmc_tracker.storage.tables import (
    affirmations,
    artifacts,
    assignments,
    audit,
    blob_texts,
    blobs,
    leases,
    memberships,
    recorded_statuses,
    users,
)
from tests.conftest import OPERATOR, Clock, Person
from tests.services.evidence import give
from tests.services.plan_steps import MAY_WAIT, freeze, judge, planned
from tests.storage.smtp_server import Box, serving


def _docx(*paragraphs: str) -> bytes:
    document, file = Document(), io.BytesIO()
    for one in paragraphs:
        document.add_paragraph(one)
    document.save(file)
    return file.getvalue()


def _found(person: Person, text: str) -> list[int]:
    return [one["id"] for one in person.get(f"/api/v1/artifacts?q={text}").get_json()["items"]]


def _state(tracker: Tracker) -> str:
    with tracker.read() as work:
        return str(work.db.execute(select(blobs.c.text_state)).scalar_one())


def test_a_clock_that_ran_ahead_and_was_set_right_stops_no_job(tracker: Tracker, clock: Clock) -> None:
    job = next(one for one in JOBS if one.name == "checks")
    clock.forward(days=400)
    assert jobs.take(tracker, job, "a process that died")
    clock.forward(days=-400)
    assert jobs.take(tracker, job, "me")
    assert not jobs.take(tracker, job, "another")
    jobs.give_back(tracker, job, "me", done=True)
    clock.forward(days=-400)
    assert jobs._is_time(tracker, job)


def test_what_a_document_says_is_found_once_it_was_read(tracker: Tracker, user: Person) -> None:
    user.upload("policy.docx", _docx("Removable media are encrypted with Zebrafish."))
    assert _found(user, "zebrafish") == []
    assert texts.turn(House(tracker)) is False
    assert _found(user, "zebrafish") == [1]
    assert not texts.wanted(House(tracker))


def test_reading_waits_while_files_come_one_after_the_other_but_not_for_long(
    tracker: Tracker, user: Person, clock: Clock
) -> None:
    user.upload("a.txt", b"the first one")
    assert not texts.wanted(House(tracker))
    clock.forward(seconds=2)
    assert texts.wanted(House(tracker))
    clock.forward(seconds=20)
    user.upload("b.txt", b"the second one")
    assert not texts.wanted(House(tracker))
    clock.forward(seconds=10)
    user.upload("c.txt", b"the third one")
    assert texts.wanted(House(tracker)), "the first one has waited long enough"
    clock.forward(days=-1)
    assert texts.wanted(House(tracker)), "a clock that was set back holds nothing up"


def test_reading_twice_does_no_harm(tracker: Tracker, user: Person) -> None:
    user.upload("a.txt", b"Zebrafish")
    texts.turn(House(tracker))
    with tracker.write() as work:
        work.db.execute(update(blobs).values(text_state="waiting"))
    texts.turn(House(tracker))
    assert _found(user, "zebrafish") == [1]
    with tracker.read() as work:
        assert len(work.rows(select(blob_texts))) == 1


def test_a_file_that_breaks_its_reader_is_marked_and_nothing_else_suffers(tracker: Tracker, user: Person) -> None:
    broken = user.upload("broken.pdf", b"%PDF-1.4\n" + b"\xff" * 500).get_json()["id"]
    whole = user.upload("whole.txt", b"Zebrafish").get_json()["id"]
    texts.turn(House(tracker))
    assert _found(user, "zebrafish") == [whole]
    assert "could not be read" in user.get(f"/artifacts/{broken}").text
    assert not texts.wanted(House(tracker)), "it is not tried for ever"


def test_bytes_that_could_not_be_read_are_read_when_they_come_again(
    tracker: Tracker, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.upload("a.txt", b"Zebrafish")
    with monkeypatch.context() as patch:
        patch.setattr(texts.extraction, "extract", lambda *_: 1 / 0)
        texts.turn(House(tracker))
    assert _found(user, "zebrafish") == []
    user.upload("b.txt", b"Zebrafish")
    texts.turn(House(tracker))
    assert _found(user, "zebrafish") == [2, 1]


def test_a_new_version_is_found_by_its_own_text(tracker: Tracker, user: Person) -> None:
    user.upload("a.txt", b"Zebrafish")
    texts.turn(House(tracker))
    data = {"file": (io.BytesIO(b"Narwhal"), "a.txt")}
    user.client.post("/api/v1/artifacts/1/versions", data=data, headers={"X-CSRF-Token": user.token})
    texts.turn(House(tracker))
    assert (_found(user, "zebrafish"), _found(user, "narwhal")) == ([], [1])


def test_markings_in_a_text_are_shown_at_the_artifact(tracker: Tracker, user: Person) -> None:
    user.upload("drawing.txt", b"CUI//SP-CTI\n\nDrawing 4711\nControlled by: PEO Ships\n")
    user.upload("policy.txt", b"This policy says how CUI is protected.")
    texts.turn(House(tracker))
    assert "Markings of controlled information" in user.get("/artifacts/1").text
    assert "Markings of controlled information" not in user.get("/artifacts/2").text


def test_suggestions_come_from_the_text_and_link_with_one_click_only(tracker: Tracker, user: Person) -> None:
    user.upload("scan0042.txt", b"Multifactor authentication is required for all network access. MFA, Duo, token.")
    texts.turn(House(tracker))
    page = user.get("/artifacts/1").text
    assert "This looks like evidence for" in page
    assert "IA.L2-3.5.3" in page
    assert user.get("/api/v1/artifacts/1").get_json()["objectives"] == []


def _stored(tmp_path: Path, sha256: str) -> Path:
    return tmp_path / "uploads" / sha256[:2] / sha256


def _damage(tmp_path: Path, sha256: str) -> None:
    path = _stored(tmp_path, sha256)
    path.chmod(0o600)
    path.write_bytes(b"not what was received")


def test_the_job_finds_altered_bytes_and_every_administrator_is_told(
    tracker: Tracker, user: Person, admin: Person, tmp_path: Path
) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    checks.turn(House(tracker))
    assert "all 1 intact" in admin.get("/").text
    _damage(tmp_path, sha256)
    with tracker.write() as work:
        work.db.execute(update(blobs).values(checked_at=work.now - integrity.PERIOD - timedelta(hours=1)))
    checks.turn(House(tracker))
    assert "Bytes are not what was received" in admin.get("/").text
    assert "1 of 1 stored files damaged" in user.get("/").text
    with tracker.read() as work:
        assert work.row(select(audit).where(audit.c.action == Event.INTEGRITY_BROKEN)) is not None


def test_damaged_bytes_are_not_served_without_a_warning(tracker: Tracker, user: Person, tmp_path: Path) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    _damage(tmp_path, sha256)
    checks.turn(House(tracker))
    answer = user.get("/api/v1/artifacts/1/versions/1/content")
    assert answer.status_code == 409
    assert "not those that were received" in answer.get_json()["detail"]
    assert user.get("/uploads/1/1/a.txt").status_code == 409
    assert user.get("/api/v1/artifacts/1/versions/1/content?damaged=yes").data == b"not what was received"
    assert "not those that were received" in user.get("/artifacts/1").text


def test_restored_bytes_count_again_and_the_log_says_so(tracker: Tracker, user: Person, tmp_path: Path) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    _damage(tmp_path, sha256)
    assert integrity.check(tracker, sha256, 17)[0] == "altered"
    _stored(tmp_path, sha256).write_bytes(b"what was received")
    assert integrity.check(tracker, sha256, 17)[0] == "intact"
    assert user.get("/uploads/1/1/a.txt").status_code == 200
    with tracker.read() as work:
        assert work.row(select(audit).where(audit.c.action == Event.INTEGRITY_RESTORED)) is not None


def test_missing_bytes_are_found_too(tracker: Tracker, user: Person, tmp_path: Path) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    _stored(tmp_path, sha256).unlink()
    assert integrity.check(tracker, sha256, 17)[0] == "missing"


def test_a_store_that_is_away_says_nothing_of_the_bytes(
    tracker: Tracker, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.upload("a.txt", b"a")
    with monkeypatch.context() as patch:
        patch.setattr(FolderBlobs, "check", _fails)
        patch.setattr(FolderBlobs, "ping", _fails)
        checks.turn(House(tracker))
        assert checks.wanted(House(tracker))
    checks.turn(House(tracker))
    assert "all 1 intact" in user.get("/").text


def _fails(*_given: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_what_could_not_be_read_is_tried_again_soon_and_given_out_when_it_can_be(
    tracker: Tracker, user: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.upload("a.txt", b"a")
    with monkeypatch.context() as patch:
        patch.setattr(FolderBlobs, "check", _fails)
        checks.turn(House(tracker))
    assert "1 of 1 stored files damaged" in user.get("/").text
    assert user.get("/uploads/1/1/a.txt").data == b"a"
    assert not checks.wanted(House(tracker))
    clock.forward(minutes=11)
    checks.turn(House(tracker))
    assert "all 1 intact" in user.get("/").text


def test_within_thirty_days_everything_is_checked_and_nothing_sooner(
    tracker: Tracker, user: Person, clock: Clock
) -> None:
    user.upload("a.txt", b"a")
    checks.turn(House(tracker))
    assert not checks.wanted(House(tracker))
    clock.forward(days=29)
    assert not checks.wanted(House(tracker))
    clock.forward(days=2)
    assert checks.wanted(House(tracker))


def test_verify_goes_on_where_it_was_stopped(tracker: Tracker, user: Person, tmp_path: Path, clock: Clock) -> None:
    sha256 = user.upload("a.txt", b"what was received").get_json()["current_version"]["sha256"]
    assert verify.run(tracker).problems == []
    _damage(tmp_path, sha256)
    assert verify.run(tracker, resume=True).problems == [], "it was found intact a moment ago"
    assert "Altered" in verify.run(tracker).problems[0]
    clock.forward(days=2)
    assert "Altered" in verify.run(tracker, resume=True).problems[0]


def test_a_node_whose_clock_is_behind_leaves_the_other_its_job(tracker: Tracker, clock: Clock) -> None:
    assert jobs.take(tracker, jobs.JOBS[0], "one")
    clock.forward(minutes=-1)
    assert not jobs.take(tracker, jobs.JOBS[0], "another")


def test_one_process_at_a_time_does_a_job(tracker: Tracker, clock: Clock) -> None:
    job = JOBS[0]
    assert jobs.take(tracker, job, "one")
    assert not jobs.take(tracker, job, "two")
    assert jobs.take(tracker, job, "one"), "its holder may go on"
    jobs.give_back(tracker, job, "one", done=True)
    assert jobs.take(tracker, job, "two")
    clock.forward(minutes=6)
    assert jobs.take(tracker, job, "one"), "who died with a job keeps it for some minutes only"


def test_an_idle_house_writes_nothing(tracker: Tracker) -> None:
    house = House(tracker)
    for _ in range(2):
        jobs.turn(house, "one")
    with tracker.read() as work:
        before = work.rows(select(leases))
    jobs.turn(house, "one")
    with tracker.read() as work:
        assert work.rows(select(leases)) == before


def test_a_job_that_fails_is_given_back_and_the_others_have_their_turn(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []

    def fails(_house: House) -> bool:
        raise RuntimeError("broken")

    def works(_house: House) -> bool:
        done.append(1)
        return False

    job = Job("texts", timedelta(0), fails)
    monkeypatch.setattr(jobs, "JOBS", (job, Job("checks", timedelta(0), works)))
    jobs.turn(House(tracker), "one")
    assert done == [1]
    assert jobs.take(tracker, job, "two")


def test_a_reader_that_fails_marks_its_file_and_the_next_is_read(
    tracker: Tracker, user: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    user.upload("a.txt", b"Zebrafish")
    real = texts.extraction.extract
    monkeypatch.setattr(texts.extraction, "extract", lambda *_: 1 / 0)
    assert texts.turn(House(tracker)) is False
    assert _state(tracker) == "failed"
    monkeypatch.setattr(texts.extraction, "extract", real)
    user.upload("b.txt", b"Narwhal")
    texts.turn(House(tracker))
    assert _found(user, "narwhal") == [2]


@pytest.fixture
def letters() -> Iterator[tuple[Box, Smtp]]:
    """A real mail server, what it took, and our way to it."""
    box = Box()
    with serving(box) as place:
        yield box, Smtp(f"smtp://{place}", "tracker@example.com")


def _owes(tracker: Tracker, person: Person, due_on: date) -> None:
    person.upload("The firewall is open.txt", b"a weakness", title="Firewall lets everything in")
    with tracker.write() as work:
        work.db.execute(update(artifacts).values(owner_id=person.id, due_on=due_on, cadence="monthly"))


def test_a_reminder_goes_out_once_a_day_and_names_no_weakness(
    tracker: Tracker, user: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    handler, mailer = letters
    assert user.post("/profile/mail", {"mail": "bo@example.com"}).status_code == 302
    _owes(tracker, user, clock().date() + timedelta(days=3))
    house = House(tracker, mailer, "https://tracker.example.com")
    reminders.turn(house)
    reminders.turn(house)
    assert len(handler.arrived) == 1
    text = handler.arrived[0].text
    assert handler.arrived[0].to == ["bo@example.com"]
    assert "artifact 1" in text
    assert "https://tracker.example.com/my-work" in text
    assert "irewall" not in text
    clock.forward(days=1)
    reminders.turn(house)
    assert len(handler.arrived) == 2


def test_who_is_disabled_or_gave_no_address_gets_no_mail(
    tracker: Tracker, user: Person, admin: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    handler, mailer = letters
    _owes(tracker, user, clock().date())
    reminders.turn(House(tracker, mailer))
    user.post("/profile/mail", {"mail": "bo@example.com"})
    admin.post(f"/admin/users/{user.id}/disable", {})
    with tracker.read() as work:
        assert work.row(select(users.c.disabled_at).where(users.c.id == user.id))[0] is not None  # type: ignore[index]
    reminders.turn(House(tracker, mailer))
    assert handler.arrived == []


def _turns(
    tracker: Tracker, mailer: Smtp, clock: Clock, box: Box, begun: date, days: Iterable[int]
) -> dict[int, list[str]]:
    """A turn on each of these days since the status: who was written to, by the days that are left."""
    told: dict[int, list[str]] = {}
    for gone in days:
        now = datetime.combine(begun + timedelta(days=gone), time(12), UTC)
        clock.offset = now - datetime.now(UTC)
        box.arrived.clear()
        reminders.turn(House(tracker, mailer))
        reminders.turn(House(tracker, mailer))
        if box.arrived:
            told[180 - gone] = sorted(one.to[0] for one in box.arrived)
    return told


def _answering(tracker: Tracker, user: Person, admin: Person) -> date:
    """Bo may approve, ada owns what is open on the POA&M, and a Conditional status was recorded today."""
    judge(user, MAY_WAIT)
    planned(user, weakness="Firewall lets everything in")
    begun = datetime.now(UTC).date()
    freeze(tracker, [1], begun)
    give(tracker, user.id, may_approve=True)
    with tracker.write() as work:
        work.db.execute(update(users).where(users.c.id == user.id).values(mail="bo@example.com"))
        work.db.execute(update(users).where(users.c.id == admin.id).values(mail="ada@example.com"))
        owner = {"system_id": 1, "duty": "owner", "requirement": MAY_WAIT, "user_id": admin.id}
        work.db.execute(insert(assignments).values(**owner, assigned_at=work.now))
        official = {"status_id": 1, "affirmed_on": begun, "name": "Bo", "title": "CEO", "briefing": "b"}
        work.db.execute(insert(affirmations).values(**official, recorded_at=work.now, recorded_by=user.id))
    return begun


def test_170_21_b_who_answers_for_a_closeout_is_written_to_at_90_60_30_and_7_days_and_when_it_is_over(
    tracker: Tracker, user: Person, admin: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    box, mailer = letters
    begun = _answering(tracker, user, admin)
    both = ["ada@example.com", "bo@example.com"]
    around = (80, 89, 90, 91, 119, 120, 121, 149, 150, 151, 172, 173, 174, 180, 181, 182, 200)
    assert _turns(tracker, mailer, clock, box, begun, around) == dict.fromkeys((90, 60, 30, 7, -1), both)


def test_a_reminder_of_a_closeout_names_the_status_by_number_and_no_weakness(
    tracker: Tracker, user: Person, admin: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    box, mailer = letters
    begun = _answering(tracker, user, admin)
    last = begun + timedelta(days=180)
    assert _turns(tracker, mailer, clock, box, begun, [173]) == {7: ["ada@example.com", "bo@example.com"]}
    text = box.arrived[0].text
    assert f"- POA&M to be closed out: status 1, due on {last.day} {last:%b %Y}" in text
    assert "irewall" not in text
    assert MAY_WAIT not in text


def test_who_only_works_in_the_system_is_not_reminded_of_its_status(
    tracker: Tracker, user: Person, admin: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    box, mailer = letters
    begun = _answering(tracker, user, admin)
    with tracker.write() as work:
        work.db.execute(update(assignments).values(requirement="AC.L2-3.1.4"))
    assert _turns(tracker, mailer, clock, box, begun, [90]) == {90: ["bo@example.com"]}


def test_170_22_the_yearly_affirmation_is_reminded_of_before_its_day_and_when_the_status_has_lapsed(
    tracker: Tracker, user: Person, admin: Person, clock: Clock, letters: tuple[Box, Smtp]
) -> None:
    box, mailer = letters
    begun = _answering(tracker, user, admin)
    with tracker.write() as work:
        work.db.execute(update(recorded_statuses).values(stage="final", act="record_final"))
        work.db.execute(update(memberships).values(may_approve=False))
        work.db.execute(update(assignments).values(duty="affirming_official", requirement=""))
    year = (years_after(begun, 1) - begun).days
    told = _turns(
        tracker, mailer, clock, box, begun, (year + one for one in (-61, -60, -59, -31, -30, -29, -8, -7, -6, 0, 1, 2))
    )
    both = ["ada@example.com", "bo@example.com"]  # the official, and who may judge where nobody may approve
    assert told == dict.fromkeys((180 - year - days for days in (-60, -30, -7, 1)), both)


def test_a_server_that_is_away_is_tried_again(tracker: Tracker, user: Person, clock: Clock) -> None:
    user.post("/profile/mail", {"mail": "bo@example.com"})
    _owes(tracker, user, clock().date())
    reminders.turn(House(tracker, Smtp("smtp://127.0.0.1:9", "tracker@example.com")))
    with tracker.read(OPERATOR) as work:
        assert work.db.execute(select(users.c.digest_sent_on)).scalars().all() == [None]


def test_without_a_mail_server_nothing_is_sent(tracker: Tracker) -> None:
    assert reminders.turn(House(tracker)) is False


@pytest.mark.parametrize("wrong", ["bo", "bo@", "bo@example.com, cy@example.com", "bo@example.com\nBcc: x@example.com"])
def test_what_is_no_address_is_refused_and_told(user: Person, wrong: str) -> None:
    answer = user.post("/profile/mail", {"mail": wrong})
    assert answer.status_code == 422
    assert "no mail address" in answer.text
