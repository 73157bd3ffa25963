"""What `verify` finds when somebody changed rows behind the tracker's back."""

from datetime import timedelta

import pytest
from sqlalchemy import Update, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.handoff import package
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.services import integrity, reviews, trash, verify
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifact_files, artifact_versions, artifacts, audit, blobs, package_files
from cmmc_tracker.storage.tables import packages as packages_table
from tests.conftest import OPERATOR
from tests.services.evidence import made, seen, somebody, switch, versioned


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _tampered(tracker: Tracker, artifact_id: int, number: int = 1, **values: object) -> list[str]:
    with tracker.write(OPERATOR) as work:
        at = (artifact_files.c.artifact_id == artifact_id, artifact_files.c.number == number)
        work.db.execute(update(artifact_files).where(*at, artifact_files.c.position == 1).values(**values))
    return verify.run(tracker).problems


def test_an_untouched_installation_has_no_problem(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"), ("b.txt", b"two"))
    versioned(tracker, bo, artifact, ("ümlaut.txt", b"three"))
    report = verify.run(tracker)
    assert (report.problems, report.removed, report.blobs) == ([], [], 3)


def test_a_row_that_points_to_other_bytes_is_found_though_both_are_intact(tracker: Tracker, bo: Actor) -> None:
    artifact, other = made(tracker, bo, ("a.txt", b"one")), made(tracker, bo, ("b.txt", b"two"))
    assert _tampered(tracker, artifact, sha256=seen(tracker, bo, other).current.files[0].sha256) == [
        f"Altered: artifact {artifact} version 1 has not the files that its hash names"
    ]


def test_a_name_that_was_altered_is_found(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"))
    assert _tampered(tracker, artifact, filename="b.txt") == [
        f"Altered: artifact {artifact} version 1 has not the files that its hash names"
    ]


def test_an_older_version_is_looked_at_too(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"))
    versioned(tracker, bo, artifact, ("a.txt", b"two"))
    newer = seen(tracker, bo, artifact).current.files[0].sha256
    assert _tampered(tracker, artifact, 1, sha256=newer) == [
        f"Altered: artifact {artifact} version 1 has not the files that its hash names"
    ]


def test_files_that_changed_places_are_found(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"), ("b.txt", b"two"))
    assert len(_tampered(tracker, artifact, position=3)) == 1


def test_an_approval_of_other_bytes_is_found(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    artifact = made(tracker, bo)
    for who, act in ((bo, "submit"), (eva, "approve")):
        with tracker.write(who) as work:
            reviews.decide(work, artifact, Verdict.parse(act, "", None))
    assert verify.run(tracker).problems == []
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(artifacts).values(approved_sha256="0" * 64))
    assert verify.run(tracker).problems == [f"Altered: artifact {artifact} is approved, but not with these bytes"]


def test_bytes_and_hash_that_were_swapped_together_under_an_approval_are_found(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    eva = somebody(tracker, "eva", may_approve=True)
    artifact, other = made(tracker, bo, ("a.txt", b"one")), made(tracker, bo, ("a.txt", b"two"))
    for who, act in ((bo, "submit"), (eva, "approve")):
        with tracker.write(who) as work:
            reviews.decide(work, artifact, Verdict.parse(act, "", None))
    wanted = seen(tracker, bo, other).current
    with tracker.write(OPERATOR) as work:
        at = artifact_versions.c.artifact_id == artifact
        work.db.execute(update(artifact_versions).where(at).values(manifest_sha256=wanted.manifest_sha256))
    assert _tampered(tracker, artifact, sha256=wanted.files[0].sha256) == [
        f"Altered: artifact {artifact} is approved, but not with these bytes"
    ]


def test_what_lies_in_the_trash_is_looked_at_too(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"))
    with tracker.write(bo) as work:
        from cmmc_tracker.services import trash

        trash.remove(work, artifact)
    assert len(_tampered(tracker, artifact, filename="b.txt")) == 1


@pytest.mark.parametrize("again", [False, True], ids=["gone", "sent again"])
def test_what_is_purged_while_it_is_looked_at_is_told_as_no_loss(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    artifact = made(tracker, bo, ("a.txt", b"one"))
    with tracker.write(bo) as work:
        trash.remove(work, artifact)
        long_ago = work.now - timedelta(days=trash.KEPT_DAYS + 1)
        work.db.execute(update(artifacts).values(deleted_at=long_ago))
    real = integrity.look

    def late(tracker: Tracker, sha256: str, size: int) -> tuple[str, str]:
        assert trash.purge(tracker, OPERATOR, [artifact]) == ([artifact], [])
        seen = real(tracker, sha256, size)
        assert seen[0] == "missing"
        if again:
            made(tracker, bo, ("a.txt", b"one"))
        return seen

    monkeypatch.setattr(integrity, "look", late)
    assert verify.run(tracker).problems == []
    with tracker.read() as work:
        assert [row.check_state for row in work.rows(select(blobs.c.check_state))] == [""] * again
        assert work.row(select(audit.c.id).where(audit.c.action == Event.INTEGRITY_BROKEN)) is None


# Packages


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (update(packages_table).values(snapshot="{}"), "its records are not those that were frozen"),
        (update(packages_table).values(log_sha256="0" * 64), "the hash of its log is not that of the log"),
        (update(packages_table).values(manifest_sha256="0" * 64), "its manifest is not the one"),
        (update(package_files).where(package_files.c.path == "README.html").values(content=b"x"), "README.html is not"),
        (
            update(package_files).where(package_files.c.path == "README.html").values(size=7),
            "not those of its manifest",
        ),
    ],
    ids=["records", "log", "manifest", "content", "size"],
)
def test_a_package_that_was_altered_behind_the_tracker_s_back_is_found(
    tracker: Tracker, bo: Actor, harm: Update, said: str
) -> None:
    asked = Asked("Of record", Purpose.FINAL, "as it is", releasable=False)
    frozen = packages.freeze(tracker, bo, "", bo.systems["main"], asked)
    assert verify.run(tracker).problems == []
    with tracker.write(OPERATOR) as work:
        work.db.execute(harm)
    (problem,) = verify.run(tracker).problems
    assert problem.startswith(f"Altered: package 1 (id {frozen.id}): ")
    assert said in problem


def test_who_makes_all_hashes_of_a_package_anew_is_found_by_the_log(tracker: Tracker, bo: Actor) -> None:
    asked = Asked("Of record", Purpose.FINAL, "as it is", releasable=False)
    frozen = packages.freeze(tracker, bo, "", bo.systems["main"], asked)
    with tracker.write(OPERATOR) as work:
        text = packages.snapshot_text(work, bo.systems["main"], frozen.id).replace("Of record", "Of another")
        forged = {"snapshot": text, "snapshot_sha256": package.digest(text)}
        work.db.execute(update(packages_table).values(**forged))
    (problem,) = verify.run(tracker).problems
    assert "its hashes are not those of the audit log" in problem
