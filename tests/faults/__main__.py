"""`make faults`: cause every fault that the product must survive, and look whether it did.

    python -m tests.faults [--only NAME] [--kills 200]

Each case has an installation and a folder of its own. A table tells what people saw; what this machine lacks is named.
The kills take some five seconds each, all else together some minutes. Exit 1 when something was lost, was told
unclearly, or left `verify` not content.
"""

import argparse
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.faults import broken, bucket, clock, full, kills, postgresql, redis, writers
from tests.faults.site import Lacking

Case = tuple[str, Callable[[Path], str]]


def cases(number: int) -> list[Case]:
    """All of them, the short ones first."""
    rooms = (writers.CASES, clock.CASES, broken.CASES, full.CASES, redis.CASES, bucket.CASES, postgresql.CASES)
    return [case for room in rooms for case in room] + kills.cases(number)


def main() -> None:
    """Run them, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--kills", type=int, default=200, help="how often the server is killed")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # of the applications in this process: their traces are no news here
    passed, failed, lacking = 0, 0, []
    for name, act in cases(given.kills):
        if given.only not in name:
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
            Path(folder).chmod(0o711)  # a database of another account may lie in it
            try:
                how, said = "passed ", act(Path(folder))
                passed += 1
            except Lacking as what:
                how, said = "lacking", str(what)
                lacking.append(f"{name}: {what}")
            except Exception as error:
                how, said = "FAILED ", f"{type(error).__name__}: {str(error)[:1_500]}"
                failed += 1
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
        print(f"{how}  {time.monotonic() - begun:6.1f} s  {name:<58}  {said}", flush=True)
    for one in lacking:
        print(f"not tried for want of {one}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
