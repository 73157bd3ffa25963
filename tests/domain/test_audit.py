"""The chain of the audit log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from cmmc_tracker.domain.audit import GENESIS, Entry, Event, canonical, digest, first_break, stamp

texts = st.text(max_size=12)
entries = st.lists(
    st.builds(
        Entry,
        at=texts,
        actor_id=st.one_of(st.none(), st.integers()),
        actor=texts,
        address=texts,
        action=texts,
        entity=texts,
        detail=texts,
        previous=st.just(""),
    ),
    min_size=1,
    max_size=6,
)


def _chained(given_entries: list[Entry]) -> list[tuple[int, Entry, str]]:
    previous, chain = GENESIS, []
    for number, entry in enumerate(given_entries, 1):
        linked = replace(entry, previous=previous)
        previous = digest(linked)
        chain.append((number, linked, previous))
    return chain


@given(entries)
def test_a_chain_as_it_was_written_is_intact(found: list[Entry]) -> None:
    assert first_break(_chained(found)) is None


@given(entries, st.data())
def test_any_altered_field_breaks_the_chain_at_its_entry(found: list[Entry], data: st.DataObject) -> None:
    chain = _chained(found)
    at = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(["at", "actor", "address", "action", "entity", "detail"]))
    number, entry, recorded = chain[at]
    chain[at] = (number, replace(entry, **{name: getattr(entry, name) + "x"}), recorded)
    assert first_break(chain) == (number, "its content is not what was recorded")


@given(entries, st.data())
def test_taking_out_an_entry_breaks_the_chain(found: list[Entry], data: st.DataObject) -> None:
    chain = _chained([*found, found[0]])
    at = data.draw(st.integers(0, len(chain) - 2))
    del chain[at]
    assert first_break(chain) is not None


def test_moving_text_between_fields_changes_the_hash() -> None:
    one = Entry("t", 1, "ab", "c", "x", "y", "{}", GENESIS)
    assert digest(one) != digest(replace(one, actor="a", address="bc"))


def test_the_same_content_always_has_the_same_text() -> None:
    assert canonical({"b": 1, "a": "é"}) == canonical({"a": "é", "b": 1}) == '{"a":"é","b":1}'


def test_instants_are_written_in_utc() -> None:
    east = datetime(2026, 11, 24, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert stamp(east) == stamp(datetime(2026, 11, 24, 10, 0, tzinfo=UTC)) == "2026-11-24T10:00:00.000000Z"


def test_events_are_named_thing_verb_and_sorted() -> None:
    assert [e.name for e in Event] == sorted(e.name for e in Event)
    assert all(e.value.count(":") == 1 for e in Event)
