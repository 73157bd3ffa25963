"""What the tests of requests share: asking, answering, looking, going to a day."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.domain.requests import parse_link
from cmmc_tracker.services import audit, reviews
from cmmc_tracker.services.requests import answers, asking, guests, links, reading
from cmmc_tracker.services.requests.answers import Sent
from cmmc_tracker.services.requests.reading import Request
from cmmc_tracker.services.reviews import Verdict
from cmmc_tracker.services.work import Tracker
from tests.conftest import Clock
from tests.services.evidence import FIRST, received

TODAY = date(2026, 3, 15)
MOST = 100 * 1_048_576


def now_is(clock: Clock, day: date) -> None:
    """Go to noon of a day."""
    clock.offset = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - datetime.now(UTC)


def ask(tracker: Tracker, actor: Actor, **given: Any) -> int:
    """Ask for the log review of the quarter, by the end of March; other fields where they are named."""
    fields = {"wanted": "Log review", "person": "", "first_due": "2026-03-31", "cadence": "quarterly", **given}
    if not fields["person"]:
        fields.setdefault("outside", "Northwind IT")
    with tracker.write(actor) as work:
        return asking.ask(work, actor.systems["main"], FIRST, fields)


def look(tracker: Tracker, actor: Actor, request_id: int) -> Request:
    """The request as that person sees it."""
    with tracker.read(actor) as work:
        return reading.one(work, request_id)


def answer(tracker: Tracker, actor: Actor, request_id: int, *files: tuple[str, bytes], **sent: Any) -> int:
    """Answer with files, one small text when none is named."""
    with received(tracker, actor, *(files or (("log.txt", b"reviewed"),))) as kept, tracker.write(actor) as work:
        return answers.answer(work, request_id, kept, Sent(**sent))


def link(tracker: Tracker, actor: Actor, request_id: int, **given: str) -> str:
    """The token of a new upload link."""
    with tracker.write(actor) as work:
        return links.make(work, request_id, parse_link(given, MOST))


def opens(tracker: Tracker, token: str) -> guests.OpenLink | None:
    """The link of a token, as long as it is good."""
    with tracker.read() as work:
        return guests.find(work, token)


def send(tracker: Tracker, token: str, *files: tuple[str, bytes]) -> int:
    """Send files by a link, as its holder does."""
    found = opens(tracker, token)
    assert found is not None
    taken = received(tracker, found.actor, *(files or (("log.txt", b"reviewed"),)))
    with taken as kept, tracker.write(found.actor, "192.0.2.7") as work:
        return guests.receive(work, found, kept)


def states(request: Request) -> list[str]:
    """How its rounds stand, oldest first."""
    return [known.round.state.value for known in request.rounds]


def decides(tracker: Tracker, actor: Actor, artifact_id: int, act: str, remark: str = "") -> None:
    """One act about an artifact's state."""
    with tracker.write(actor) as work:
        reviews.decide(work, artifact_id, Verdict.parse(act, remark, None))


def mine_of(tracker: Tracker, actor: Actor) -> list[int]:
    """The requests that are put to them."""
    with tracker.read(actor) as work:
        return [one.id for one in reading.mine(work)]


def count_of(tracker: Tracker, actor: Actor) -> int:
    """How many of them await something."""
    with tracker.read(actor) as work:
        return int(work.db.execute(select(reading.counted(work))).scalar_one())


def events_of(tracker: Tracker, entity: str) -> list[str]:
    """What the log has of a thing, oldest first."""
    with tracker.read() as work:
        return [one.action for one in reversed(audit.history(work, entity))]
