"""An object store for the tests that need one."""

from collections.abc import Iterator

import pytest

from tests.buckets.server import Door, new_bucket, serving


@pytest.fixture(scope="session")
def store_server() -> Iterator[Door]:
    """One server for all."""
    with serving() as door:
        yield door


@pytest.fixture
def door(store_server: Door, monkeypatch: pytest.MonkeyPatch) -> Door:
    """The server with an empty bucket `evidence`, and the environment that leads there."""
    store_server.__dict__.update({**Door(url=store_server.url).__dict__})
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", store_server.url),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ):
        monkeypatch.setenv(name, value)
    new_bucket()
    store_server.asked.clear()
    return store_server
