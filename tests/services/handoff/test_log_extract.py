"""The extract of the audit log: what is in it, what is left out of it, and what somebody who has it can check."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from cmmc_tracker.domain.audit import Entry, Event
from cmmc_tracker.domain.handoff.log_extract import HIDDEN, SAID, SOUGHT, Concern
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor, Right, Role
from cmmc_tracker.errors import Conflict, Forbidden
from cmmc_tracker.reports import audit_extract
from cmmc_tracker.reports.audit_extract import COLUMNS, EXTRACT, HEAD, Extract
from cmmc_tracker.services import exports, quarantine, remarks
from cmmc_tracker.services.handoff import log_extract, packages, sealing
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import audit
from tests.services.evidence import FIRST, SECOND, acting, linked_artifact, other_system, somebody
from tests.services.test_audit import tamper

NAME = "documents/audit-log.csv"
ASKED = Asked("Of record", Purpose.FINAL, "To see what is missing.", releasable=False)
_MINE = Concern("main", {"artifact": frozenset({4, 5}), "remark": frozenset({1})}, frozenset({"ab"}), frozenset({5}))


def _entry(entity: str, detail: Mapping[str, Any], action: str = "artifact:edited") -> tuple[Entry, Mapping[str, Any]]:
    return Entry("2026-11-28T10:00:00.000000Z", 1, "ada", "192.0.2.1", action, entity, json.dumps(detail), ""), detail


@pytest.mark.parametrize(
    ("entity", "detail", "concerned"),
    [
        ("artifact:4", {}, True),
        ("artifact:44", {}, False),
        ("artifact:4", {"system": "main"}, True),
        ("artifact:4", {"system": "lab"}, False),  # linked there, too
        ("artifact:9", {"system": "main"}, True),  # purged since
        ("system:main", {}, True),
        ("system:main-2", {}, False),
        ("objective:main/AC.L2-3.1.1[a]", {}, True),
        ("objective:main-2/AC.L2-3.1.1[a]", {}, False),
        ("asset_group:main/Printers", {}, True),
        ("user:4", {}, False),
        ("user:main", {}, False),
        ("remark:1", {}, True),
        ("remark:2", {}, False),
        ("blob:ab", {}, True),
        ("blob:cd", {}, False),
        ("settings:installation", {}, False),
        ("artifact:٤", {}, False),
        ("", {}, False),
        ("artifact:4", {"system": {"before": "lab"}}, True),
    ],
)
def test_an_entry_is_of_the_system_that_it_names_or_whose_thing_it_is(
    entity: str, detail: Mapping[str, Any], concerned: bool
) -> None:
    assert _MINE.concerns(entity, detail) is concerned


@pytest.mark.parametrize(
    ("entity", "detail", "action", "told"),
    [
        ("artifact:4", {"title": "x"}, Event.ARTIFACT_EDITED, '{"title": "x"}'),
        ("artifact:5", {"title": "x"}, Event.ARTIFACT_EDITED, HIDDEN),
        ("artifact:5", {"reason": "x"}, Event.ARTIFACT_SPILLED, '{"reason": "x"}'),
        ("evidence_round:1", {"artifact": 5}, Event.IMPORT_DONE, HIDDEN),
        ("objective:main/AC.L2-3.1.1[a]", {"text": "x"}, Event.REMARK_WRITTEN, SAID),
        ("evidence_request:4", {"text": "x"}, Event.EVIDENCE_REQUEST_MADE, SAID),
        ("package:1", {"text": "x"}, Event.PACKAGE_ASKED, SAID),
        ("package:1", {"number": 1, "search": "x"}, Event.PACKAGE_LOOKED_AT, SOUGHT),
        ("package:1", {"page": "overview"}, Event.PACKAGE_LOOKED_AT, '{"page": "overview"}'),
        ("package:1", {"number": 1}, Event.PACKAGE_DOWNLOADED, '{"number": 1}'),
    ],
)
def test_what_was_said_between_people_and_what_must_not_be_seen_stays_here(
    entity: str, detail: Mapping[str, Any], action: str, told: str
) -> None:
    assert _MINE.told(*_entry(entity, detail, action)) == told


# Of a package


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _frozen(tracker: Tracker, bo: Actor) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The snapshot of a new package and its extract of the log, as its zip has them."""
    made = packages.freeze(tracker, bo, "192.0.2.7", bo.systems["main"], ASKED)
    with tracker.read(bo) as work:
        snapshot = packages.snapshot(work, bo.systems["main"], made.id)
        at = next(n for n, one in enumerate(sealing.members(work, made.id), 1) if one.path == NAME)
        text = sealing.content(work, made.id, at).decode("utf-8-sig")
    return snapshot, _rows(text)


