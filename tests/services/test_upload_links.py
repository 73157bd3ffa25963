"""Upload links for people without an account, and the quarantine that what they send waits in."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.requests import LinkState
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale, TooMany
from cmmc_tracker.services import accounts, artifact_list, assessment, audit, quarantine, reviews, trash
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.limits import DatabaseLimiter
from cmmc_tracker.services.logins import Visitor
from cmmc_tracker.services.requests import asking, guests, links
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, blobs, upload_links
from cmmc_tracker.storage.tables import audit as log
from tests.conftest import OPERATOR, Clock
from tests.services.asked import TODAY, answer, ask, link, look, now_is, opens, send, states
from tests.services.evidence import FIRST, give, made, other_system, received, seen, somebody, switch


@pytest.fixture
def ada(tracker: Tracker, clock: Clock) -> Actor:
    """Ada asks an outside provider."""
    now_is(clock, TODAY)
    return somebody(tracker, "ada", may_approve=True)


def _waiting(tracker: Tracker, actor: Actor) -> list[quarantine.Waiting]:
    with tracker.read(actor) as work:
        return quarantine.listed(work)


def _accept(tracker: Tracker, actor: Actor, artifact_id: int, **given: object) -> None:
    with tracker.write(actor) as work:
        quarantine.accept(work, artifact_id, **given)  # type: ignore[arg-type]


def _links(tracker: Tracker, actor: Actor, request_id: int) -> list[links.Link]:
    with tracker.read(actor) as work:
        return links.of_request(work, request_id)


def test_a_link_is_kept_as_a_hash_only_and_its_token_has_256_random_bits(tracker: Tracker, ada: Actor) -> None:
    token = link(tracker, ada, ask(tracker, ada))
    assert guests.is_link_like(token)
    with tracker.read() as work:
        row = work.row(select(upload_links))
        everything = " ".join(str(value) for value in row)
        said = " ".join(r.detail + r.actor + r.entity for r in work.rows(select(log)))
    assert len(row.token_hash) == 64
    assert token not in everything + said


def test_what_comes_by_a_link_is_one_artifact_of_all_files_in_quarantine_and_answers_the_round(
    tracker: Tracker, ada: Actor
) -> None:
    made_ = ask(tracker, ada)
    token = link(tracker, ada, made_)
    artifact = send(tracker, token, ("b.txt", b"first"), ("a.txt", b"second"))
    (held,) = _waiting(tracker, ada)
    assert (held.id, held.title, held.answers) == (artifact, "Log review, due 2026-03-31", (made_,))
    assert [one.file.filename for one in held.files] == ["b.txt", "a.txt"]
    assert held.why == f"Sent by an upload link of request {made_} (Northwind IT)."
    assert states(look(tracker, ada, made_)) == ["sent"]
    assert opens(tracker, token) is None, "a link takes files once"
    assert _links(tracker, ada, made_)[0].state is LinkState.USED


def test_what_is_in_quarantine_is_shown_and_counted_nowhere(tracker: Tracker, ada: Actor) -> None:
    artifact = send(tracker, link(tracker, ada, ask(tracker, ada)))
    with pytest.raises(NotFound):
        seen(tracker, ada, artifact)
    with tracker.read(ada) as work:
        assert artifact_list.page(work, ArtifactFilter(text="reviewed"))[0] == []
        assert assessment.one(work, ada.systems["main"], FIRST.requirement).finding("a").evidence == ()
    with tracker.write(ada) as work, pytest.raises(NotFound):
        reviews.decide(work, artifact, Verdict.parse("submit", "", None))


def test_accepting_makes_it_evidence_linked_to_the_objective_and_met_where_nobody_reviews(
    tracker: Tracker, ada: Actor
) -> None:
    made_ = ask(tracker, ada, cadence="once")
    artifact = send(tracker, link(tracker, ada, made_))
    _accept(tracker, ada, artifact, title="Log review of the servers")
    kept = seen(tracker, ada, artifact)
    assert (kept.title, kept.status) == ("Log review of the servers", ArtifactStatus.APPROVED)
    assert [one.objective for one in kept.links] == [FIRST]
    assert (kept.created_by, kept.current.received_by) == ("ada", "ada")
    found = look(tracker, ada, made_)
    assert states(found) == ["met"]
    assert found.closed_at is not None
    with tracker.read(ada) as work:
        assert [one.id for one in artifact_list.page(work, ArtifactFilter(text="servers"))[0]] == [artifact]


def test_with_review_it_becomes_a_draft_that_who_accepted_it_does_not_approve(tracker: Tracker, ada: Actor) -> None:
    eva = somebody(tracker, "eva", may_approve=True)
    made_ = ask(tracker, ada)
    artifact = send(tracker, link(tracker, ada, made_))  # while nobody reviews
    switch(tracker, review_required=True)
    _accept(tracker, ada, artifact)
    assert seen(tracker, ada, artifact).status is ArtifactStatus.DRAFT
    with tracker.write(ada) as work:
        reviews.decide(work, artifact, Verdict.parse("submit", "", None))
    with tracker.write(ada) as work, pytest.raises(Forbidden, match="You sent this version"):
        reviews.decide(work, artifact, Verdict.parse("approve", "", None))
    with tracker.write(eva) as work:
        reviews.decide(work, artifact, Verdict.parse("approve", "", None))
    assert states(look(tracker, ada, made_)) == ["met"]


def test_what_is_refused_goes_into_the_trash_and_the_round_is_open_again(tracker: Tracker, ada: Actor) -> None:
    made_ = ask(tracker, ada)
    artifact = send(tracker, link(tracker, ada, made_))
    with tracker.write(ada) as work, pytest.raises(Invalid):
        quarantine.reject(work, artifact, "")
    with tracker.write(ada) as work:
        quarantine.reject(work, artifact, "of the wrong company")
    assert _waiting(tracker, ada) == []
    assert states(look(tracker, ada, made_)) == ["open"]
    assert send(tracker, link(tracker, ada, made_), ("c.txt", b"right")) != artifact
    with tracker.write(ada) as work:
        assert trash.restore(work, artifact) is False, "it waits in quarantine again"
    assert artifact in {one.id for one in _waiting(tracker, ada)}


def test_evidence_with_an_approval_keeps_it_through_quarantine(tracker: Tracker, ada: Actor) -> None:
    cal = somebody(tracker, "cal")
    switch(tracker, review_required=True)
    artifact = made(tracker, cal)
    for who, act in ((cal, "submit"), (ada, "approve")):
        with tracker.write(who) as work:
            reviews.decide(work, artifact, Verdict.parse(act, "", None))
    with tracker.write(OPERATOR) as work:
        quarantine.hold(work, artifact, "It carries a marking.")
        quarantine.hold(work, artifact, "Again: no error.")
    assert _waiting(tracker, ada)[0].why == "It carries a marking."
    _accept(tracker, ada, artifact)
    kept = seen(tracker, ada, artifact)
    assert (kept.status, kept.approved_by, kept.current.received_by) == (ArtifactStatus.APPROVED, "ada", "cal")


def test_only_contributors_of_the_system_see_and_decide_what_waits(tracker: Tracker, ada: Actor) -> None:
    artifact = send(tracker, link(tracker, ada, ask(tracker, ada)))
    viewer = somebody(tracker, "view", may_contribute=False)
    lab = other_system(tracker, viewer.id)
    stranger = Actor(viewer.id, "view", viewer.role, {"lab": lab})
    for who in (viewer, stranger):
        assert _waiting(tracker, who) == []
        with pytest.raises(NotFound):
            _accept(tracker, who, artifact)
        with tracker.write(who) as work, pytest.raises(NotFound):
            quarantine.reject(work, artifact, "x")
        with tracker.read(who) as work, pytest.raises(NotFound):
            quarantine.file_of(work, artifact, 1)
    with tracker.read(ada) as work, pytest.raises(NotFound):
        quarantine.file_of(work, artifact, 2)
    with pytest.raises(Stale):
        _accept(tracker, ada, artifact, version=1)


def test_while_an_answer_waits_in_quarantine_no_version_is_added_to_it(tracker: Tracker, ada: Actor) -> None:
    made_ = ask(tracker, ada)
    send(tracker, link(tracker, ada, made_))
    assert look(tracker, ada, made_).answerable == []
    with pytest.raises(Conflict, match="quarantine"):
        answer(tracker, ada, made_)


def _expire(tracker: Tracker, clock: Clock, ada: Actor, made_: int) -> None:
    clock.offset += timedelta(days=7)


def _revoke(tracker: Tracker, clock: Clock, ada: Actor, made_: int) -> None:
    for _ in range(2):
        with tracker.write(ada) as work:
            links.revoke(work, made_, 1)


def _close(tracker: Tracker, clock: Clock, ada: Actor, made_: int) -> None:
    with tracker.write(ada) as work:
        asking.close(work, made_, "no more", None)


def _disable(tracker: Tracker, clock: Clock, ada: Actor, made_: int) -> None:
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, ada.id or 0)


def _answered(tracker: Tracker, clock: Clock, ada: Actor, made_: int) -> None:
    answer(tracker, ada, made_)


@pytest.mark.parametrize("end", [_expire, _revoke, _close, _disable, _answered])
def test_a_link_that_ended_opens_nothing_also_for_who_had_opened_it_before(
    tracker: Tracker, clock: Clock, ada: Actor, end: object
) -> None:
    made_ = ask(tracker, ada)
    token = link(tracker, ada, made_)
    before = opens(tracker, token)
    assert before is not None
    end(tracker, clock, ada, made_)  # type: ignore[operator]
    assert opens(tracker, token) is None
    late = received(tracker, before.actor, ("a.txt", b"late"))
    with late as kept, pytest.raises(NotFound), tracker.write(before.actor) as work:
        guests.receive(work, before, kept)
    with tracker.read() as work:
        assert work.rows(select(artifacts.c.id).where(artifacts.c.quarantined_at.is_not(None))) == []


def test_a_link_used_twice_at_once_takes_one_sending_and_nothing_of_the_other(tracker: Tracker, ada: Actor) -> None:
    made_ = ask(tracker, ada)
    token = link(tracker, ada, made_)
    other = link(tracker, ada, made_)
    found = [opens(tracker, one) for one in (token, token, other)]
    ready, outcomes = threading.Barrier(3), []

    def sending(one: guests.OpenLink, content: bytes) -> None:
        with received(tracker, one.actor, ("a.txt", content)) as kept:
            ready.wait(20)
            try:
                with tracker.write(one.actor) as work:
                    outcomes.append(guests.receive(work, one, kept))
            except NotFound:
                outcomes.append(None)

    threads = [threading.Thread(target=sending, args=(one, b"%d" % n)) for n, one in enumerate(found) if one]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 3
    assert outcomes.count(None) == 2
    with tracker.read() as work:
        assert len(work.rows(select(artifacts.c.id))) == 1
        assert len(work.rows(select(blobs.c.sha256))) == 1
        assert len(work.rows(select(log.c.id).where(log.c.action == "upload_link:used"))) == 1
        assert audit.broken(work) is None


def test_guesses_are_limited_by_their_address_and_noted_once(tracker: Tracker, ada: Actor) -> None:
    token = link(tracker, ada, ask(tracker, ada))
    limiter = DatabaseLimiter(tracker, sleep=lambda _seconds: None)
    eve, gus = Visitor("192.0.2.1", "192.0.2.1", ""), Visitor("192.0.2.2", "192.0.2.2", "")
    for _ in range(20):
        assert guests.check(tracker, limiter, gus, token).id == 1
    for number in range(10):
        with pytest.raises(NotFound):
            guests.check(tracker, limiter, eve, f"{number:043d}")
    with pytest.raises(TooMany):
        guests.check(tracker, limiter, eve, token)
    assert guests.check(tracker, limiter, gus, token).id == 1
    with tracker.read() as work:
        refused = work.rows(select(log).where(log.c.action == "upload_link:refused"))
    assert [(row.address, row.actor) for row in refused] == [("192.0.2.1", "(upload link)")]


def test_opening_and_using_stand_in_the_log_with_the_address_and_the_hashes(
    tracker: Tracker, clock: Clock, ada: Actor
) -> None:
    token = link(tracker, ada, ask(tracker, ada))
    found = opens(tracker, token)
    assert found is not None
    for _ in range(3):
        with tracker.write(found.actor, "192.0.2.7") as work:
            guests.opened(work, found)
    send(tracker, token)
    with tracker.read() as work:
        rows = work.rows(select(log).where(log.c.entity == "upload_link:1").order_by(log.c.id))
        hashes = [row.sha256 for row in work.rows(select(blobs.c.sha256))]
    assert [row.action for row in rows] == ["upload_link:made", "upload_link:opened", "upload_link:used"]
    assert [row.address for row in rows[1:]] == ["192.0.2.7"] * 2
    assert rows[2].actor == "upload link 1 of request 1 (Northwind IT)"
    assert hashes[0] in rows[2].detail
    assert _links(tracker, ada, 1)[0].opened_at is not None


def test_links_are_made_and_taken_back_by_contributors_of_the_system_only(tracker: Tracker, ada: Actor) -> None:
    made_ = ask(tracker, ada)
    token = link(tracker, ada, made_)
    viewer = somebody(tracker, "view", may_contribute=False)
    with pytest.raises(Forbidden):
        link(tracker, viewer, made_)
    with tracker.write(viewer) as work, pytest.raises(Forbidden):
        links.revoke(work, made_, 1)
    other = ask(tracker, ada, wanted="Another")
    with tracker.write(ada) as work, pytest.raises(NotFound):
        links.revoke(work, other, 1)
    lab = other_system(tracker, viewer.id)
    with tracker.write(Actor(viewer.id, "view", viewer.role, {"lab": lab})) as work, pytest.raises(NotFound):
        links.revoke(work, made_, 1)
    assert opens(tracker, token) is not None


def test_a_request_has_at_most_twenty_open_links(tracker: Tracker, ada: Actor) -> None:
    made_ = ask(tracker, ada)
    for _ in range(links.MOST_LINKS):
        link(tracker, ada, made_)
    with pytest.raises(Conflict, match="take back"):
        link(tracker, ada, made_)
    _revoke(tracker, Clock(), ada, made_)
    assert link(tracker, ada, made_)


def test_a_link_of_a_maker_who_only_lost_a_right_stays_what_it_is(tracker: Tracker, ada: Actor) -> None:
    token = link(tracker, ada, ask(tracker, ada))
    give(tracker, ada.id or 0, may_contribute=False)
    assert opens(tracker, token) is not None
