"""The demo's assessor: a link to the frozen package, a few looks, a question that was answered and one that was not."""

from datetime import timedelta

from cmmc_tracker.domain.handoff.viewing import Asked, Wanted
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.services.handoff import browsing, opening, questions, views
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.handoff.views import Made
from cmmc_tracker.services.work import Tracker

WHOM = "Dana Ortiz, Example C3PAO (demo)"
DAYS = 60
LOOKS = ({"page": "overview"}, {"requirement": "AC.L2-3.1.1"}, {"requirement": "IA.L2-3.5.3"})
ANSWERED = Asked("Does this list cover the accounts of the outside IT provider too?", "AC.L2-3.1.1", "a", None)
ANSWER = "Yes: their two accounts stand at the end of the list, with the contract that they work under."
OPEN = Asked(
    "Please show at the interview how a second factor is enforced for remote administration.", "IA.L2-3.5.3", None, None
)


def fill(tracker: Tracker, actor: Actor, main: Access, package: Package) -> Made | None:
    """Open the package to an invented assessor; returns the link with its word, or None where none may be made."""
    if main.cui:
        return None
    with tracker.write(actor) as work:
        until = work.today + timedelta(days=DAYS)
        made = views.make_link(work, main, package.id, Wanted(WHOM, until, may_download=True))
    with tracker.read() as work:
        view = opening.of_link(work, made.token)
        frozen = browsing.frozen(work, view)
    for look in LOOKS:
        opening.look(tracker, view, "", look)
    with tracker.write(view.actor) as work:
        first = questions.ask(work, view, frozen, ANSWERED)
        questions.ask(work, view, frozen, OPEN)
    with tracker.write(actor) as work:
        questions.answer(work, main, package.id, first, ANSWER, seen=1)
    return made
