"""What waits in quarantine and is held elsewhere: shown by its place and hash, accepted or refused like any other."""

import hashlib

import pytest

from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import NotFound
from cmmc_tracker.services import links, quarantine, spill, spill_plan
from cmmc_tracker.services.artifacts import add_version
from cmmc_tracker.services.spill_plan import Wanted
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR
from tests.services.evidence import made, seen, somebody, switch, versioned

BANNER = b"CUI//SP-CTI\nhow the coupling is built\n"
PLACE = "enclave/drawings"


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`, where marked evidence is held back."""
    switch(tracker, cui_quarantine=True)
    return somebody(tracker, "bo")


@pytest.fixture
def spilled(tracker: Tracker, bo: Actor) -> int:
    """Two marked files that waited in quarantine, were spilled, and are held in the enclave now."""
    number = made(tracker, bo, ("CUI a.txt", BANNER), ("b.txt", b"beside it"))
    wanted = Wanted.parse(number, None, "sent by mistake", location=PLACE)
    spill.spill(tracker, OPERATOR, wanted, spill_plan.plan(tracker, OPERATOR, wanted), everywhere=False)
    return number


def test_what_was_spilled_out_of_quarantine_waits_there_by_its_place_and_hashes(
    tracker: Tracker, bo: Actor, spilled: int
) -> None:
    with tracker.read(bo) as work:
        (waiting,) = quarantine.listed(work)
        assert waiting == quarantine.one(work, spilled)
        files = [one.file for one in waiting.files]
        assert [(one.position, one.location, one.sha256) for one in files] == [
            *((1, PLACE, hashlib.sha256(BANNER).hexdigest()), (2, PLACE, hashlib.sha256(b"beside it").hexdigest())),
        ]
        assert quarantine.file_of(work, spilled, 2) == files[1]
        with pytest.raises(NotFound):
            quarantine.file_of(work, spilled, 3)


def test_of_what_is_held_only_the_current_version_waits(tracker: Tracker, bo: Actor) -> None:
    with tracker.write(bo) as work:
        number = links.create_linked(work, bo.systems["main"], [Held("old", "a" * 64)], {"title": "Pump"})
        add_version(work, number, [Held("new/1", "b" * 64), Held("new/2", "c" * 64)])
        quarantine.hold(work, number, "Looked at again.")
    with tracker.read(bo) as work:
        assert [one.file.location for one in quarantine.one(work, number).files] == ["new/1", "new/2"]


def test_to_accept_it_does_not_let_marked_bytes_in_that_come_under_the_same_hash(tracker: Tracker, bo: Actor) -> None:
    number = made(tracker, bo, ("plain.txt", b"plain"))
    held = Held(PLACE, hashlib.sha256(BANNER).hexdigest())
    with tracker.write(bo) as work:
        add_version(work, number, [held])
        quarantine.hold(work, number, "Looked at again.")
    with tracker.write(bo) as work:
        quarantine.accept(work, number)
    assert seen(tracker, bo, number).current.location == PLACE
    versioned(tracker, bo, number, ("CUI a.txt", BANNER))
    with tracker.read(bo) as work:
        assert [one.id for one in quarantine.listed(work)] == [number]
