"""From an artifact to all that uses it and back: the plan's texts, items of both plans, packages, providers."""

import re

import pytest
from sqlalchemy import event, insert

from cmmc_tracker.services import uses
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import plan_items
from tests.conftest import OPERATOR, Person
from tests.services.evidence import acting, other_system

REQUIREMENT = "/systems/main/requirements/AC.L2-3.1.1"
ASKED = {"name": "For Northwind", "purpose": "readiness", "reason": "To see what is missing."}


@pytest.fixture
def policy(user: Person) -> Person:
    """Artifact 1, linked to 3.1.1[a] and met by it."""
    assert user.upload("policy.txt", b"what we do", title="Access policy", objectives="3.1.1[a]").status_code == 201
    return user


def _panel(who: Person) -> str:
    """The panel of what uses artifact 1; empty where there is none."""
    found = re.search(
        r'<section class="panel" aria-labelledby="uses-title">.*?</section>', who.get("/artifacts/1").text, re.S
    )
    return found[0] if found else ""


def _write(who: Person, address: str, text: str) -> None:
    version = re.search(r'name="version" value="(\d+)"', who.get(address).text)
    assert version
    assert who.post(address, {"text": text, "version": version[1]}).status_code == 302


def _item(tracker: Tracker, requirement: str = "AC.L2-3.1.1", **more: object) -> None:
    values = {"system_id": 1, "requirement": requirement, "kind": "poam", "weakness": "No list", **more}
    with tracker.write(OPERATOR) as work:
        work.db.execute(insert(plan_items).values(**values, created_at=work.now))


def test_what_nothing_uses_has_no_such_part(policy: Person) -> None:
    assert _panel(policy) == ""
    assert "goes on being named" not in policy.get("/artifacts/1").text


def test_texts_of_the_plan_that_refer_to_it_are_named_and_led_to(policy: Person) -> None:
    _write(policy, "/systems/main/ssp/sections/boundary", "See [[artifact:1]].")
    _write(policy, "/systems/main/ssp/sections/roles", "See [[artifact:11]], and artifact:1.")
    said = {"narrative": "As [[artifact:1]] says.", "implementation_status": "implemented", "responsibility": "own"}
    assert policy.post(f"{REQUIREMENT}/implementation", said).status_code == 302
    page = policy.get("/systems/main/ssp/requirements/AC.L2-3.1.2").text
    carried = dict(re.findall(r'name="(version[^"]*)" value="(\d+)"', page))
    form = {**carried, "text-a": "", "text-b": "By [[artifact:1]]."}
    assert policy.post("/systems/main/ssp/requirements/AC.L2-3.1.2", form).status_code == 302
    panel = _panel(policy)
    for anchor, label in (
        ("boundary", "Boundary"),
        ("AC.L2-3.1.1", "AC.L2-3.1.1"),
        ("AC.L2-3.1.2", "AC.L2-3.1.2[b]"),
    ):
        assert f'<a href="/systems/main/ssp#{anchor}">{label}</a>' in panel, label
        assert f'id="{anchor}"' in policy.get("/systems/main/ssp").text
    assert "Roles" not in panel
    assert '<a href="/artifacts/1">Access policy</a>' in policy.get("/systems/main/ssp").text


def test_items_of_its_requirement_are_named_and_show_its_evidence(policy: Person, tracker: Tracker) -> None:
    _item(tracker)
    _item(tracker, kind="operational", status="closed")
    _item(tracker, "AC.L2-3.1.2")
    panel = _panel(policy)
    assert re.findall(r'href="(/systems/main/poam/\d)">[^<]*, item \d</a> <span[^>]*>([^<]*)<', panel) == [
        *(("/systems/main/poam/1", "AC.L2-3.1.1, open"), ("/systems/main/poam/2", "AC.L2-3.1.1, closed")),
    ]
    assert '<dt>[a]</dt><dd><a href="/artifacts/1">Access policy</a>' in policy.get("/systems/main/poam/1").text
    assert "None yet. Closing needs approved evidence" in policy.get("/systems/main/poam/3").text


