"""Acts on a selection of artifacts: all or nothing, what hinders is named; and the undo of what was done."""

from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from cmmc_tracker.domain.artifacts import Act, ArtifactStatus
from cmmc_tracker.domain.audit import stamp
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Forbidden, Hindered, Invalid, NotFound
from cmmc_tracker.services import audit, bulk, links, trash, undoing
from cmmc_tracker.services.bulk import Chosen
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifact_versions, artifacts, pins
from cmmc_tracker.storage.tables import links as table
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, SECOND, acting, give, made, other_system, seen, somebody, switch


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def three(tracker: Tracker, actor: Actor) -> list[Chosen]:
    """Three artifacts as somebody chose them."""
    ids = [made(tracker, actor, (f"{n}.txt", f"file {n}".encode()), title=f"File {n}") for n in range(3)]
    return [Chosen(one, seen(tracker, actor, one).version) for one in ids]


def targets(actor: Actor, *objectives: ObjectiveId) -> list[Target]:
    return [Target(actor.systems["main"], one, "p. 2", "the list") for one in objectives or (FIRST,)]


def linked(tracker: Tracker) -> set[tuple[int, str]]:
    with tracker.read() as work:
        rows = work.rows(select(table))
        return {(row.artifact_id, str(ObjectiveId(row.requirement, row.letter))) for row in rows}


def entries(tracker: Tracker, action: str) -> list[dict[str, Any]]:
    with tracker.read() as work:
        return [
            one.detail for one in audit.history(work, *(f"artifact:{n}" for n in range(1, 9))) if one.action == action
        ]


# Reading a selection


def test_a_selection_is_read_once_each_and_keeps_the_versions() -> None:
    assert bulk.parse(["3.1", "4.7", "3.2"]) == [Chosen(3, 2), Chosen(4, 7)]
    assert [str(one) for one in bulk.parse(["3.1"])] == ["3.1"]


