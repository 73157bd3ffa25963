"""The application over a store in a bucket: uploads, downloads, stretches, and clear words when the bucket is away."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmmc_tracker import create_app
from cmmc_tracker.gate.doors import EXTENSION
from cmmc_tracker.storage import blobs_s3
from tests.buckets.server import Door
from tests.conftest import Person, person


@pytest.fixture
def bo(door: Door, database_url: str, tmp_path: Path) -> Iterator[Person]:
    """Somebody signed in where the store is a bucket."""
    assert door.url
    app = create_app(
        {
            "CMMC_DATA_DIR": str(tmp_path),
            "DATABASE_URL": database_url,
            "UPLOAD_PATH": "s3://evidence/store",
            "FLASK_SECRET": "s" * 40,
        }
    )
    tracker = app.extensions[EXTENSION].tracker
    yield person(app, tracker, "bo")
    tracker.engine.dispose()


def test_a_file_goes_into_the_bucket_and_comes_back_whole_and_in_stretches(bo: Person, door: Door) -> None:
    data = b"0123456789" * 100_000
    answer = bo.upload("log.txt", data)
    assert answer.status_code == 201
    address = f"/api/v1/artifacts/{answer.get_json()['id']}/versions/1/content"
    whole = bo.get(address)
    assert (whole.status_code, whole.data, whole.content_length) == (200, data, len(data))
    part = bo.get(address, headers={"Range": "bytes=500001-500010"})
    assert (part.status_code, part.data) == (206, b"1234567890")
    assert part.headers["Content-Range"] == f"bytes 500001-500010/{len(data)}"
    assert bo.get(address, headers={"Range": "bytes=-3"}).data == b"789"
    assert bo.get(address, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert bo.get(address, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert bo.get("/artifacts/1").status_code == 200
    assert door.asked


def test_an_upload_that_the_bucket_refuses_is_told_and_leaves_no_artifact(bo: Person, door: Door) -> None:
    door.refuse = "PUT"
    answer = bo.upload("log.txt", os.urandom(100).hex().encode())
    assert answer.status_code == 503
    assert "refuses this installation" in answer.get_json()["detail"]
    door.refuse = ""
    assert bo.get("/api/v1/artifacts").get_json()["items"] == []
    assert bo.upload("log.txt", b"words").status_code == 201


def test_readiness_goes_red_while_the_bucket_is_away(bo: Person, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs_s3, "FRESH_SECONDS", 0.0)
    assert bo.get("/readyz").status_code == 200
    door.refuse = "GET"
    assert bo.get("/readyz").status_code == 503
