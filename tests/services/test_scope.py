"""The scope of a system as it is kept: its inventory, its groups, what surrounds it, and what a snapshot has of it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event, select

from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.inventory import AssetEntry, EntryKind, FlowEntry, GroupEntry, SurroundingEntry
from cmmc_tracker.domain.matrix import LineEntry
from cmmc_tracker.domain.permissions import Access, Actor, Right
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import (
    OURS,
    Answers,
    Asset,
    AssetCategory,
    AssetFacts,
    Duty,
    Held,
    MatrixLine,
    Place,
    ProviderFacts,
)
from cmmc_tracker.domain.snapshot import Person as Trained
from cmmc_tracker.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.services.scope import drafts, inventory, matrix, overview, providers, reading, rows, surroundings
from cmmc_tracker.services.scope.inventory import AssetFilter
from cmmc_tracker.services.work import Tracker, Work
from cmmc_tracker.storage.tables import audit
from tests.conftest import OPERATOR


@contextmanager
def statements(work: Work) -> Iterator[list[str]]:
    """The statements that are run within."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(work.db, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(work.db, "before_cursor_execute", note)


def test_an_asset_is_added_changed_and_taken_away(tracker: Tracker, actor: Actor, main: Access) -> None:
    with tracker.write(actor) as work:
        number = inventory.add(work, main, AssetEntry("File server", AssetCategory.CUI, owner="IT"))
    with tracker.write(actor) as work:
        inventory.edit(work, main, number, AssetEntry("File server", AssetCategory.CUI, owner="Ada"), 1)
    with tracker.read(actor) as work:
        kept = inventory.one(work, main, number)
    assert (kept.entry.owner, kept.version, kept.draft) == ("Ada", 2, False)
    with pytest.raises(Stale), tracker.write(actor) as work:
        inventory.edit(work, main, number, AssetEntry("File server"), 1)
    with pytest.raises(Stale), tracker.write(actor) as work:
        inventory.remove(work, main, number, 1)
    with tracker.write(actor) as work:
        inventory.remove(work, main, number, 2)
    with pytest.raises(NotFound), tracker.read(actor) as work:
        inventory.one(work, main, number)


def test_two_assets_of_a_system_have_not_the_same_name(tracker: Tracker, actor: Actor, main: Access) -> None:
    with tracker.write(actor) as work:
        inventory.add(work, main, AssetEntry("Laptop"))
        other = inventory.add(work, main, AssetEntry("Phone"))
    with pytest.raises(Invalid), tracker.write(actor) as work:
        inventory.add(work, main, AssetEntry("Laptop"))
    with pytest.raises(Invalid), tracker.write(actor) as work:
        inventory.edit(work, main, other, AssetEntry("Laptop"), 1)
    with pytest.raises(Invalid), tracker.write(actor) as work:
        inventory.add(work, main, AssetEntry("LAPTOP"))  # a sheet would know the two by one name
    with tracker.write(actor) as work:
        inventory.edit(work, main, other, AssetEntry("PHONE"), 1)  # its own name, written otherwise


