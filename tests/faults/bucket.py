"""The bucket refuses, fails, is slow, cuts and is full."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults.site import Answers, Lacking, Site


@contextlib.contextmanager
def _bucket(folder: Path) -> Iterator[tuple[Site, Any]]:
    try:
        from tests.buckets.server import BUCKET, new_bucket, serving
    except ModuleNotFoundError as error:
        raise Lacking(f"the library {error.name}") from None
    with serving() as door:
        own = {
            "AWS_ENDPOINT_URL_S3": door.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        os.environ.update(own)
        new_bucket()
        yield Site(folder, UPLOAD_PATH=f"s3://{BUCKET}/drill", **own), door


def _case(fault: Callable[[Any], None], *, refuses: bool = True) -> Callable[[Path], str]:
    def act(folder: Path) -> str:
        answers = Answers()
        with _bucket(folder) as (site, door):
            well = dict(door.__dict__)
            with site.served():
                site.prepare()
                fault(door)
                site.write_all(answers)
                door.__dict__.update({**well, "asked": []})
            said = answers.check()
            assert bool(answers.refused) == refuses, f"refused: {answers.refused[:2]}"
            site.content()
        return said

    return act


def _set(**what: Any) -> Callable[[Any], None]:
    return lambda door: door.__dict__.update(what)


CASES = [
    ("bucket: writing answers 500", _case(_set(refuse="PUT POST", code="InternalError", status=500))),
    ("bucket: asks to slow down", _case(_set(refuse="PUT POST", code="SlowDown", status=503))),
    ("bucket: rights are gone", _case(_set(refuse="PUT POST GET HEAD DELETE", code="AccessDenied", status=403))),
    ("bucket: is full", _case(_set(refuse="PUT POST", code="QuotaExceeded", status=507))),
    ("bucket: each answer takes two seconds", _case(_set(wait=2.0), refuses=False)),
    ("bucket: answers are cut", _case(_set(cut_after=50, cuts=6), refuses=False)),
]