def _rows(text: str) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    assert reader.fieldnames == list(COLUMNS)
    return list(reader)


def test_a_package_has_what_was_done_in_its_system_up_to_the_head_and_nothing_of_another(
    tracker: Tracker, bo: Actor
) -> None:
    number = linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST, SECOND)
    other_system(tracker, bo.id)
    bo = acting(tracker, bo.id or 0, "bo")
    with tracker.write(bo, "192.0.2.9") as work:
        remarks.write_on_objective(work, bo.systems["main"], FIRST, "Is this enough?")
        remarks.write_on_objective(work, bo.systems["lab"], FIRST, "A word of the laboratory")
    snapshot, rows = _frozen(tracker, bo)
    with tracker.read() as work:
        log = {row.id: row for row in work.rows(select(audit))}
    told = [(row["action"], row["entity"]) for row in rows]
    assert ("artifact:created", f"artifact:{number}") in told
    assert ("remark:written", f"objective:main/{FIRST}") in told
    assert not any("lab" in row["entity"] or "laboratory" in row["detail"] for row in rows)
    assert not any(text in str(rows) for text in ("Is this enough", "192.0.2.9"))
    assert [int(row["id"]) for row in rows] == sorted(int(row["id"]) for row in rows)
    for row in rows[:-1]:
        kept = log[int(row["id"])]
        assert (row["at"], row["actor"], row["previous"], row["hash"]) == (
            kept.at,
            kept.actor,
            kept.previous,
            kept.hash,
        )
        assert row["detail"] in {kept.detail, SAID}
    head = rows[-1]
    assert (int(head["id"]), head["hash"]) == (snapshot[HEAD]["entry"], snapshot[HEAD]["hash"])
    assert int(head["id"]) == max(one.id for one in log.values() if one.action != Event.PACKAGE_FROZEN)


