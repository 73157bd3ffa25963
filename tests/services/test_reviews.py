"""Reviewing evidence: who may do what, for which bytes, and what counts meanwhile."""

import threading

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.artifacts import Act, ArtifactStatus
from cmmc_tracker.domain.assessment import Judgement, Status
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services import accounts, artifacts, assessment, remarks, reviews, trash
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts as artifacts_table
from cmmc_tracker.storage.tables import audit
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, acting, give, made, other_system, seen, somebody, switch, versioned

DRAFT, IN_REVIEW, APPROVED, SUPERSEDED = ArtifactStatus


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo brings evidence; review is asked for."""
    switch(tracker, review_required=True)
    return somebody(tracker, "bo")


@pytest.fixture
def eva(tracker: Tracker, bo: Actor) -> Actor:
    """Eva may approve."""
    return somebody(tracker, "eva", may_approve=True)


def _does(tracker: Tracker, actor: Actor, artifact_id: int, act: Act, **more: object) -> ArtifactStatus:
    with tracker.write(actor) as work:
        return reviews.decide(work, artifact_id, Verdict(act, **more))  # type: ignore[arg-type]


def _handed_in(tracker: Tracker, bo: Actor, **facts: object) -> int:
    artifact = made(tracker, bo, **facts)
    _does(tracker, bo, artifact, Act.SUBMIT)
    return artifact


def _approval(tracker: Tracker, artifact_id: int) -> tuple[object, ...]:
    columns = artifacts_table.c
    query = select(columns.approved_sha256, columns.approved_by, columns.approved_at)
    with tracker.read() as work:
        return tuple(work.db.execute(query.where(columns.id == artifact_id)).one())


def test_without_the_switch_evidence_counts_at_once_and_nobody_approved_it(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo")
    artifact = made(tracker, bo)
    assert seen(tracker, bo, artifact).status is APPROVED
    assert _approval(tracker, artifact) == (None, None, None)


def test_the_switch_lets_go_on_counting_what_counts_until_its_next_version(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo")
    artifact = made(tracker, bo)
    switch(tracker, review_required=True)
    assert seen(tracker, bo, artifact).status is APPROVED
    versioned(tracker, bo, artifact)
    assert seen(tracker, bo, artifact).status is DRAFT


def test_evidence_goes_from_draft_over_review_to_an_approval_of_its_bytes(
    tracker: Tracker, bo: Actor, eva: Actor
) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"), ("b.txt", b"two"))
    assert seen(tracker, bo, artifact).status is DRAFT
    assert _does(tracker, bo, artifact, Act.SUBMIT) is IN_REVIEW
    assert _does(tracker, eva, artifact, Act.APPROVE) is APPROVED
    found = seen(tracker, bo, artifact)
    assert (found.status, found.approved_by) == (APPROVED, "eva")
    assert _approval(tracker, artifact)[:2] == (found.current.manifest_sha256, eva.id)
    with tracker.read() as work:
        told = work.rows(select(audit.c.detail, audit.c.actor).where(audit.c.action == "artifact:reviewed"))
    assert [row.actor for row in told] == ["bo", "eva"]
    assert found.current.manifest_sha256 in told[1].detail


def test_nobody_approves_what_they_sent_themselves(tracker: Tracker, eva: Actor) -> None:
    artifact = _handed_in(tracker, eva)
    with pytest.raises(Forbidden, match="somebody else must approve"):
        _does(tracker, eva, artifact, Act.APPROVE)
    assert seen(tracker, eva, artifact).status is IN_REVIEW


def test_an_office_of_one_may_approve_its_own_where_an_administrator_allows_it(tracker: Tracker, eva: Actor) -> None:
    switch(tracker, approve_own=True)
    artifact = _handed_in(tracker, eva)
    assert _does(tracker, eva, artifact, Act.APPROVE) is APPROVED


def test_who_sent_the_version_counts_and_not_who_made_the_artifact(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, eva)
    versioned(tracker, bo, artifact)
    _does(tracker, bo, artifact, Act.SUBMIT)
    assert _does(tracker, eva, artifact, Act.APPROVE) is APPROVED


def test_a_new_version_lets_the_approval_lapse(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    _does(tracker, eva, artifact, Act.APPROVE)
    versioned(tracker, bo, artifact)
    assert seen(tracker, bo, artifact).status is DRAFT
    assert _approval(tracker, artifact) == (None, None, None)


def test_a_new_version_of_what_is_in_review_must_be_handed_in_again(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    versioned(tracker, bo, artifact)
    with pytest.raises(Conflict, match="draft"):
        _does(tracker, eva, artifact, Act.APPROVE)


def test_who_is_named_as_the_reviewer_gives_the_verdict_without_the_right_to_approve(
    tracker: Tracker, bo: Actor
) -> None:
    dan = somebody(tracker, "dan", may_contribute=False, may_judge=False)
    artifact = _handed_in(tracker, bo, reviewer="dan")
    with tracker.read(dan) as work:
        assert reviews.open_acts(work, artifacts.visible(work, artifact)) == [Act.APPROVE, Act.RETURN]
    assert _does(tracker, dan, artifact, Act.APPROVE) is APPROVED


def test_who_neither_may_approve_nor_is_the_reviewer_gives_no_verdict(tracker: Tracker, bo: Actor) -> None:
    dan = somebody(tracker, "dan")
    artifact = _handed_in(tracker, bo)
    for act in (Act.APPROVE, Act.RETURN):
        with pytest.raises(Forbidden, match="Only the artifact's reviewer"):
            _does(tracker, dan, artifact, act, remark="no")


def test_who_may_only_look_hands_nothing_in_and_retires_nothing(tracker: Tracker, bo: Actor) -> None:
    dan = somebody(tracker, "dan", may_contribute=False)
    artifact = made(tracker, bo)
    for act in (Act.SUBMIT, Act.RETIRE):
        with pytest.raises(Forbidden, match="may not contribute"):
            _does(tracker, dan, artifact, act)


def test_who_is_no_member_learns_of_no_artifact(tracker: Tracker, bo: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    zed = Actor(bo.id, "zed", bo.role)
    with pytest.raises(NotFound):
        _does(tracker, zed, artifact, Act.APPROVE)


def test_the_right_to_approve_in_another_system_is_none_here(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    other_system(tracker, eva.id)
    give(tracker, int(eva.id or 0), may_approve=False)
    with tracker.write(OPERATOR) as work:
        from sqlalchemy import update

        from cmmc_tracker.storage.tables import memberships

        main = bo.systems["main"].system_id
        work.db.execute(update(memberships).where(memberships.c.system_id != main).values(may_approve=True))
    artifact = _handed_in(tracker, bo)
    with pytest.raises(Forbidden):
        _does(tracker, acting(tracker, int(eva.id or 0), "eva"), artifact, Act.APPROVE)


def test_evidence_that_is_sent_back_says_why_and_the_words_stay(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    with pytest.raises(Invalid):
        Verdict.parse("return", "  ", None)
    assert _does(tracker, eva, artifact, Act.RETURN, remark="Page 2 is missing.") is DRAFT
    with tracker.read(bo) as work:
        assert [(one.written_by, one.text) for one in remarks.of_artifact(work, artifact)] == [
            ("eva", "Page 2 is missing.")
        ]


def test_evidence_can_be_taken_back_and_handed_in_again(tracker: Tracker, bo: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    assert _does(tracker, bo, artifact, Act.WITHDRAW) is DRAFT
    assert _does(tracker, bo, artifact, Act.SUBMIT) is IN_REVIEW


def test_a_retired_artifact_can_be_used_again_but_must_be_approved_again(
    tracker: Tracker, bo: Actor, eva: Actor
) -> None:
    artifact = _handed_in(tracker, bo)
    _does(tracker, eva, artifact, Act.APPROVE)
    assert _does(tracker, bo, artifact, Act.RETIRE) is SUPERSEDED
    assert _does(tracker, bo, artifact, Act.REVIVE) is DRAFT
    assert _approval(tracker, artifact) == (None, None, None)


def test_without_review_a_retired_artifact_counts_again_at_once(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo")
    artifact = made(tracker, bo)
    _does(tracker, bo, artifact, Act.RETIRE)
    assert _does(tracker, bo, artifact, Act.REVIVE) is APPROVED


def test_an_act_upon_a_version_that_somebody_changed_meanwhile_is_stale(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo)
    before = seen(tracker, bo, artifact).version
    with tracker.write(bo) as work:
        artifacts.edit(work, artifact, {"title": "Another"})
    with pytest.raises(Stale):
        _does(tracker, bo, artifact, Act.SUBMIT, version=before)
    assert seen(tracker, bo, artifact).status is DRAFT


def test_an_approval_upon_what_another_reviewer_decided_meanwhile_is_stale_and_no_conflict(
    tracker: Tracker, bo: Actor, eva: Actor
) -> None:
    artifact = _handed_in(tracker, bo)
    before = seen(tracker, eva, artifact).version
    _does(tracker, eva, artifact, Act.RETURN, remark="no", version=before)
    with pytest.raises(Stale):
        _does(tracker, eva, artifact, Act.APPROVE, version=before)


def test_bytes_that_are_no_longer_the_current_ones_cannot_be_approved(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    looked_at = seen(tracker, eva, artifact).current.manifest_sha256
    versioned(tracker, bo, artifact)
    with pytest.raises(Stale, match="newer version"):
        _does(tracker, eva, artifact, Act.APPROVE, manifest=looked_at)
    _does(tracker, bo, artifact, Act.SUBMIT)
    with pytest.raises(Stale, match="newer version"):
        _does(tracker, eva, artifact, Act.APPROVE, manifest=looked_at)
    newer = seen(tracker, eva, artifact).current.manifest_sha256
    assert _does(tracker, eva, artifact, Act.APPROVE, manifest=newer) is APPROVED


@pytest.mark.parametrize("second", [Act.APPROVE, Act.RETURN])
def test_of_two_reviewers_at_once_one_wins_and_the_other_is_told(
    tracker: Tracker, bo: Actor, eva: Actor, second: Act
) -> None:
    artifact = _handed_in(tracker, bo)
    version = seen(tracker, eva, artifact).version
    dan = somebody(tracker, "dan", may_approve=True)
    start, outcomes = threading.Barrier(2), []

    def verdict(who: Actor, act: Act) -> None:
        start.wait()
        try:
            outcomes.append(_does(tracker, who, artifact, act, version=version, remark="seen"))
        except Stale:
            outcomes.append(None)

    threads = [threading.Thread(target=verdict, args=pair) for pair in ((eva, Act.APPROVE), (dan, second))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    won = [one for one in outcomes if one is not None]
    assert len(outcomes) == 2
    assert won == [seen(tracker, bo, artifact).status]
    with tracker.read(bo) as work:
        assert len(remarks.of_artifact(work, artifact)) == 1


def test_a_reviewer_who_waits_for_the_row_finds_it_changed(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = _handed_in(tracker, bo)
    version = seen(tracker, eva, artifact).version
    failures: list[Exception] = []

    def late() -> None:
        try:
            _does(tracker, eva, artifact, Act.APPROVE, version=version)
        except Stale as error:
            failures.append(error)

    with tracker.write(bo) as work:
        reviews.decide(work, artifact, Verdict(Act.WITHDRAW))
        thread = threading.Thread(target=late)
        thread.start()
        thread.join(0.4)
    thread.join(20)
    assert len(failures) == 1
    assert seen(tracker, bo, artifact).status is DRAFT


def test_the_reviewer_cannot_be_who_sent_the_version(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, reviewer="bo")
    with pytest.raises(Conflict, match="Change the reviewer first"):
        _does(tracker, bo, artifact, Act.SUBMIT)
    switch(tracker, approve_own=True)
    assert _does(tracker, bo, artifact, Act.SUBMIT) is IN_REVIEW


def test_only_an_approved_artifact_supports_a_met(tracker: Tracker, bo: Actor, eva: Actor, main: Access) -> None:
    artifact = made(tracker, bo, to=(FIRST,))
    with tracker.write(bo) as work:
        assessment.judge(work, bo.systems["main"], FIRST, Judgement(Status.MET, "", ()))

    def unproven() -> int:
        with tracker.read(bo) as work:
            return assessment.picture(work, main).score.met_without_final_evidence

    assert unproven() == 1
    _does(tracker, bo, artifact, Act.SUBMIT)
    assert unproven() == 1
    _does(tracker, eva, artifact, Act.APPROVE)
    assert unproven() == 0
    _does(tracker, bo, artifact, Act.RETIRE)
    assert unproven() == 1
    _does(tracker, bo, artifact, Act.REVIVE)
    assert unproven() == 1
    _does(tracker, bo, artifact, Act.SUBMIT)
    _does(tracker, eva, artifact, Act.APPROVE)
    with tracker.write(bo) as work:
        trash.remove(work, artifact)
    assert unproven() == 1


@pytest.mark.parametrize("field", ["owner", "reviewer"])
def test_no_duty_goes_to_who_is_disabled_or_no_member(tracker: Tracker, bo: Actor, eva: Actor, field: str) -> None:
    artifact = made(tracker, bo)
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, int(eva.id or 0))
    for name in ("eva", "nobody"):
        with pytest.raises(Invalid, match="nobody who can be given this"), tracker.write(bo) as work:
            artifacts.edit(work, artifact, {field: name})
        with pytest.raises(Invalid, match="nobody who can be given this"):
            made(tracker, bo, **{field: name})


def test_who_left_stays_named_while_other_facts_are_changed(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo, owner="eva", reviewer="eva")
    with tracker.write(OPERATOR) as work:
        accounts.disable(work, int(eva.id or 0))
    with tracker.write(bo) as work:
        artifacts.edit(work, artifact, {"title": "Another", "owner": "eva", "reviewer": "eva"})
    found = seen(tracker, bo, artifact)
    assert (found.title, found.owner, found.reviewer) == ("Another", "eva", "eva")


def test_a_duty_can_be_taken_from_somebody(tracker: Tracker, bo: Actor, eva: Actor) -> None:
    artifact = made(tracker, bo, owner="eva", reviewer="EVA")
    assert seen(tracker, bo, artifact).reviewer == "eva"
    with tracker.write(bo) as work:
        artifacts.edit(work, artifact, {"owner": "", "reviewer": ""})
    found = seen(tracker, bo, artifact)
    assert (found.owner, found.reviewer) == ("", "")


@pytest.mark.parametrize("act", ["", "burn", "APPROVE"])
def test_an_act_that_is_none_is_refused(act: str) -> None:
    with pytest.raises(Invalid, match="Choose one of"):
        Verdict.parse(act, "", None)