def test_the_list_is_narrowed_by_category_group_text_and_what_is_missing(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    done = AssetEntry("Gate", AssetCategory.CUI, treatment="locked", on_diagram=True)
    with tracker.write(actor) as work:
        for entry in (done, AssetEntry("Laptop", AssetCategory.CUI, group="Field"), AssetEntry("Odd one", owner="Bo")):
            inventory.add(work, main, entry)

    def names(**wanted: Any) -> list[str]:
        with tracker.read(actor) as work:
            return [one.entry.name for one in inventory.page(work, main, AssetFilter(**wanted))[0]]

    assert names() == ["Gate", "Laptop", "Odd one"]
    assert names(category="cui") == ["Gate", "Laptop"]
    assert names(category="none") == ["Odd one"]
    assert names(group="Field") == ["Laptop"]
    assert names(text="BO") == ["Odd one"]
    assert names(lacking=True) == ["Laptop", "Odd one"]
    assert names(after=2) == ["Odd one"]
    with pytest.raises(Invalid):
        names(category="gold")


def test_what_is_said_of_a_group_counts_for_its_assets_and_a_used_group_stays(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    with tracker.write(actor) as work:
        number = inventory.add(work, main, AssetEntry("L-1", AssetCategory.CUI, group="Laptops"))
        inventory.put_group(work, main, GroupEntry("Laptops", "Managed alike.", on_diagram=True), 0)
    with tracker.read(actor) as work:
        assert inventory.one(work, main, number).lacks == []
        assert reading.snapshot_parts(work, main).assets == (Asset(number, "L-1", AssetCategory.CUI, True, True),)
        assert [(one.entry.name, one.assets) for one in inventory.groups(work, main)] == [("Laptops", 1)]
    with pytest.raises(Stale), tracker.write(actor) as work:
        inventory.put_group(work, main, GroupEntry("Laptops", "Other."), 0)
    with pytest.raises(Conflict), tracker.write(actor) as work:
        inventory.remove_group(work, main, "Laptops", 1)
    with tracker.write(actor) as work:
        inventory.remove(work, main, number, 1)
        inventory.remove_group(work, main, "Laptops", 1)


def test_people_facilities_networks_and_flows_are_kept_each_under_its_kind(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    trained = SurroundingEntry(EntryKind.PERSON, "Ada", "IT", handles_cui=True, trained_on=date(2026, 1, 2))
    with tracker.write(actor) as work:
        person = surroundings.add(work, main, trained)
        surroundings.add(work, main, SurroundingEntry(EntryKind.FACILITY, "Hall 2"))
        flow = surroundings.add(work, main, FlowEntry("drawings", "customer", "file server", "TLS"))
    with tracker.write(actor) as work:
        surroundings.edit(work, main, flow, FlowEntry("drawings", "customer", "archive", "TLS"), 1)
    with tracker.read(actor) as work:
        assert [row.name for row in surroundings.page(work, main, EntryKind.FACILITY)[0]] == ["Hall 2"]
        assert surroundings.one(work, main, None, flow).destination == "archive"
        assert reading.snapshot_parts(work, main).people == (Trained("Ada", date(2026, 1, 2)),)
    with pytest.raises(NotFound), tracker.write(actor) as work:
        surroundings.remove(work, main, EntryKind.NETWORK, person, 1)
    with tracker.write(actor) as work:
        surroundings.remove(work, main, EntryKind.PERSON, person, 1)


def test_the_parts_of_a_snapshot_cost_four_statements_whatever_there_is(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    for more in (0, 40):
        with tracker.write(actor) as work:
            for number in range(more):
                inventory.add(work, main, AssetEntry(f"A-{number}", AssetCategory.CUI, group=f"G-{number}"))
        with tracker.read(actor) as work, statements(work) as seen:
            found = reading.snapshot_parts(work, main)
        assert len(found.assets) == more
        assert len(seen) == 4


def _said(tracker: Tracker, action: str) -> list[dict[str, Any]]:
    with tracker.read() as work:
        rows = work.rows(select(audit.c.detail).where(audit.c.action == action).order_by(audit.c.id))
    return [json.loads(row.detail) for row in rows]


def test_the_log_tells_of_each_change_what_was_there_before_and_what_is_there_now(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    with tracker.write(actor) as work:
        number = inventory.add(work, main, AssetEntry("Server", AssetCategory.CUI, owner="IT"))
        inventory.edit(work, main, number, AssetEntry("Server", AssetCategory.CUI, owner="Ada"), 1)
        inventory.edit(work, main, number, AssetEntry("Server", AssetCategory.CUI, owner="Ada"), 2)  # nothing differs
        inventory.remove(work, main, number, 2)
    assert _said(tracker, "scope:added")[0]["after"]["owner"] == "IT"
    edited = {"system": "main", "before": {"owner": "IT"}, "after": {"owner": "Ada"}}
    assert _said(tracker, "scope:edited") == [edited]
    assert _said(tracker, "scope:removed")[0]["before"]["owner"] == "Ada"


def test_a_line_and_a_matrix_that_goes_with_its_provider_stay_in_the_log(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    line = parse_objective_id("3.1.1[a]")
    with tracker.write(actor) as work:
        number = providers.add(work, main, ProviderEntry("Northwind", holds=Held.SPD))
        matrix.put(work, main, number, line, LineEntry(Duty.SHARED, "both"), seen=0)
        matrix.put(work, main, number, line, LineEntry(Duty.PROVIDER, "they"), seen=1)
    with tracker.read(actor) as work:
        assert reading.snapshot_parts(work, main).matrix == (MatrixLine(number, line, Duty.PROVIDER, "they"),)
    with tracker.write(actor) as work:
        providers.remove(work, main, number, 1)
    said = _said(tracker, "matrix:changed")
    assert said[1]["before"] == {"duty": "shared", "text": "both"}
    assert said[2]["before"] == {"AC.L2-3.1.1[a]": {"duty": "provider", "text": "they"}}
    with tracker.read(actor) as work:
        assert reading.snapshot_parts(work, main).matrix == ()


def test_drafts_are_in_no_snapshot_until_they_are_confirmed(tracker: Tracker, actor: Actor, main: Access) -> None:
    answers = Answers("", "Main", False, Place.HOSTED, "Hoster")
    with tracker.write(actor) as work:
        drafts.draft(work, main.system_id, answers)
    with tracker.read(actor) as work:
        assert reading.snapshot_parts(work, main) == ((), (), (), ())
        provider = providers.every(work, main)[0]
    with tracker.write(actor) as work:
        providers.edit(work, main, provider.id, ProviderEntry("Hoster", holds=Held.SPD), provider.version)
    with tracker.read(actor) as work:
        assert [one.name for one in reading.snapshot_parts(work, main).providers] == ["Hoster"]


def test_who_may_only_view_writes_nothing_and_a_stranger_reads_nothing(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    reader = replace(main, rights=frozenset({Right.VIEW}))
    stranger = replace(main, rights=frozenset())
    entry = AssetEntry("x")
    with tracker.read(actor) as work:
        inventory.every(work, reader)
    for attempt in (
        lambda work: inventory.add(work, reader, entry),
        lambda work: inventory.put_group(work, reader, GroupEntry("g"), 0),
        lambda work: surroundings.add(work, reader, FlowEntry("a", "b", "c")),
        lambda work: providers.add(work, reader, ProviderEntry("p")),
        lambda work: matrix.put(work, reader, 1, parse_objective_id("3.1.1[a]"), LineEntry(Duty.SHARED), seen=0),
        lambda work: reading.snapshot_parts(work, stranger),
        lambda work: providers.every(work, stranger),
        lambda work: matrix.gaps_of(work, stranger),
        lambda work: overview.of_system(work, stranger),
    ):
        with pytest.raises(Forbidden), tracker.write(actor) as work:
            attempt(work)


def test_two_people_who_add_the_same_asset_at_once_make_one(tracker: Tracker, actor: Actor, main: Access) -> None:
    outcomes: list[str] = []
    go = threading.Barrier(2)

    def add() -> None:
        go.wait(20)
        try:
            with tracker.write(actor) as work:
                inventory.add(work, main, AssetEntry("Laptop"))
            outcomes.append("added")
        except Invalid:
            outcomes.append("told")

    both = [threading.Thread(target=add) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert sorted(outcomes) == ["added", "told"]


def test_the_filter_for_what_is_missing_finds_just_what_the_rule_says(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    groups = (GroupEntry("both", "said", on_diagram=True), GroupEntry("plan", "said"), GroupEntry("bare"))
    choices = product((None, *AssetCategory), ("", "said"), (True, False), ("", "both", "plan", "bare", "unsaid"))
    with tracker.write(actor) as work:
        for group in groups:
            inventory.put_group(work, main, group, 0)
        for number, (category, treatment, on_diagram, group) in enumerate(choices):
            facts = {"group": group, "treatment": treatment, "on_diagram": on_diagram}
            inventory.add(work, main, AssetEntry(f"A-{number}", category, **facts))
    with tracker.read(actor) as work:
        by_rule = {one.id for one in inventory.every(work, main) if one.lacks}
        found: set[int] = set()
        after: int | None = 0
        while after is not None:
            rows, count, after = inventory.page(work, main, AssetFilter(lacking=True, after=after))
            found |= {one.id for one in rows}
    assert found == by_rule
    assert count == len(by_rule)
    assert 0 < len(by_rule) < number


def test_signs_of_a_pattern_are_only_text_to_the_search(tracker: Tracker, actor: Actor, main: Access) -> None:
    with tracker.write(actor) as work:
        for name in ("100 % full", "under_score", "plain"):
            inventory.add(work, main, AssetEntry(name))
    with tracker.read(actor) as work:
        for text, found in (("%", ["100 % full"]), ("_", ["under_score"]), ("PLAIN", ["plain"])):
            assert [one.entry.name for one in inventory.page(work, main, AssetFilter(text=text))[0]] == found


def test_an_administrator_changes_no_asset_but_those_that_follow_from_answers(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    """Running the machine gives no right in a system."""
    with tracker.write(actor) as work:
        number = inventory.add(work, main, AssetEntry("Payroll", AssetCategory.CUI))
    facts = AssetFacts("Mine", AssetCategory.OUT_OF_SCOPE, "")
    with pytest.raises(NotFound), tracker.write(actor) as work:
        drafts.keep(work, number, facts, None, confirm=False)
    with pytest.raises(NotFound), tracker.write(actor) as work:
        drafts.remove(work, number, AssetFacts, None)
    with tracker.read(actor) as work:
        assert inventory.one(work, main, number).entry.name == "Payroll"


def test_lines_that_an_administrator_takes_away_with_their_provider_stay_in_the_log(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    with tracker.write(actor) as work:
        number = providers.add(work, main, ProviderEntry("Northwind", holds=Held.SPD))
        matrix.put(work, main, number, parse_objective_id("3.1.1[a]"), LineEntry(Duty.PROVIDER, "they"), seen=0)
    with tracker.write(actor) as work:
        drafts.remove(work, number, ProviderFacts, None)
    assert _said(tracker, "matrix:changed")[1]["before"] == {"AC.L2-3.1.1[a]": {"duty": "provider", "text": "they"}}


def test_an_administrator_who_is_no_member_sees_and_changes_no_row_of_a_system(
    tracker: Tracker, actor: Actor, main: Access
) -> None:
    with tracker.write(actor) as work:
        number = providers.add(work, main, ProviderEntry("Northwind", holds=Held.SPD))
        drafts.draft(work, main.system_id, Answers("", "Main", False, Place.PREMISES, ""))
        asset = next(row.id for row in drafts.rows(work) if row.kind == "asset")
    facts = {number: ProviderFacts("Mine", is_cloud=True, note=""), asset: AssetFacts("Mine", AssetCategory.CUI, "")}
    reader = replace(actor, systems={"main": replace(main, rights=frozenset({Right.VIEW}))})
    with tracker.read(OPERATOR) as work:
        assert drafts.rows(work) == []
    for row_id, given in facts.items():
        for who, refused in ((OPERATOR, NotFound), (reader, Forbidden)):
            with pytest.raises(refused), tracker.write(who) as work:
                drafts.keep(work, row_id, given, None, confirm=True)
            with pytest.raises(refused), tracker.write(who) as work:
                drafts.remove(work, row_id, type(given), None)
    with tracker.read(actor) as work:
        assert {row.facts.name for row in drafts.rows(work)} == {"Northwind", OURS}


def test_a_system_has_room_for_so_many_rows_of_each_sort_and_the_next_is_refused_by_its_field(
    tracker: Tracker, actor: Actor, main: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST", {table: (2, called) for table, (_, called) in rows.MOST.items()})
    adding: tuple[tuple[str, Callable[[Work, str], object]], ...] = (
        ("name", lambda work, name: inventory.add(work, main, AssetEntry(name))),
        ("name", lambda work, name: providers.add(work, main, ProviderEntry(name))),
        ("name", lambda work, name: inventory.put_group(work, main, GroupEntry(name), 0)),
        ("name", lambda work, name: surroundings.add(work, main, SurroundingEntry(EntryKind.PERSON, name))),
        ("what", lambda work, name: surroundings.add(work, main, FlowEntry(name, "b", "c"))),
    )
    for field, add in adding:
        for name in ("one", "two"):
            with tracker.write(actor) as work:
                add(work, name)
        with pytest.raises(Invalid) as refused, tracker.write(actor) as work:
            add(work, "three")
        assert list(refused.value.fields) == [field]
        assert "at most 2 " in refused.value.fields[field]
    with tracker.write(actor) as work:
        first = inventory.page(work, main, AssetFilter())[0][0]
        inventory.edit(work, main, first.id, AssetEntry("one", note="still changed"), first.version)
        assert inventory.one(work, main, first.id).entry.note == "still changed"
