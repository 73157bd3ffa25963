"""What the tests of the assessor's view share: a frozen package, an assessor with a second factor, a view, a link."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import Flask
from sqlalchemy import insert, select

from cmmc_tracker.domain.accounts import name_key
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.handoff.viewing import Asked as Question
from cmmc_tracker.domain.handoff.viewing import Wanted
from cmmc_tracker.domain.permissions import Actor, Organization
from cmmc_tracker.gate.session import SID
from cmmc_tracker.services import accounts, sessions
from cmmc_tracker.services.handoff import browsing, opening, packages, questions, views
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.views import Made
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import second_factors, users
from tests.conftest import OPERATOR, PASSWORD, Person
from tests.services.evidence import FIRST, SECOND, linked_artifact, somebody

POLICY = b"# Access policy\nOnly zebras and named people may sign in.\n"
DAYS = 30


@dataclass(frozen=True)
class Stage:
    """A package of two artifacts in `main`, frozen by who may approve there."""

    bea: Actor
    package: Package
    policy: int
    rules: int


def staged(tracker: Tracker, *, releasable: bool = True, name: str = "bea") -> Stage:
    """Evidence of two objectives, frozen."""
    bea = somebody(tracker, name, may_approve=True)
    policy = linked_artifact(tracker, bea, "Access policy", ("policy.md", POLICY), FIRST, SECOND)
    rules = linked_artifact(tracker, bea, "Firewall rules", ("rules.csv", b"rule,action\nall,deny\n"), SECOND)
    asked = Asked("Of record", Purpose.FINAL, "To be looked at.", releasable=releasable)
    return Stage(bea, packages.freeze(tracker, bea, "", bea.systems["main"], asked), policy, rules)


def assessor(tracker: Tracker, name: str = "asa", *, enrolled: bool = True) -> int:
    """An account of an assessor; with a second factor where it is `enrolled`."""
    who = accounts.candidate(name, PASSWORD, "user", Organization.ASSESSOR)
    with tracker.write(OPERATOR) as work:
        made = accounts.create(work, who)
        if enrolled:
            values = {"secret": "A" * 32, "begun_at": work.now, "confirmed_at": work.now, "last_step": 0}
            work.db.execute(insert(second_factors).values(user_id=made, **values))
    return made


def wanted(tracker: Tracker, whom: str = "asa", *, days: int = DAYS, may_download: bool = False) -> Wanted:
    """A view of so many days."""
    return Wanted(whom, _today(tracker) + timedelta(days=days), may_download)


def _today(tracker: Tracker) -> date:
    return tracker.today


def view(tracker: Tracker, stage: Stage, one: Wanted | None = None) -> int:
    """A view of the stage's package for an assessor's account."""
    with tracker.write(stage.bea) as work:
        return views.give(work, stage.bea.systems["main"], stage.package.id, one or wanted(tracker))


def link(tracker: Tracker, stage: Stage, one: Wanted | None = None) -> Made:
    """A link to the stage's package."""
    with tracker.write(stage.bea) as work:
        one = one or wanted(tracker, "Kim of C3PAO")
        return views.make_link(work, stage.bea.systems["main"], stage.package.id, one)


def asked_about(tracker: Tracker, stage: Stage, text: str = "Why?") -> int:
    """A question about the stage's package, by a link; returns its number."""
    made = link(tracker, stage)
    with tracker.read() as work:
        one = opening.of_link(work, made.token)
        package = browsing.frozen(work, one)
    with tracker.write(one.actor) as work:
        return questions.ask(work, one, package, Question(text, None, None, None))


def browser(app: Flask, tracker: Tracker, name: str = "asa") -> Person:
    """The assessor signed in, past the second step."""
    made = Person(name, app.test_client())
    with tracker.write(OPERATOR) as work:
        user_id = work.db.execute(select(users.c.id).where(users.c.name_key == name_key(name))).scalar_one()
        token = sessions.start(work, user_id, "a browser of the tests")
        work.changed = False  # who signs in is not what these tests are about
    with made.client.session_transaction() as cookie:
        cookie[SID] = token
    made.id = user_id
    made.token = made.token_of("/profile")
    return made