@pytest.mark.parametrize("texts", [[], ["3"], ["3.1.2"], ["a.b"], ["-3.1"], ["3.\u0661"], ["9" * 16 + ".1"]])
def test_a_selection_that_is_none_is_refused(texts: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        bulk.parse(texts)
    assert "chosen" in refused.value.fields


def test_more_than_a_thousand_are_refused() -> None:
    assert len(bulk.parse(f"{n}.1" for n in range(1, 1_001))) == 1_000
    with pytest.raises(Invalid, match="these are 1,001"):
        bulk.parse(f"{n}.1" for n in range(1, 1_002))


# All or nothing


def test_facts_are_set_for_all_and_each_has_its_entry(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.edit(work, chosen, {"kind": "log", "cadence": "monthly", "covers_until": "2026-01-31", "owner": "bo"})
    for one in chosen:
        after = seen(tracker, bo, one.id)
        assert (after.kind, after.cadence, after.owner) == ("log", "monthly", "bo")
        assert after.due_on is not None
        assert after.version == one.version + 1
    assert len(entries(tracker, "artifact:edited")) == 3


def test_who_was_named_for_many_is_found_by_name(tracker: Tracker, bo: Actor) -> None:
    from cmmc_tracker.services import artifact_list
    from cmmc_tracker.services.artifact_list import ArtifactFilter

    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.edit(work, chosen[:2], {"owner": "bo"})
    with tracker.read(bo) as work:
        found, _ = artifact_list.page(work, ArtifactFilter(text="bo"))
    assert {one.id for one in found} == {one.id for one in chosen[:2]}


def test_one_that_somebody_changed_meanwhile_stops_all_and_is_named(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.edit(work, chosen[1:2], {"kind": "log"})
    with pytest.raises(Hindered) as refused, tracker.write(bo) as work:
        bulk.edit(work, chosen, {"kind": "policy"})
    [(number, title, why)] = refused.value.hindrances
    assert (number, title, refused.value.stale) == (chosen[1].id, "File 1", True)
    assert "Somebody else changed it" in why
    assert [seen(tracker, bo, one.id).kind for one in chosen] == ["other", "log", "other"]


def test_all_that_hinder_are_told_at_once_with_the_reason_of_each(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, review_required=True)
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.review(work, chosen[:1], Act.SUBMIT)
    again = [Chosen(chosen[0].id, chosen[0].version + 1), *chosen[1:], Chosen(999, 1)]
    with pytest.raises(Hindered) as refused, tracker.write(bo) as work:
        bulk.review(work, again, Act.SUBMIT)
    assert [(number, title) for number, title, _ in refused.value.hindrances] == [(chosen[0].id, "File 0"), (999, "")]
    assert "in review" in refused.value.hindrances[0][2]
    assert not refused.value.stale
    assert [seen(tracker, bo, one.id).status for one in chosen] == ["in_review", "draft", "draft"]


def test_many_are_handed_in_and_retired(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.review(work, chosen, Act.RETIRE)
    assert {seen(tracker, bo, one.id).status for one in chosen} == {ArtifactStatus.SUPERSEDED}


def test_one_that_a_package_holds_stops_the_trash_for_all(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(OPERATOR) as work:
        until = work.now.date().replace(year=work.now.year + 6, day=1)
        held = {"artifact_id": chosen[2].id, "number": 1, "holder": "package:4", "until": until}
        work.db.execute(insert(pins).values(**held))
    with pytest.raises(Hindered, match="1 of the chosen stands") as refused, tracker.write(bo) as work:
        bulk.remove(work, chosen)
    assert "held by package:4" in refused.value.hindrances[0][2]
    with tracker.read(bo) as work:
        assert trash.listed(work) == []


def test_who_may_only_look_changes_nothing(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    eve = somebody(tracker, "eve", may_contribute=False)
    for act in (
        lambda work: bulk.edit(work, chosen, {"kind": "log"}),
        lambda work: bulk.remove(work, chosen),
        lambda work: bulk.review(work, chosen, Act.RETIRE),
    ):
        with pytest.raises(Hindered) as refused, tracker.write(eve) as work:
            act(work)
        assert len(refused.value.hindrances) == 3
    with pytest.raises(Forbidden), tracker.write(eve) as work:
        bulk.link(work, chosen, targets(eve))
    assert linked(tracker) == set()


def test_a_stranger_learns_no_title(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    cal = somebody(tracker, "cal")
    lab = other_system(tracker, cal.id)
    only_lab = acting(tracker, cal.id or 0, "cal")
    stranger = Actor(only_lab.id, "cal", only_lab.role, {"lab": only_lab.systems["lab"]})
    with tracker.read(stranger) as work:
        assert bulk.shown(work, chosen) == []
    for act in (
        lambda work: bulk.remove(work, chosen),
        lambda work: bulk.link(work, chosen, [Target(lab, FIRST)]),
    ):
        with pytest.raises((Hindered, Forbidden)) as refused, tracker.write(stranger) as work:
            act(work)
        assert "File" not in str(getattr(refused.value, "hindrances", refused.value))


def test_what_is_wrong_for_any_is_told_at_its_field(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    for given in ({"covers_from": "2026-02-30"}, {"kind": "potato"}, {"collected_on": "2999-01-01"}):
        with pytest.raises(Invalid) as refused, tracker.write(bo) as work:
            bulk.edit(work, chosen, given)
        assert set(refused.value.fields) == set(given)
    with pytest.raises(Invalid, match="what is to be changed"), tracker.write(bo) as work:
        bulk.edit(work, chosen, {"title": "one title for all"})


def test_a_date_that_fits_only_some_names_the_others(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.edit(work, chosen[:1], {"covers_until": "2026-01-31"})
    fresh = [Chosen(one.id, seen(tracker, bo, one.id).version) for one in chosen]
    with pytest.raises(Hindered, match="1 of") as refused, tracker.write(bo) as work:
        bulk.edit(work, fresh, {"covers_from": "2026-02-01"})
    assert "begins after it ends" in refused.value.hindrances[0][2]


# Links, and their undo


def test_many_artifacts_are_linked_to_many_objectives_in_one_act(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        assert bulk.link(work, chosen, targets(bo, FIRST, SECOND)) == 6
        assert bulk.link(work, chosen, targets(bo, FIRST)) == 0
    assert len(linked(tracker)) == 6
    assert len(entries(tracker, "artifact:linked")) == 6


def test_undo_takes_exactly_the_links_of_that_act_away(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.link(work, chosen[:1], targets(bo, FIRST))
    with tracker.write(bo) as work:
        bulk.link(work, chosen, targets(bo, FIRST, SECOND))
        at = stamp(work.now)
    with tracker.write(bo) as work:
        assert undoing.links_of(work, at) == undoing.Undone(5, 0)
    assert linked(tracker) == {(chosen[0].id, str(FIRST))}
    assert len(entries(tracker, "artifact:unlinked")) == 5
    with tracker.write(bo) as work:
        assert undoing.links_of(work, at) == undoing.Undone(0, 5)


def test_undo_leaves_what_somebody_changed_since(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    home = bo.systems["main"]
    with tracker.write(bo) as work:
        bulk.link(work, chosen, targets(bo))
        at = stamp(work.now)
    with tracker.write(bo) as work:
        links.link(work, chosen[0].id, Target(home, FIRST, "p. 9", "another place"))
    with tracker.write(bo) as work:  # taken away and made anew: it is another link now
        links.unlink(work, chosen[1].id, home, FIRST)
    with tracker.write(bo) as work:
        links.put_back(work, chosen[1].id, home, FIRST)
    with tracker.write(bo) as work:
        assert undoing.links_of(work, at) == undoing.Undone(1, 2)
    assert linked(tracker) == {(chosen[0].id, str(FIRST)), (chosen[1].id, str(FIRST))}


def test_nobody_undoes_what_another_did(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.link(work, chosen, targets(bo))
        at = stamp(work.now)
    eve = somebody(tracker, "eve")
    for act in (undoing.links_of, undoing.trash_of):
        with pytest.raises(NotFound), tracker.write(eve) as work:
            act(work, at)
    assert len(linked(tracker)) == 3


def test_who_lost_the_right_to_link_undoes_nothing(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.link(work, chosen, targets(bo))
        at = stamp(work.now)
    assert bo.id is not None
    give(tracker, bo.id, may_contribute=False)
    with pytest.raises(Forbidden), tracker.write(acting(tracker, bo.id, "bo")) as work:
        undoing.links_of(work, at)
    assert len(linked(tracker)) == 3


@pytest.mark.parametrize("at", ["", "now", "2026-13-41T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", "x" * 99])
def test_an_instant_at_which_nothing_was_done_undoes_nothing(tracker: Tracker, bo: Actor, at: str) -> None:
    for act in (undoing.links_of, undoing.trash_of):
        with pytest.raises(NotFound), tracker.write(bo) as work:
            act(work, at)


def test_many_come_back_from_the_trash_by_one_undo(tracker: Tracker, bo: Actor) -> None:
    chosen = three(tracker, bo)
    with tracker.write(bo) as work:
        bulk.remove(work, chosen)
        at = stamp(work.now)
    with tracker.write(bo) as work:
        trash.restore(work, chosen[0].id)
    with tracker.write(bo) as work:
        assert undoing.trash_of(work, at) == undoing.Undone(2, 1)
    assert [seen(tracker, bo, one.id).title for one in chosen] == ["File 0", "File 1", "File 2"]


def many(tracker: Tracker, actor: Actor, count: int) -> list[Chosen]:
    """Copies of an artifact's rows: enough of them for a measurement, without as many uploads."""
    first = made(tracker, actor)
    with tracker.write(OPERATOR) as work:
        row = dict(work.db.execute(select(artifacts).where(artifacts.c.id == first)).one()._mapping)
        version = dict(work.db.execute(select(artifact_versions)).one()._mapping)
        ids = range(first + 1, first + count)
        work.db.execute(insert(artifacts), [{**row, "id": one} for one in ids])
        work.db.execute(insert(artifact_versions), [{**version, "artifact_id": one} for one in ids])
    return [Chosen(one, 1) for one in range(first, first + count)]


def test_a_thousand_are_linked_in_as_few_statements_as_ten_and_taken_back(tracker: Tracker, bo: Actor) -> None:
    chosen = many(tracker, bo, 1_000)
    sent: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    with tracker.write(bo) as work:
        assert bulk.link(work, chosen[:10], targets(bo)) == 10
    few = len(sent)
    sent.clear()
    with tracker.write(bo) as work:
        assert bulk.link(work, chosen, targets(bo, SECOND)) == 1_000
        at = stamp(work.now)
    assert len(sent) <= few + 4, sent
    with tracker.write(bo) as work:
        assert undoing.links_of(work, at) == undoing.Undone(1_000, 0)
    assert len(linked(tracker)) == 10


def test_one_hindrance_among_a_thousand_links_none(tracker: Tracker, bo: Actor) -> None:
    chosen = many(tracker, bo, 1_000)
    with tracker.write(OPERATOR) as work:
        away = update(artifacts).where(artifacts.c.id == chosen[500].id)
        work.db.execute(away.values(deleted_at=work.now))
    with pytest.raises(Hindered) as refused, tracker.write(bo) as work:
        bulk.link(work, chosen, targets(bo))
    assert [one for one, _, _ in refused.value.hindrances] == [chosen[500].id]
    assert linked(tracker) == set()
