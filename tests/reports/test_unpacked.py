"""Reading a package that came from anywhere: what is hostile is refused before it takes the machine's memory."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from cmmc_tracker.reports.handoff import unpacked
from cmmc_tracker.reports.handoff.manifest import MANIFEST, RECORDS


def _zipped(place: Path, records: bytes, manifest: bytes) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORDS, records)
        archive.writestr(MANIFEST, manifest)
    return place


@pytest.mark.parametrize("hostile", [RECORDS, MANIFEST])
@pytest.mark.parametrize("kind", ["long", "full"])
def test_a_record_that_unpacks_to_more_than_one_can_be_is_refused_by_name_and_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hostile: str, kind: str
) -> None:
    long = b"[" + b"[]," * (unpacked.MOST_VALUES // 2) + b"[]]"
    if kind == "long":
        monkeypatch.setattr(unpacked, "LONGEST", 1 << 20)
        long = b'"' + b"x" * (8 << 20) + b'"'
    made = {name: long if name == hostile else b"{}" for name in (RECORDS, MANIFEST)}
    place = _zipped(tmp_path / "x.zip", made[RECORDS], made[MANIFEST])
    tracemalloc.start()
    with pytest.raises(unpacked.Unusable, match=f"{hostile} unpacks to more than one of a package can be"):
        unpacked.record(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < (4 << 20 if kind == "long" else 3 * len(long) + (1 << 20))


def test_what_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    place = _zipped(tmp_path / "x.zip", b"[" * 100_000, b"{}")
    with pytest.raises(unpacked.Unusable, match="no package"):
        unpacked.record(place)
