"""Which backups are kept, and what a manifest must be to be believed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cmmc_tracker.domain.backups import (
    FORMAT,
    FileOf,
    Keep,
    Lacking,
    Last,
    Manifest,
    Standing,
    instant_of,
    kept,
    name_of,
)
from cmmc_tracker.errors import Conflict, Invalid

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)  # a Tuesday
MANIFEST = Manifest(
    made_at="2026-03-31T12:00:00.000000Z",
    program="1.0",
    revision="0007",
    database="sqlite",
    entries=2,
    head="a" * 64,
    blobs=1,
    blob_bytes=3,
    files=(FileOf("users.jsonl.gz", 10, "b" * 64, 1), FileOf("settings.json", 2, "c" * 64)),
    lacking=(Lacking("d" * 64, "it is missing from the store"),),
)


def _days(*ago: float) -> set[datetime]:
    return {NOON - timedelta(days=one) for one in ago}


@pytest.mark.parametrize(
    ("keep", "made", "stay"),
    [
        ("daily=2", (0, 0.1, 1, 2), (0, 1)),  # the newest of a day stands for it
        ("daily=2", (0, 5, 9), (0, 5)),  # days without a backup do not count
        ("weekly=2", (0, 1, 2, 8, 9), (0, 2)),  # two days ago was Sunday, of the week before
        ("monthly=3", (0, 30, 31, 40, 70), (0, 31, 70)),
        ("daily=1,monthly=2", (0, 1, 31, 40), (0, 31)),
        ("daily=1", (), ()),
        ("monthly=1", (400,), (400,)),  # the newest of all stays, however old
        ("daily=9", (0, 1, 2), (0, 1, 2)),
    ],
)
def test_the_newest_of_each_period_stays(keep: str, made: tuple[float, ...], stay: tuple[float, ...]) -> None:
    assert kept(_days(*made), Keep.parse(keep)) == _days(*stay)


def test_weeks_are_those_of_the_calendar_over_the_end_of_a_year() -> None:
    thursday, friday = datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    assert kept([thursday, friday], Keep(weekly=2)) == {friday}
    assert kept([thursday, friday], Keep(monthly=2)) == {thursday, friday}


@pytest.mark.parametrize(
    "text", ["", "7", "daily", "daily=", "daily=-1", "daily=x", "hourly=2", "daily=1,daily=2", "daily=0", "daily=٣"]
)
def test_what_to_keep_is_read_strictly(text: str) -> None:
    with pytest.raises(Invalid):
        Keep.parse(text)


def test_what_to_keep_may_name_any_of_the_periods() -> None:
    assert Keep.parse("daily=7, weekly=4,monthly=12") == Keep(7, 4, 12)
    assert Keep.parse("monthly=1") == Keep(monthly=1)


def test_a_name_tells_its_instant() -> None:
    assert name_of(NOON) == "backup-20260331T120000000000Z"
    assert instant_of(name_of(NOON)) == NOON
    for other in ("backup-", "backup-20261331T120000000000Z", "backup-x", "../backup-20260331T120000000000Z", "blobs"):
        assert instant_of(other) is None, other


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert Manifest.parse(MANIFEST.text().encode()) == MANIFEST
    assert [one.table for one in MANIFEST.files] == ["users", ""]


def test_a_manifest_that_was_altered_is_not_believed() -> None:
    for old, new in (('"rows": 1', '"rows": 2'), ("0007", "0001"), ("missing", "there"), ('"seal": "', '"seal": "0')):
        text = MANIFEST.text()
        assert old in text
        with pytest.raises(Conflict, match="altered"):
            Manifest.parse(text.replace(old, new, 1).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"seal": 1}', b"[" * 100_000])
def test_what_is_no_manifest_is_told_in_one_line(text: bytes) -> None:
    with pytest.raises(Conflict, match="manifest"):
        Manifest.parse(text)


def test_a_manifest_cut_anywhere_is_refused() -> None:
    text = MANIFEST.text().encode()
    for end in range(0, len(text) - 2, 7):
        with pytest.raises(Conflict):
            Manifest.parse(text[:end])


def test_a_newer_form_is_named_as_such_whatever_else_it_holds() -> None:
    newer = {**json.loads(MANIFEST.text()), "format": FORMAT + 1, "more": []}
    with pytest.raises(Conflict, match="newer version"):
        Manifest.parse(json.dumps(newer).encode())


def test_a_manifest_names_only_files_that_a_backup_has() -> None:
    with pytest.raises(Conflict, match="no backup has"):
        Manifest.parse(replace(MANIFEST, files=(FileOf("../users.json", 1, "b" * 64),)).text().encode())


NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "failed", "lacking", "standing"),
    [
        (None, None, 0, Standing.NEVER),
        (None, 1, 0, Standing.FAILED),
        (2, 1, 0, Standing.FAILED),
        (1, 2, 0, Standing.GOOD),
        (48, None, 0, Standing.GOOD),
        (49, None, 0, Standing.LATE),
        (49, 50, 3, Standing.LACKING),
        (1, None, 1, Standing.LACKING),
    ],
)
def test_how_it_stands_is_told_by_the_worst(
    made: int | None, failed: int | None, lacking: int, standing: Standing
) -> None:
    def ago(hours: int | None) -> datetime | None:
        return NOW - timedelta(hours=hours) if hours is not None else None

    assert Last(ago(made), lacking, ago(failed)).standing(NOW) is standing
