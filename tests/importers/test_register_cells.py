"""Objectives and days in a register's cells: read as people write them, refused where they may mean two things."""

import pytest

from cmmc_tracker.importers.register_dates import Order, iso, order_of
from tests.importers.register_samples import one_row, planned, problem

# Objectives


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("3.1.1[d]; AC.L2-3.1.2[b]", "AC.L2-3.1.1[d] AC.L2-3.1.2[b]"),
        ("3.1.1[b], 3.1.1[b]", "AC.L2-3.1.1[b]"),
        ("3.1.1 (B)\n3.1.2b|3.1.3[c]", "AC.L2-3.1.1[b] AC.L2-3.1.2[b] AC.L2-3.1.3[c]"),
        ("3.1.1[b,c] 3.1.2[a]", "AC.L2-3.1.1[b] AC.L2-3.1.1[c] AC.L2-3.1.2[a]"),
        ("3.1.1[b-d]", "AC.L2-3.1.1[b] AC.L2-3.1.1[c] AC.L2-3.1.1[d]"),
        ("3.1.1[b][c]", "AC.L2-3.1.1[b] AC.L2-3.1.1[c]"),
        ("3.1.1[b], [c]; [d]", "AC.L2-3.1.1[b] AC.L2-3.1.1[c] AC.L2-3.1.1[d]"),
        ("ac.l2-3.1.1[b];;", "AC.L2-3.1.1[b]"),
        ("3.4.4", "CM.L2-3.4.4[a]"),
    ],
)
def test_objectives_are_read_as_people_write_them(cell: str, found: str) -> None:
    row = one_row(controls=cell)
    assert " ".join(row.objectives) == found
    assert row.notes == ()


def test_a_requirement_without_a_letter_means_all_its_objectives_and_is_told() -> None:
    row = one_row(requirement="3.1.2")
    assert row.objectives == ("AC.L2-3.1.2[a]", "AC.L2-3.1.2[b]")
    assert row.notes == ("AC.L2-3.1.2 names no letter: all its 2 objectives are linked.",)


@pytest.mark.parametrize(
    "cell",
    ["3.1.1[z]", "3.99.1[a]", "AU.L2-3.1.1[a]", "3.1.1[a]; policy", "[a]", "3.1.1 to 3.1.5", "all", "3.1.1[a", "=1"],
)
def test_an_objective_that_cannot_be_read_refuses_its_row(cell: str) -> None:
    assert problem(one_row(objectives=cell))


def test_of_many_wrong_objectives_the_first_are_named() -> None:
    row = one_row(objectives="; ".join(f"wrong {number}" for number in range(900)))
    assert len(row.problems) == 6
    assert row.problems[-1] == "895 more objectives cannot be read."


# Days


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24", "2026-11-24"),
        ("2026/11/24", "2026-11-24"),
        ("2026-11-24T10:30:00Z", "2026-11-24"),
        ("2026-11-24 10:30", "2026-11-24"),
        ("11/24/2026", "2026-11-24"),
        ("11/24/2026 2:30 PM", "2026-11-24"),
        ("24/11/2026", "2026-11-24"),
        ("24.11.2026", "2026-11-24"),
        ("3/3/2026", "2026-03-03"),
        ("24 Nov 2026", "2026-11-24"),
        ("24-Nov-2026", "2026-11-24"),
        ("24th November 2026", "2026-11-24"),
        ("Nov 24, 2026", "2026-11-24"),
        ("November 24 2026", "2026-11-24"),
        ("Sept. 5, 2026", "2026-09-05"),
        ("29 Feb 2024", "2024-02-29"),
    ],
)
def test_a_day_is_read_as_people_write_it(text: str, day: str) -> None:
    assert iso(f" {text} ", None) == day


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("03/04/2026", "“03/04/2026” may be 4 March or 3 April: write 2026-03-04 or 2026-04-03."),
        ("3.4.2026", "may be 4 March or 3 April"),
        ("11/24/26", "two digits"),
        ("24-Nov-26", "two digits"),
        ("46350", "how a spreadsheet counts"),
        ("13/13/2026", "is not a day"),
        ("2026-02-30", "is not a day"),
        ("30 Feb 2026", "is not a day"),
        ("24 Nop 2026", "is not a day"),
        ("Nov 2026", "is not a day"),
        ("2026", "is not a day"),
        ("yesterday", "is not a day"),
        ("0000-01-01", "is not a day"),
        ("1" * 20_000, "is not a day"),
        ("٢٠٢٦-١١-٢٤", ""),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_day_or_two_is_refused(text: str, told: str) -> None:
    if told:
        with pytest.raises(ValueError, match=r".") as refused:
            iso(text, None)
        assert told in str(refused.value)
    else:
        assert iso(text, None) == "2026-11-24"


@pytest.mark.parametrize(
    ("proof", "collected"), [("11/24/2025", "2026-03-04"), ("24/11/2025", "2026-04-03"), ("24.11.2025", "2026-04-03")]
)
def test_the_order_of_day_and_month_is_proven_by_another_row_of_the_column(proof: str, collected: str) -> None:
    rows = planned(["File", "Collected"], ["policy.pdf", "03/04/2026"], ["unknown.pdf", proof]).rows
    assert rows[0].facts["collected_on"] == collected


def test_another_column_proves_nothing() -> None:
    rows = planned(["File", "Collected", "Covers from"], ["policy.pdf", "03/04/2026", "11/24/2025"]).rows
    assert "may be" in problem(rows[0])


def test_a_column_that_proves_both_orders_proves_none() -> None:
    assert order_of(["11/24/2026", "24/11/2026"]) is None
    assert order_of(["11/24/2026", "13/45/2026", "3/3/2026", ""]) is Order.MONTH
    assert order_of(["45/13/2026", "99/1/2026"]) is None
