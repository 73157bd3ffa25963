"""Contents are worked through in several threads, some together, in order, and never many ahead."""

import threading

import pytest

from cmmc_tracker.services.backups import ahead

MIB = 1_048_576


def test_batches_are_bounded_in_number_and_in_bytes() -> None:
    small = [(f"{number}", 100) for number in range(70)]
    assert [len(one) for one in ahead.batches(small, 32)] == [32, 32, 6]
    large = [(f"{number}", 10 * MIB) for number in range(5)]
    assert [len(one) for one in ahead.batches(large, 32)] == [2, 2, 1]
    assert [one for batch in ahead.batches(small, 32) for one in batch] == small
    assert list(ahead.batches([], 32)) == []


def test_results_come_in_order_from_several_threads_and_little_is_read_ahead() -> None:
    read, seen, together = 0, [], threading.Barrier(2)

    def contents():  # type: ignore[no-untyped-def]
        nonlocal read
        for number in range(3_200):
            read += 1
            yield f"{number}", 1

    def act(batch: ahead.Batch) -> str:
        if batch[0][0] in {"0", "32"}:
            together.wait(timeout=30)  # passes only where two are worked on at once
        return batch[-1][0]

    for batch, last in ahead.done(act, contents()):
        assert batch[-1][0] == last
        seen += [sha256 for sha256, _ in batch]
        assert read - len(seen) <= 32 * 10
    assert seen == [f"{number}" for number in range(3_200)]


def test_what_is_raised_stops_the_rest() -> None:
    begun: list[str] = []

    def act(batch: ahead.Batch) -> None:
        begun.append(batch[0][0])
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        list(ahead.done(act, ((f"{number}", 1) for number in range(32_000))))
    assert len(begun) <= 20
