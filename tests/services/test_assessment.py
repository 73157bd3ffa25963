"""The assessment as a service: what its queries cost when much is linked."""

import time
from datetime import UTC, datetime

from sqlalchemy import insert, update

from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.services import assessment
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, findings, links

MANY = 700
PROVEN = ("AC.L2-3.1.1", "a")


def test_the_score_of_a_system_takes_no_seconds_when_hundreds_of_artifacts_have_just_come(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    now = datetime.now(UTC)
    facts = {"system_id": main.system_id, "kind": "policy", "description": "", "current_version": 1, "created_at": now}
    link = {"system_id": main.system_id, "requirement": PROVEN[0], "letter": PROVEN[1], "linked_at": now}
    with tracker.write(actor) as work:
        many = [{"id": n, "title": f"Policy {n}", "status": "approved", **facts} for n in range(1, MANY + 1)]
        work.db.execute(insert(artifacts), many)
        work.db.execute(insert(links), [{"artifact_id": n, **link} for n in range(1, MANY + 1)])
        work.db.execute(update(findings).values(status="met"))
    begun = time.monotonic()
    with tracker.read(actor) as work:
        score = assessment.picture(work, main).score
    assert time.monotonic() - begun < 2
    assert score.met_without_final_evidence == 319
    assert score.counts.met == 110


def test_only_an_approved_artifact_that_is_not_in_the_trash_proves_what_is_met(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    now = datetime.now(UTC)
    facts = {"system_id": main.system_id, "kind": "policy", "description": "", "current_version": 1, "created_at": now}
    link = {"system_id": main.system_id, "requirement": PROVEN[0], "linked_at": now}
    with tracker.write(actor) as work:
        work.db.execute(update(findings).where(findings.c.requirement == PROVEN[0]).values(status="met"))
        for number, (letter, status, deleted) in enumerate(
            [("a", "approved", None), ("b", "draft", None), ("c", "approved", now)], start=1
        ):
            one = {"id": number, "title": letter, "status": status, "deleted_at": deleted, **facts}
            work.db.execute(insert(artifacts).values(**one))
            work.db.execute(insert(links).values(artifact_id=number, letter=letter, **link))
    with tracker.read(actor) as work:
        score = assessment.picture(work, main).score
    assert score.met_without_final_evidence == 5