def test_whoever_is_told_the_address_of_an_entry_can_compute_its_hash(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    _, rows = _frozen(tracker, bo)
    with tracker.read() as work:
        addresses = {str(row.id): row.address for row in work.rows(select(audit))}
    whole = [row for row in rows if row["at"]]
    assert whole
    for row in whole:
        fields = [row["previous"], row["at"], int(row["actor_id"]) if row["actor_id"] else None, row["actor"]]
        fields += [addresses[row["id"]], row["action"], row["entity"], row["detail"]]
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(text.encode()).hexdigest() == row["hash"]


def test_an_artifact_in_quarantine_is_not_named(tracker: Tracker, bo: Actor) -> None:
    number = linked_artifact(tracker, bo, "Secret of the house", ("secret.txt", b"what we hide"), FIRST)
    with tracker.write(bo) as work:
        quarantine.hold(work, number, "It may be controlled.")
    _, rows = _frozen(tracker, bo)
    mine = [row for row in rows if row["entity"] == f"artifact:{number}"]
    assert {row["detail"] for row in mine} == {HIDDEN}
    assert "Secret of the house" not in str(rows)


def test_of_a_long_log_the_oldest_is_left_out_and_the_extract_says_so(tracker: Tracker, bo: Actor) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    with tracker.read(bo) as work:
        snapshot = packages.picture(work, bo.systems["main"])
        whole, short = (log_extract.of(work, snapshot, most) for most in (log_extract.MOST_BYTES, 900))
    assert whole
    assert short
    assert not whole.left_out
    assert 0 < len(short.lines) < len(whole.lines)
    assert short.lines == whole.lines[-len(short.lines) :]
    assert short.left_out == whole.lines[-len(short.lines) - 1].number
    text = audit_extract.make({**snapshot, EXTRACT: short}).decode("utf-8-sig")
    assert len(text.encode()) < 900 + 600  # the heading, the line that says so, and the head
    assert f"entry {short.left_out} and older" in _rows(text)[0]["detail"]


def test_a_log_longer_than_a_piece_is_read_to_its_end(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_artifact(tracker, bo, "Access policy", ("policy.txt", b"what we do"), FIRST)
    with tracker.read(bo) as work:
        snapshot = packages.picture(work, bo.systems["main"])
        whole = log_extract.of(work, snapshot)
        monkeypatch.setattr(log_extract, "STEP", 1)
        assert log_extract.of(work, snapshot) == whole


def test_a_head_that_is_not_what_it_was_stops_the_freeze(tracker: Tracker, bo: Actor) -> None:
    with tracker.read(bo) as work:
        snapshot = packages.picture(work, bo.systems["main"])
    tamper(tracker, "UPDATE audit SET hash = :hash WHERE id = :id", hash="0" * 64, id=snapshot[HEAD]["entry"])
    with tracker.read(bo) as work, pytest.raises(Conflict, match="is not what it was"):
        log_extract.of(work, snapshot)


@pytest.mark.parametrize("detail", ["no JSON", "[1]"])
def test_an_entry_that_somebody_altered_stands_there_as_it_is(tracker: Tracker, bo: Actor, detail: str) -> None:
    tamper(tracker, "UPDATE audit SET detail = :detail WHERE entity = 'system:main'", detail=detail)
    with tracker.read(bo) as work:
        found = log_extract.of(work, packages.picture(work, bo.systems["main"]))
    assert found
    assert detail in [one.detail for one in found.lines]


def test_a_package_of_before_the_head_was_kept_goes_without(tracker: Tracker, bo: Actor) -> None:
    with tracker.read(bo) as work:
        snapshot = packages.picture(work, bo.systems["main"])
        del snapshot[HEAD]
        assert log_extract.of(work, snapshot) is None
    assert NAME not in [one.path for one in sealing.made_before(tracker, snapshot)]


def test_the_extract_of_now_is_among_the_documents(tracker: Tracker, bo: Actor) -> None:
    with tracker.read(bo) as work:
        made = exports.document(work, bo.systems["main"], "audit-log.csv")
    rows = _rows(made.content.decode("utf-8-sig"))
    assert rows[-1]["hash"]
    assert made.name == "main-audit-log.csv"


def test_the_extract_of_now_is_for_who_may_freeze_and_for_administrators_who_are_members(
    tracker: Tracker, bo: Actor
) -> None:
    main = bo.systems["main"]
    looks = replace(main, rights=frozenset({Right.VIEW, Right.CONTRIBUTE}))
    admin = replace(bo, role=Role.ADMIN)
    assert exports.may_have(bo, main, "audit-log.csv")
    assert exports.may_have(admin, looks, "audit-log.csv")
    assert exports.may_have(bo, looks, "poam.xlsx")
    assert not exports.may_have(bo, looks, "audit-log.csv")
    for who, rights in ((bo, looks), (admin, replace(main, rights=frozenset()))):
        with tracker.read(who) as work, pytest.raises(Forbidden):
            exports.document(work, rights, "audit-log.csv")


def test_no_cell_begins_a_formula() -> None:
    line = audit_extract.Line(1, "2026-11-28T10:00:00.000000Z", 1, "=ada", "a:b", "+c:1", "-d", "0" * 64, "1" * 64)
    extract = Extract([line, replace(line, number=2)], 2, "1" * 64, "0" * 64)
    text = audit_extract.make({EXTRACT: extract}).decode("utf-8-sig")
    assert [row["actor"] for row in _rows(text)] == ["'=ada"] * 2
    assert [row["entity"] for row in _rows(text)] == ["'+c:1"] * 2
    assert [row["detail"] for row in _rows(text)] == ["'-d"] * 2