def test_packages_that_hold_a_version_of_it_are_named_with_the_day(policy: Person) -> None:
    assert policy.call("POST", "/systems/main/packages", ASKED).status_code == 201
    version = str(policy.call("GET", "/artifacts/1").get_json()["version"])
    newer = {"held_files": f"{'a' * 64}  enclave/policy.txt", "version": version}
    assert policy.post("/artifacts/1/versions", newer).status_code == 302
    assert policy.call("POST", "/systems/main/packages", {**ASKED, "name": "Again"}).status_code == 201
    panel = re.sub(r"<time[^>]*>|</time>", "", _panel(policy))
    assert re.findall(r'/packages/(\d)">([^<]*)</a> <span[^>]*>version (\d), kept until', panel) == [
        *(("1", "1: For Northwind", "1"), ("2", "2: Again", "2")),
    ]


def test_providers_whose_matrix_it_is_or_points_to_it_are_named(policy: Person) -> None:
    given = {"name": "Northwind", "holds": "cui", "matrix_artifact_id": "1"}
    assert policy.post("/systems/main/providers", given).headers["Location"] == "/systems/main/providers/1"
    assert policy.post("/systems/main/providers", {"name": "Fabrikam", "holds": "spd"}).status_code == 302
    assert policy.post("/systems/main/providers", {"name": "Contoso", "holds": "spd"}).status_code == 302
    line = {"duty": "shared", "text": "x", "artifact_id": "1", "version": "0"}
    assert policy.post("/systems/main/providers/2/matrix/AC.L2-3.1.1/a", line).status_code == 302
    panel = _panel(policy)
    assert re.findall(r'/providers/(\d)">([^<]*)</a> <span[^>]*>([^<]*)<', panel) == [
        *(("1", "Northwind", "responsibility matrix"), ("2", "Fabrikam", "responsibility matrix: AC.L2-3.1.1[a]")),
    ]


def test_a_provider_whose_fedramp_basis_it_proves_is_named_and_told_before_it_goes(policy: Person) -> None:
    given = {"name": "Northwind", "holds": "cui", "is_cloud": "on", "basis": "equivalent", "basis_artifact_id": "1"}
    assert policy.post("/systems/main/providers", given).status_code == 302
    both = {**given, "name": "Fabrikam", "matrix_artifact_id": "1"}
    assert policy.post("/systems/main/providers", both).status_code == 302
    assert re.findall(r'/providers/(\d)">([^<]*)</a> <span[^>]*>([^<]*)<', _panel(policy)) == [
        *(("1", "Northwind", "FedRAMP basis"), ("2", "Fabrikam", "FedRAMP basis, responsibility matrix")),
    ]
    told = "the FedRAMP basis of Northwind, the FedRAMP basis of Fabrikam, the responsibility matrix of Fabrikam"
    assert f"It goes on being named in {told}. It can be restored" in policy.get("/artifacts/1").text


def test_before_it_is_retired_or_goes_what_goes_on_naming_it_is_told(policy: Person) -> None:
    _write(policy, "/systems/main/ssp/sections/boundary", "See [[artifact:1]].")
    given = {"name": "North <wind>", "holds": "cui", "matrix_artifact_id": "1"}
    assert policy.post("/systems/main/providers", given).status_code == 302
    page = policy.get("/artifacts/1").text
    told = "named in the security plan at Boundary, the responsibility matrix of North &lt;wind&gt;"
    assert f"If it is retired, it goes on being {told}" in page
    assert f"It goes on being {told}. It can be restored" in page


def test_of_other_systems_nothing_is_told_and_it_takes_four_statements(policy: Person, tracker: Tracker) -> None:
    _write(policy, "/systems/main/ssp/sections/boundary", "See [[artifact:1]].")
    _item(tracker)
    assert policy.call("POST", "/systems/main/packages", ASKED).status_code == 201
    given = {"name": "Northwind", "holds": "cui", "matrix_artifact_id": "1"}
    assert policy.post("/systems/main/providers", given).status_code == 302
    other_system(tracker, policy.id)
    member = acting(tracker, policy.id, policy.name)
    elsewhere = type(member)(member.id, member.name, member.role, {"lab": member.systems["lab"]})
    with tracker.read(elsewhere) as work:
        assert uses.of_artifact(work, 1) == uses.Uses((), (), (), ())
    seen: list[str] = []
    event.listen(tracker.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    with tracker.read(member) as work:
        seen.clear()
        found = uses.of_artifact(work, 1)
        asked = len(seen)
    assert [len(part) for part in (found.cited, found.items, found.packages, found.providers)] == [1, 1, 1, 1]
    assert asked == 4
