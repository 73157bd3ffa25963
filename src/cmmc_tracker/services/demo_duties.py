"""What falls due in the demo: how often its evidence is needed, and what is asked of a provider without an account."""

from collections.abc import Mapping
from datetime import timedelta

from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.permissions import Access
from cmmc_tracker.services.requests import asking
from cmmc_tracker.services.work import Work

# By file name; what is not named here is needed once. The scan is of last month's: one thing is overdue, as in life.
CADENCES: Mapping[str, str] = {
    "Access control policy v2.pdf": "yearly",
    "account-list-2026Q4.csv": "quarterly",
    "training-records-2026.xlsx": "yearly",
    "log-review-october.txt": "monthly",
    "Incident response plan.pdf": "yearly",
    "visitor-log-october.csv": "quarterly",
    "vulnerability-scan-2026-10.csv": "monthly",
    "firewall-rules.txt": "on_change",
}
_ASKED_IN_DAYS = 12
_ASKED = {
    "wanted": "Your report of the alerts of the last quarter: what was seen, and what came of it (demo).",
    "outside": "Tern Monitoring",
    "cadence": "quarterly",
}


def fill(work: Work, main: Access) -> None:
    """Ask the monitoring provider for its report, every quarter."""
    first = (work.today + timedelta(days=_ASKED_IN_DAYS)).isoformat()
    asking.ask(work, main, parse_objective_id("3.3.5[b]"), {**_ASKED, "first_due": first})
