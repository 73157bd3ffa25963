"""A small system with two artifacts, and what a register's rows would do to it."""

from collections.abc import Sequence
from datetime import date

import pytest

from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register import Action, Known, Present, RegisterPlan, RowPlan, plan, read_csv

TODAY = date(2026, 11, 25)
HASH, OTHER_HASH, NEW_HASH = "a" * 64, "b" * 64, "c" * 64
POLICY = Present(
    3,
    {
        "title": "Access control policy",
        "kind": Kind.POLICY,
        "description": "",
        "covers_from": date(2026, 1, 1),
        "covers_until": date(2026, 12, 31),
        "collected_on": None,
        "cadence": Cadence.YEARLY,
        "owner": "Ann",
    },
    (("policy.pdf", HASH),),
    frozenset({"AC.L2-3.1.1[a]"}),
)
ENCLAVE = Present(5, {"title": "Drawing index"}, (("index.xlsx", OTHER_HASH),), location="\\\\enclave\\index.xlsx")
KNOWN = Known((POLICY, ENCLAVE), {"ann": "Ann", "bo weiss": "Bo Weiß"}, 2, TODAY)
POLICY_HEADER = ["Title", "File", "Location", "SHA-256", "Objectives"]


def planned(*rows: Sequence[str], known: Known = KNOWN) -> RegisterPlan:
    return plan([list(row) for row in rows], known)


def row_of(header: Sequence[str], *cells: str, known: Known = KNOWN) -> RowPlan:
    (row,) = planned(header, cells, known=known).rows
    return row


def one_row(known: Known = KNOWN, **cells: str) -> RowPlan:
    """The plan of one row that names the policy by its file, with further columns."""
    given = {"file": "policy.pdf", **cells}
    return row_of([name.replace("_", " ") for name in given], *given.values(), known=known)


def problem(row: RowPlan) -> str:
    assert row.action is Action.REFUSE
    assert not row.changes
    assert not row.facts
    return " ".join(row.problems)


def read_and_planned(data: bytes | list[list[str]]) -> RegisterPlan:
    return plan(read_csv(data) if isinstance(data, bytes) else data, KNOWN)


def refusal(data: bytes | list[list[str]]) -> str:
    with pytest.raises(Invalid) as refused:
        read_and_planned(data)
    assert set(refused.value.fields) == {"file"}
    assert refused.value.message.endswith("Nothing was changed.")
    return refused.value.message
