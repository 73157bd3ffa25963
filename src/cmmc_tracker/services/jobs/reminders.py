"""Reminders by mail: at most one a day for a person, ids and dates only, never from within a request."""

from datetime import date
from typing import Any

from sqlalchemy import select, update

from cmmc_tracker.domain import digest
from cmmc_tracker.domain.digest import Duty, Task, Thing
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.status_dates import Deadline, told
from cmmc_tracker.services import duties, systems
from cmmc_tracker.services.duties import DueArtifact, MyWork
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.status_dates import SystemDate
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.mail import Message
from cmmc_tracker.storage.tables import users

HORIZON_DAYS = 14
_TASKS = {Deadline.CLOSEOUT: Task.CLOSE_OUT, Deadline.AFFIRMATION: Task.AFFIRM, Deadline.END: Task.ASSESS}


def turn(house: House) -> bool:
    """Send what is to be told today; who could not be reached is tried again at the next turn."""
    if house.mailer is None:
        return False
    with house.tracker.read() as work:
        today = work.today
        people = work.rows(
            select(users).where(users.c.mail != "", users.c.disabled_at.is_(None), users.c.deleted_at.is_(None))
        )
    waiting = [(one, told) for one in people if (told := _told(house, one, today))]
    outcomes = house.mailer.send_all([Message(one.mail, *told) for one, told in waiting])
    with house.tracker.write() as work:
        for (one, _), failure in zip(waiting, outcomes, strict=True):
            if failure is None:
                work.bookkeep(update(users).where(users.c.id == one.id).values(digest_sent_on=today))
    return False


def _told(house: House, row: Any, today: date) -> tuple[str, str] | None:
    """Subject and text for one person, or None when there is nothing to tell today."""
    if not digest.is_time(row.digest_sent_on, today):
        return None
    with house.tracker.read() as work:
        work.actor = Actor(row.id, row.name, Role(row.role), systems.of_user(work, row.id, work.now))
        mine = duties.mine(work)
        due = digest.due(_duties(work, mine, today), today, HORIZON_DAYS)
    days = told([one.date for one in mine.dates], today, row.digest_sent_on, anyway=bool(due))
    due += [_of_status(one) for one in mine.dates if one.date in days]
    return digest.compose(row.name, due, today, house.public_url) if due else None


def _of_status(one: SystemDate) -> Duty:
    return Duty(_TASKS[one.date.deadline], Thing.STATUS, one.date.status_id, one.system.slug, one.date.last_day)


def _duties(work: Work, mine: MyWork, today: date) -> list[Duty]:
    systems_of = work.actor.systems if work.actor else {}
    slugs = {one.system_id: slug for slug, one in systems_of.items()}
    other = next(iter(slugs.values()), "")  # an artifact of elsewhere that is linked here is read here

    def of(task: Task, artifact: DueArtifact, due_on: date | None) -> Duty:
        return Duty(task, Thing.ARTIFACT, artifact.id, slugs.get(artifact.system_id, other), due_on)

    renew = [of(Task.RENEW, one, one.due_on) for one in mine.renew]
    # What others wait for has no day of its own: it is told every day until it is done.
    review = [of(Task.REVIEW, one, today) for one in mine.review]
    send = [Duty(Task.UPLOAD, Thing.REQUEST, r.id, r.system, r.due_on, str(r.objective)) for r in mine.send]
    answer = [Duty(Task.ANSWER, Thing.QUESTION, one.id, one.system, today) for one in mine.answer]
    close = [Duty(Task.CLOSE, Thing.ITEM, one.id, one.system.slug, today, one.requirement) for one in mine.close]
    return [*send, *renew, *review, *answer, *close]
