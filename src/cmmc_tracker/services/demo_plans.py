"""The plans of the demo's contractor: items of both kinds, in the states that a page has to show."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.domain.plans import Act
from cmmc_tracker.services.plans import closing, keeping
from cmmc_tracker.services.work import Work


def fill(work: Work, main: Access) -> None:
    """Put what is NOT MET on its plans, but for some that the page then names as missing."""
    for given, acts, progress in _items(work.today):
        number = keeping.add(work, main, given)
        for act in acts:
            closing.act(work, main, number, act, None)
        if progress:
            keeping.review(work, main, number, {"progress": progress}, None)


def _items(today: date) -> Sequence[tuple[dict[str, Any], tuple[Act, ...], str]]:
    def ahead(days: int) -> str:
        return (today + timedelta(days=days)).isoformat()

    return (
        (
            {
                "requirement": "3.1.3",
                "weakness": "The rule between shop floor and enclave was left open after a machine update.",
                "planned_completion": ahead(40),
                "owner": "Priya Raman, network",
                "resources": "Two days of the network engineer; nothing to buy",
                "milestones": [
                    {"text": "Close the rule, and test the machines", "due_on": ahead(-6), "done_on": ahead(-5)},
                    {
                        "text": "Let rules for maintenance end by themselves",
                        "due_on": ahead(21),
                        "owner": "Priya Raman",
                    },
                    {"text": "Have the rule set reviewed by somebody else", "due_on": ahead(38)},
                ],
            },
            (Act.START,),
            "The rule is closed, and the machines still reach their update server.",
        ),
        (
            {
                "requirement": "3.1.11",
                "weakness": "Sessions on the shop terminals do not end by themselves.",
                "planned_completion": ahead(-3),
                "owner": "Tom Okafor, shop floor",
                "resources": "The next image of the terminals",
            },
            (Act.START, Act.READY),
            "",
        ),
        (
            {
                "requirement": "3.5.3",
                "operational": True,
                "weakness": "Sign-in at the workstations inside the enclave has no second factor yet.",
                "planned_completion": ahead(75),
                "owner": "Priya Raman, network",
                "resources": "30 keys, ordered",
                "milestones": [{"text": "Hand the keys out", "due_on": ahead(60)}],
            },
            (),
            "",
        ),
    )
