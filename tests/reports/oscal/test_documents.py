"""The OSCAL documents: valid by NIST's own schema, whatever a system holds, and comparable between exports."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from sqlalchemy import insert, update

from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Conflict
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import demo
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, implementations, plan_items, systems
from tests.conftest import OPERATOR
from tests.services.evidence import FIRST, linked_artifact, somebody

SCHEMAS = Path(__file__).parent / "schema"
DOCUMENTS = {"oscal-ssp.json": "ssp", "oscal-poam.json": "poam", "oscal-assessment-results.json": "assessment-results"}
HOSTILE = [" ", "\n", "a\u2028b", "\u202ex", "<b>", "=1+1", "\U0001f600", "x" * 400, "two\nlines ", "\u00a0"]


def wrong(name: str, document: bytes) -> list[str]:
    """What NIST's schema has against a document. The schemas are NIST's, release 1.2.3, in the public domain."""
    schema = json.loads((SCHEMAS / f"oscal_{DOCUMENTS[name]}_schema.json").read_text())
    found = jsonschema_rs.validator_for(schema).iter_errors(json.loads(document))
    return [f"{list(one.instance_path)}: {one.message}"[:300] for one in found]


def picture(tracker: Tracker, actor: Actor) -> dict[str, Any]:
    with tracker.read(actor) as work:
        return packages.picture(work, actor.systems["main"])


@pytest.fixture
def shown(tracker: Tracker, actor: Actor) -> dict[str, Any]:
    """The demo, whole."""
    demo.fill(tracker, actor)
    return picture(tracker, actor)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_full_system_gives_a_valid_document(shown: dict[str, Any], name: str) -> None:
    document = REPORTS[name].make(shown)
    assert wrong(name, document) == []
    assert wrong(name, document.replace(b'"oscal-version": "1.2.1"', b'"oscal-version": ""')) != []


@pytest.mark.parametrize("name", ["oscal-ssp.json", "oscal-assessment-results.json"])
def test_a_new_system_gives_a_valid_document(tracker: Tracker, actor: Actor, name: str) -> None:
    assert wrong(name, REPORTS[name].make(picture(tracker, actor))) == []


def test_a_plan_of_action_without_items_is_refused_in_a_sentence(tracker: Tracker, actor: Actor) -> None:
    with pytest.raises(Conflict, match="no item on either plan"):
        REPORTS["oscal-poam.json"].make(picture(tracker, actor))


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_people_typed_the_documents_stay_valid(tracker: Tracker, text: str) -> None:
    bo = somebody(tracker, "bo")
    linked_artifact(tracker, bo, "Policy", ("policy.txt", b"what we do"), FIRST)
    linked_artifact(tracker, bo, "Drawing", None, FIRST)
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(artifacts).values(title=text[:300], description=text))
        work.db.execute(update(implementations).values(narrative=text))
        work.db.execute(update(systems).values(name=text[:200]))
        item = {"system_id": 1, "requirement": "AC.L2-3.1.3", "kind": "poam", "weakness": text, "owner": text[:80]}
        work.db.execute(insert(plan_items).values(**item, created_at=work.now))
    found = picture(tracker, bo)
    for name in DOCUMENTS:
        assert wrong(name, REPORTS[name].make(found)) == [], name


def test_the_same_thing_has_the_same_uuid_in_every_export(shown: dict[str, Any]) -> None:
    later = {**shown, "frozen_at": "2030-01-01T00:00:00Z"}
    one, two = (json.loads(REPORTS["oscal-ssp.json"].make(of))["system-security-plan"] for of in (shown, later))
    ids = [[r["uuid"] for r in of["control-implementation"]["implemented-requirements"]] for of in (one, two)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 110
    assert one["uuid"] != two["uuid"]


def test_a_provider_points_to_what_shows_its_fedramp_basis(shown: dict[str, Any]) -> None:
    proof, provider = shown["artifacts"][0], shown["providers"][0]
    provider |= {"basis_artifact_id": proof["id"], "basis_link": "https://northwind.example/body of evidence"}
    document = REPORTS["oscal-ssp.json"].make(shown)
    assert wrong("oscal-ssp.json", document) == []
    plan = json.loads(document)["system-security-plan"]
    (links,) = (one["links"] for one in plan["system-implementation"]["components"] if one["title"] == provider["name"])
    (resource,) = (one for one in plan["back-matter"]["resources"] if one["title"] == proof["title"])
    assert links == [
        {"href": "https://northwind.example/body%20of%20evidence", "rel": "fedramp-basis"},
        {"href": f"#{resource['uuid']}", "rel": "fedramp-basis"},
    ]


def test_a_finding_says_what_was_found_and_points_to_its_evidence(shown: dict[str, Any]) -> None:
    results = json.loads(REPORTS["oscal-assessment-results.json"].make(shown))["assessment-results"]
    (result,) = results["results"]
    states = {one["target"]["target-id"]: one["target"]["status"]["state"] for one in result["findings"]}
    judged = [one for one in shown["findings"] if one["status"] != "not_assessed"]
    assert len(states) == len(judged) > 200
    failed = {f"{one['requirement']}_obj.{one['letter']}" for one in judged if one["status"] == "not_met"}
    assert {at for at, state in states.items() if state == "not-satisfied"} == failed
    known = {one["uuid"] for one in results["back-matter"]["resources"]}
    hrefs = {e["href"] for o in result["observations"] for e in o.get("relevant-evidence", [])}
    assert hrefs
    assert {href[1:] for href in hrefs} <= known
