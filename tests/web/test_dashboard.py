"""The dashboard: every way that it offers leads somewhere."""

import html
import re

from cmmc_tracker.domain import catalog
from tests.conftest import Person


def test_every_link_of_the_dashboard_opens_what_it_names(user: Person) -> None:
    last = catalog.load(2).requirements[-1]
    for objective in last.objectives:
        where = f"/systems/main/requirements/{last.id}/objectives/{objective.letter}"
        assert user.call("PATCH", where, {"status": "not_met"}).status_code == 200
    page = user.get("/").text
    links = {html.unescape(one) for one in re.findall(r'(?:data-href|href)="(/[^"]*)"', page)}
    assert not re.findall(r'href="(?!/|#|https?:|mailto:)[^"]*"', page)
    assert {f"/systems/main/requirements?family={family.code}" for family in catalog.load(2).families} <= links
    assert any("?status=" in one for one in links)
    for link in sorted(links - {"/logout"}):
        assert user.get(link).status_code == 200, link
