"""Hostile text in every field, all pages walked in a real browser with the policy on: it is shown, and it is text.

The fields are found on the pages and in the API's models, so a new one that is not named here makes a test red.
"""

import html
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from urllib.parse import urlencode, urlsplit

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page, Route, expect
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from cmmc_tracker.api.registry import OPERATIONS, PATH_VALUES, Operation
from cmmc_tracker.domain import catalog
from cmmc_tracker.domain.accounts import is_password_like, parse_name
from cmmc_tracker.domain.defined_values import asked
from cmmc_tracker.domain.text import clean_line, clean_text
from cmmc_tracker.domain.uploads import clean_name
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, requests
from cmmc_tracker.web.ssp.values import key_of
from tests.browser.conftest import Served, sign_in
from tests.browser.hostile import TEXTS, Eyes, Form, watching
from tests.conftest import OPERATOR, PASSWORD, Person, add_account, person
from tests.services.evidence import give

# Every field that people type into, by where its text is seen again.
FIELDS = {
    "an artifact's page and the list": """artifacts.receive.title artifacts.receive.description artifacts.receive.file
        artifacts.receive.locator artifacts.receive.shows artifacts.edit.title artifacts.edit.description
        artifacts.add_version.file artifacts.add_version.note artifacts.link.locator artifacts.link.shows
        artifacts.receive.location artifacts.receive.filename artifacts.add_version.location
        artifacts.add_version.filename
        artifacts.review.remark artifacts.remark.text artifacts.link_chosen.locator artifacts.link_chosen.shows
        artifacts.link_picked.locator artifacts.act_on_selection.locator artifacts.act_on_selection.shows""",
    "a requirement's page": """requirements.judge.note requirements.implement.narrative requirements.remark.text
        requirements.judge.examined requirements.judge.interviewed requirements.judge.tested
        requirements.record_basis.description requirements.record_basis.mitigation
        requirements.record_basis.reference""",
    "the page of people": "people.assign.title people.assign.contact",
    "the plan": """ssp.write_section.text ssp.make_version.note ssp.add_change.text ssp.edit_change.text
        ssp.settle_change.settled """
    + " ".join(f"ssp.describe.text-{letter}" for letter in "abcdef"),
    "the register of values, and the plan": " ".join(f"ssp.define.value-{key_of(one)}" for one in asked()),
    "a package's page and the status": "packages.freeze.name packages.freeze.reason status.record.uid",
    "the status, or a refusal": "status.record.assessor status.record.scope memberships.put.person",
    "a request's page and its upload link's": """requests.ask.wanted requests.ask.outside requests.edit.wanted
        requests.edit.outside requests.close.reason requests.waive.why""",
    "an item's page": """poam.add.weakness poam.add.owner poam.add.resources poam.add.step_text poam.add.step_owner
        poam.edit.weakness poam.edit.owner poam.edit.resources poam.edit.step_text poam.edit.step_owner
        poam.move.closing_note poam.review.progress""",
    "the quarantine, or an artifact's page": "links.receive.file quarantine.accept.title requests.answer.file",
    "the log": "quarantine.reject.reason",
    "its own field, beside what was found": """artifacts.index.q artifacts.picker.q requirements.index.q
        artifacts.choose.q triage.show.q assess.show.q scope.assets.q
        requirements.implement.find ssp.write_section.find ssp.describe.find ssp.references.find
        audit.index.actor audit.index.entity audit.index.q requests.show.q poam.index.q""",
    "a refusal, or parsed into something else": """artifacts.receive.objectives artifacts.link.objective
        requirements.record_basis.reviewed_on people.assign.what status.record.status_on memberships.put.until
        artifacts.receive.collected_on artifacts.receive.covers_from artifacts.receive.covers_until
        artifacts.edit.collected_on artifacts.edit.covers_from artifacts.edit.covers_until audit.index.since
        artifacts.add_version.collected_on artifacts.add_version.covers_from artifacts.add_version.covers_until
        poam.add.requirement poam.add.planned_completion poam.add.step_due_on poam.add.step_done_on
        poam.edit.planned_completion poam.edit.step_due_on poam.edit.step_done_on poam.review.reviewed_on
        poam.receive_import.file
        requests.ask.objective requests.ask.first_due requests.edit.first_due requests.answer.covers_from
        requests.answer.covers_until requests.make_link.days requests.make_link.most_files requests.make_link.megabytes
        ssp.review.reviewed_on ssp.review.months ssp.add_change.happened_on ssp.edit_change.happened_on
        ssp.settle_change.settled_on ssp.receive_import.file
        documents.save_facts.cage_codes documents.save_facts.employees documents.save_facts.in_use_since
        documents.put_template.file
        duties.calendar.assessment imports.receive.file profile.set_mail.mail
        scope.add_entry.trained_on scope.edit_entry.trained_on scope.receive_import.file
        providers.add.basis_on providers.add.matrix_on providers.add.matrix_artifact_id providers.edit.basis_on
        providers.edit.matrix_on providers.edit.matrix_artifact_id providers.put_line.artifact_id
        providers.receive_matrix.file providers.confirm_matrix.matrix_on
        artifacts.receive.sha256 artifacts.receive.size artifacts.add_version.sha256 artifacts.add_version.size
        triage.save.collected_on triage.save.covers_from triage.save.covers_until
        artifacts.act_on_selection.collected_on artifacts.act_on_selection.covers_from
        artifacts.act_on_selection.covers_until
        audit.index.until profile.make_token.days settings.save.session_idle_minutes
        settings.save.session_longest_hours settings.save.security_contact""",
    "the scope": """scope.add_asset.name scope.add_asset.owner scope.add_asset.location scope.add_asset.network
        scope.add_asset.group scope.add_asset.treatment scope.add_asset.justification scope.add_asset.note
        scope.edit_asset.name scope.edit_asset.owner scope.edit_asset.location scope.edit_asset.network
        scope.edit_asset.group scope.edit_asset.treatment scope.edit_asset.justification scope.edit_asset.note
        scope.put_group.name scope.put_group.treatment scope.add_entry.name scope.add_entry.description
        scope.add_entry.what scope.add_entry.source scope.add_entry.destination scope.add_entry.protection
        scope.edit_entry.name scope.edit_entry.description scope.edit_entry.what scope.edit_entry.source
        scope.edit_entry.destination scope.edit_entry.protection
        providers.add.name providers.add.services providers.add.contact providers.add.contract
        providers.add.cmmc_status providers.add.basis_link providers.add.note
        providers.edit.name providers.edit.services providers.edit.contact providers.edit.contract
        providers.edit.cmmc_status providers.edit.basis_link providers.edit.note providers.put_line.text""",
    "the documents": "documents.save_facts.scope_name documents.save_facts.contracts",
    "every page, in the menu": "systems.create.name",
    "the settings": """settings.save.organization settings.answer.organization settings.answer.system_name
        settings.answer.host settings.keep_row.name settings.keep_row.note""",
    "the accounts, or a refusal": "users.add.username profile.make_token.token_name accounts.sign_in.username",
    "nowhere": """accounts.sign_in.password accounts.second_step.code profile.change_password.old_password
        profile.change_password.new_password profile.change_password.password_repeat users.add.password
        profile.make_token.confirm_password second_factor.confirm.code second_factor.confirm.confirm_password
        second_factor.remove.confirm_password second_factor.renew.confirm_password users.reset_password.password""",
}
API_FIELDS = {
    "an artifact's page": """create_artifact.title create_artifact.description create_artifact.locator
        create_artifact.shows change_artifact.title change_artifact.description create_version.note
        create_artifact.location create_artifact.filename create_version.location create_version.filename
        put_link.locator put_link.shows review_artifact.remark""",
    "a requirement's page": """change_objective.note change_requirement.narrative change_objective.examined
        change_objective.interviewed change_objective.tested""",
    "every page, in the menu": "create_system.name",
    "a package's page, or a refusal": "create_package.name create_package.reason create_package.purpose",
    "an item's page": """create_item.weakness create_item.resources create_item.owner change_item.weakness
        change_item.resources change_item.owner change_item.closing_note""",
    "a refusal, or parsed into something else": """create_artifact.kind create_artifact.covers_from
        create_artifact.covers_until create_artifact.collected_on create_artifact.system create_artifact.objectives
        create_artifact.path create_artifact.cadence create_artifact.owner create_artifact.reviewer
        change_artifact.cadence
        change_artifact.owner change_artifact.reviewer create_version.covers_from create_version.covers_until
        create_version.collected_on review_artifact.act review_artifact.manifest_sha256
        create_artifact.sha256 create_artifact.size create_artifact.media_type create_version.sha256
        create_version.size create_version.media_type
        change_artifact.kind change_artifact.covers_from change_artifact.covers_until change_artifact.collected_on
        create_item.requirement create_item.planned_completion change_item.planned_completion change_item.status
        change_objective.status change_objective.methods change_requirement.implementation_status
        change_requirement.responsibility put_link.system delete_link.system""",
    "nowhere: it only narrows a list": """list_artifacts.q list_artifacts.kind list_artifacts.status
        list_artifacts.objective list_artifacts.limit list_artifacts.cursor list_audit.actor
        list_audit.action list_audit.entity list_audit.since
        list_audit.until list_audit.q list_audit.cursor list_requirements.family
        list_requirements.status list_requirements.q list_items.kind list_items.state list_items.q""",
}
NO_PAGES = {
    *("static", "about.security_txt", "health.alive", "health.ready", "api_about.openapi"),
    *("artifacts.content_of", "artifacts.pdf_page", "audit.export_csv", "audit.export_json"),
    *("requirements.part", "dashboard.of_system", "quarantine.file", "exports.show", "scope.download"),
    "packages.download",
    "documents.template",
    "accounts.set_up",  # gone with the first account; it has a test of its own
}
REQUIREMENTS = [r.id for r in catalog.load(2).requirements][: len(TEXTS)]
_PLACES = (f"10.{n // 250}.{n % 250}.7" for n in count())


def _names(groups: dict[str, str]) -> list[str]:
    return sorted(name for text in groups.values() for name in text.split())


def _seed(ada: Person, tracker: Tracker) -> None:
    """Hang each text into everything that is kept."""
    for n, text in enumerate(TEXTS):
        name = f"{n}.{('txt', 'md', 'csv')[n % 3]}"
        facts = {"description": text, "locator": text, "shows": text, "objectives": f"{REQUIREMENTS[n]}[a]"}
        made = ada.upload(name, b"first", **facts)
        assert made.status_code == 201, made.text
        artifact = f"/artifacts/{made.get_json()['id']}"
        _changed(ada, artifact, {"title": text}, made.get_json()["version"])
        note = {"note": text, "file": (io.BytesIO(f"{n} {text}".encode()), name), "csrf_token": ada.token}
        assert ada.client.post(f"/api/v1{artifact}/versions", data=note).status_code == 201
        said = {"note": text, "examined": text, "interviewed": text, "tested": text}
        objective = f"/systems/main/requirements/{REQUIREMENTS[n]}/objectives/a"
        _changed(ada, objective, {"status": "not_met", **said})
        basis = {"basis": "inherited", "description": text, "mitigation": text, "reference": text}
        assert ada.post(f"{objective}/basis", basis).status_code == 302
        official = {"duty": "affirming_official", "person": "ada", "title": text[:200], "contact": text[:200]}
        assert ada.post("/systems/main/people", official).status_code == 302
        title = clean_line(text[:200])
        assert title in html.unescape(ada.get("/systems/main/people").text)
        _changed(ada, f"/systems/main/requirements/{REQUIREMENTS[n]}", {"narrative": text})
        assert ada.post(f"{artifact}/remarks", {"text": text}).status_code == 302
        assert ada.post(f"{objective}/remarks", {"text": text}).status_code == 302
        _seed_request(ada, n, text)
        _seed_scope(ada, n, text)
        facts = {"scope_name": text[:200], "contracts": text}
        assert ada.post("/systems/main/documents/facts", facts).status_code in {302, 422}
        _seed_item(ada, n, text)
        change = {"happened_on": "2026-01-01", "kind": "plan", "text": text}
        assert ada.post("/systems/main/changes", change).status_code == 302
    assert ada.post("/systems/main/ssp/versions", {"note": TEXTS[0]}).status_code == 302
    _seed_accounts(ada, tracker)
    for text in TEXTS:
        assert ada.call("POST", "/systems", {"name": text[:200], "level": 2}).status_code == 201


def _seed_request(ada: Person, n: int, text: str) -> None:
    """A request, number n + 1, of somebody outside."""
    given = {"objective": f"{REQUIREMENTS[n]}[a]", "wanted": text, "outside": text[:200], "first_due": _ahead()}
    assert ada.post("/systems/main/requests", given).headers["Location"] == f"/requests/{n + 1}"


def _seed_scope(ada: Person, n: int, text: str) -> None:
    """An asset, a person and a provider of a system, each number n + 1, and a line of the provider's matrix."""
    scope, name = "/systems/main/scope", f"{n} {text}"[:200]
    assert ada.post(f"{scope}/assets", {"name": name, "group": name, "note": text}).status_code == 302
    assert ada.post(f"{scope}/people", {"name": name, "description": text}).status_code == 302
    given = {"name": name, "holds": "spd", "services": text}
    assert ada.post("/systems/main/providers", given).headers["Location"] == f"/systems/main/providers/{n + 1}"
    line = f"/systems/main/providers/{n + 1}/matrix/{REQUIREMENTS[n]}/a"
    assert ada.post(line, {"duty": "shared", "text": text, "version": "0"}).status_code == 302


def _seed_item(ada: Person, n: int, text: str) -> None:
    """An item of the operational plan, number n + 1."""
    steps = [{"text": text, "owner": text[:80]}]
    said = {"weakness": text, "resources": text, "owner": text[:80], "milestones": steps, "operational": True}
    made = ada.call("POST", "/systems/main/poam", {"requirement": REQUIREMENTS[n], **said})
    assert made.get_json()["id"] == n + 1, made.text
    review = {"version": "1", "progress": text}
    assert ada.post(f"/systems/main/poam/{n + 1}/reviews", review).status_code == 302


def _ahead() -> str:
    return (datetime.now(UTC) + timedelta(days=9)).date().isoformat()


def _seed_held(ada: Person) -> dict[int, str]:
    """Evidence that is held at each text that a location can be, by its number."""
    found = {}
    for text in TEXTS:
        form = {"title": text, "location": text, "sha256": "a" * 64, "system": "main", "csrf_token": ada.token}
        made = ada.client.post("/api/v1/artifacts", data=form)
        if made.status_code == 201:
            found[made.get_json()["id"]] = text
        else:  # it has signs that nobody sees
            assert set(made.get_json()["errors"]) == {"location"}, made.text
    return found


def _changed(ada: Person, path: str, body: dict[str, str], version: int = 1) -> None:
    answer = ada.call("PATCH", path, body, headers={"If-Match": f'"{version}"'})
    assert answer.status_code == 200, answer.text


def _seed_accounts(ada: Person, tracker: Tracker) -> None:
    for name in _people():
        add_account(tracker, name)
    for text in TEXTS:
        form = {"token_name": text[:80], "scope": "read", "days": "9", "confirm_password": PASSWORD}
        assert ada.post("/profile/tokens", form).status_code == 200
        assert _try(ada, {"username": text, "password": "x"}, "Firefox").status_code == 401
    for agent in _agents():
        assert _try(ada, {"username": "ada", "password": PASSWORD}, agent).status_code == 302


def _try(ada: Person, form: dict[str, str], agent: str) -> TestResponse:
    """Try to sign in with a browser that says that of itself, from an address of its own."""
    other = Person("", ada.client.application.test_client())
    place, token = {"REMOTE_ADDR": next(_PLACES)}, other.token_of("/login")
    return other.post("/login", form, token=token, environ_base=place, headers={"User-Agent": agent})


def _people() -> list[str]:
    """What the policy of user names lets through of the texts, and of what scripts stumble over."""
    found = []
    for text in (*TEXTS, "constructor", "__proto__", "toString", "main", "аdmin", "ada.alert", "-1 + 1"):
        try:
            found.append(parse_name(text))
        except Invalid:
            continue
    return found


def _agents() -> list[str]:
    """The texts that a header can carry: printable Latin-1."""
    return [text for text in TEXTS if text.isprintable() and text.encode("latin-1", "ignore").decode("latin-1") == text]


def _kept(clean: Callable[[str], str], most: int = 300) -> set[str]:
    """The texts as they are kept: control and direction signs are taken out by design, a line is one line."""
    return {clean(text[:most]) for text in TEXTS}


def _pages(eyes: Eyes, path: str) -> Iterator[None]:
    """Every page of a list, each looked at."""
    eyes.go(path)
    yield
    while eyes.page.locator("a[rel=next]").count():
        eyes.go(eyes.page.locator("a[rel=next]").get_attribute("href") or "")
        yield


def test_there_are_forty_texts_and_cleaning_changes_only_those_with_unseen_signs() -> None:
    assert len(set(TEXTS)) == 40
    assert [n for n, text in enumerate(TEXTS) if clean_text(text) != text] == [23, 24, 25]
    assert [n for n, text in enumerate(TEXTS) if clean_line(text) != text] == [23, 24, 25]


def test_what_was_kept_is_shown_as_typed_on_every_page_and_runs_nowhere(
    served: Served, app: Flask, admin: Person, tracker: Tracker, tab: Callable[..., Page]
) -> None:
    _seed(admin, tracker)
    held = _seed_held(admin)
    assert len(held) > 30
    with watching(tab(), app, served.url) as eyes:
        sign_in(eyes.page)
        titles = {title for _ in _pages(eyes, "/artifacts") for title in eyes.shown("a.row-link")}
        assert titles == _kept(clean_line)
        for n, text in enumerate(TEXTS):
            _one_artifact(eyes, n + 1, text)
            _one_requirement(eyes, REQUIREMENTS[n], text)
            _one_request(eyes, admin, n + 1, text)
            _one_scope(eyes, n, text)
            _one_item(eyes, n + 1, text)
        for part, rows in (("scope/assets", 40), ("scope/groups", 40), ("scope/people", 40), ("providers", 40)):
            eyes.go(f"/systems/main/{part}")
            assert len(eyes.shown("a.row-link")) == rows
        _the_plan(eyes)
        _a_package(eyes, admin)
        for number, place in held.items():
            eyes.go(f"/artifacts/{number}")
            short = f"…{place[-80:]}" if len(place) > 90 else place  # beside its version only the end of a long one
            assert eyes.shown(".location") == {place, short}
        eyes.go("/artifacts/upload")
        assert eyes.shown(".bar .menu:not(.person) li a") >= _kept(clean_line, 200)
        assert eyes.shown("#system option") >= _kept(clean_line, 200)
        _accounts(eyes)


def _a_package(eyes: Eyes, ada: Person) -> None:
    """One that is named by a text, of a system in which every text stands."""
    name, reason = next(text for text in TEXTS if "<" in text and len(text) < 150), TEXTS[-1][:2_000]
    place = ada.post("/systems/main/packages", {"name": name, "reason": reason}).headers["Location"]
    eyes.go(place)
    assert eyes.shown("h1") == {f"Package 1: {clean_line(name)}"}
    assert eyes.shown("dd.pre") == {clean_text(reason)}
    eyes.go("/systems/main/packages")
    assert eyes.shown("a.row-link") == {clean_line(name)}


def _one_artifact(eyes: Eyes, number: int, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/artifacts/{number}")
    assert eyes.shown("h1") == {line}
    assert f"{line}: {whole}" in eyes.shown(".where")
    assert eyes.shown("#title") == {line}
    assert eyes.shown("#description") == {whole}
    assert eyes.shown("#versions-title ~ table td") & {line, whole}
    assert eyes.shown("#remarks .said") == {whole}


def _one_requirement(eyes: Eyes, requirement: str, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/systems/main/requirements/{requirement}?objective=a")
    assert f"{line}: {whole}" in eyes.shown("#objective-a .where")
    assert line in eyes.shown("#objective-a .evidence-list a")
    assert eyes.shown("#note-a") == {whole}
    assert eyes.shown("#narrative") == {whole}
    assert eyes.shown("#objective-a .said") == {whole}
    for name in ("examined", "interviewed", "tested"):
        assert eyes.shown(f"#objective-a [name={name}]") == {line}
    assert whole in eyes.shown("#objective-a .basis dd")


def _the_plan(eyes: Eyes) -> None:
    """Every narrative on one page, as Markdown, today's and a version's; every change in a list."""
    for path in ("/systems/main/ssp", "/systems/main/ssp/versions/1", "/systems/main/ssp/contradictions"):
        eyes.go(path)
    eyes.go("/systems/main/changes")
    assert eyes.shown("td a.row-link") >= {clean_text(text) for text in TEXTS if len(text) < 160}


def _one_request(eyes: Eyes, ada: Person, number: int, text: str) -> None:
    eyes.go(f"/requests/{number}")
    assert eyes.shown(".wanted") == {clean_text(text)}
    assert clean_line(text[:200]) in eyes.shown(".headline strong")
    assert eyes.shown("#outside") == {clean_line(text[:200])}
    eyes.go(urlsplit(_link_of(ada, number)).path)
    assert eyes.shown(".wanted") == {clean_text(text)}


def _one_scope(eyes: Eyes, n: int, text: str) -> None:
    line, whole = clean_line(f"{n} {text}"[:200]), clean_text(text)
    eyes.go(f"/systems/main/scope/assets/{n + 1}")
    assert eyes.shown("h1") == eyes.shown("#name") == eyes.shown("#group") == {line}
    assert eyes.shown("#note") == {whole}
    eyes.go(f"/systems/main/scope/people/{n + 1}")
    assert eyes.shown("#description") == {whole}
    eyes.go(f"/systems/main/providers/{n + 1}")
    assert eyes.shown("#services") == {whole}
    eyes.go(f"/systems/main/providers/{n + 1}/matrix/{REQUIREMENTS[n]}")
    assert eyes.shown("#text-a") == {whole}


def _one_item(eyes: Eyes, number: int, text: str) -> None:
    line, whole = clean_line(text), clean_text(text)
    eyes.go(f"/systems/main/poam/{number}")
    assert eyes.shown("#weakness") == {whole}
    assert eyes.shown("#owner") == {clean_line(text[:80])}
    assert line in eyes.shown("[name=step_text]")
    assert eyes.shown("#reviews .said") == {whole}


def _link_of(ada: Person, number: int) -> str:
    found = re.search(r'data-copy="(http\S+/link/[\w-]{43})"', ada.post(f"/requests/{number}/links").text)
    assert found
    return found[1]


def _accounts(eyes: Eyes) -> None:
    eyes.go("/profile")
    assert eyes.shown("#tokens-title ~ table td:first-child") == _kept(clean_line, 80)
    assert eyes.shown("#sessions-title ~ table td:first-child span") >= set(_agents())
    eyes.go("/admin/users")
    assert eyes.shown(".users td:first-child") == {"ada", *_people()}
    logged = {cell for _ in _pages(eyes, "/audit") for cell in eyes.shown(".audit td")}
    tried = {clean_line(text)[:80] for text in TEXTS if not is_password_like(text)}
    assert tried - logged == set()


@pytest.fixture
def bo(app: Flask, tracker: Tracker) -> Person:
    """Bo, who has a second factor."""
    made = person(app, tracker, "bo")
    made.post("/profile/second-factor/begin")
    key = re.search(r'data-copy="(\w{32})"', made.get("/profile/second-factor").text)
    assert key
    form = {"code": pyotp.TOTP(key[1]).now(), "confirm_password": PASSWORD}
    assert made.post("/profile/second-factor", form).status_code == 200
    return made


def test_what_is_refused_or_searched_for_is_shown_as_typed_and_runs_nowhere(
    served: Served, app: Flask, admin: Person, bo: Person, tracker: Tracker, tab: Callable[..., Page]
) -> None:
    assert admin.upload("evidence.txt", b"some evidence", objectives="3.5.3[b]").status_code == 201
    paths = [*_requested(admin, tracker), *_scoped(admin), *_planned(admin), *_frozen(admin, tracker)]
    assert admin.upload("pile.txt", b"not linked yet").status_code == 201
    with watching(tab(), app, served.url) as eyes:
        _walk(eyes, bo)
        for path in paths:
            eyes.go(path)
        pages = {
            r.endpoint for r in app.url_map.iter_rules() if "GET" in (r.methods or ()) and "api." not in r.endpoint
        }
        assert pages - NO_PAGES - eyes.endpoints == set(), "pages that were not walked"
        found = {f"{form.endpoint}.{name}" for form in eyes.forms.values() for name in form.typed}
        assert sorted(found) == _names(FIELDS)
        forms = list(eyes.forms.values())
        widest = {form.endpoint: form for form in sorted(forms, key=lambda form: len(form.fields))}
        for form in (form for form in widest.values() if form.method == "get" and form.shown):
            _search(eyes, form)
        client, token = _client(eyes, app), eyes.page.get_attribute("body", "data-csrf") or ""
        for form in (form for form in forms if form.method == "post" and set(form.fields) != {"csrf_token"}):
            _refuse(eyes, form, client, token)


def _walk(eyes: Eyes, bo: Person) -> None:
    """Every page there is, in every state that has fields of its own."""
    page = eyes.page
    eyes.go("/login")
    page.fill("#username", bo.name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector("#code")
    eyes.look()
    sign_in(page)
    for path in (
        "/",
        "/artifacts",
        "/artifacts/1",
        "/artifacts/1/compare",
        "/artifacts/1/objectives",
        "/artifacts/upload",
        "/artifacts/import",
        "/triage",
        "/triage?end=1",
        "/my-work",
        "/calendar",
        "/systems/new",
        "/trash",
        "/profile",
        "/config",
        "/admin/users",
        "/audit",
        "/welcome",
    ):
        eyes.go(path)
    page.check("input[name=place][value=hosted]")
    page.fill("#host", "Acme Hosting")
    page.click("main form button.primary")
    page.wait_for_selector(".scope-row")
    eyes.look()
    eyes.go("/config")
    rooms = (
        "readiness",
        "placemat",
        "assess?q=evidence",
        "worksheet",
        "worksheet/interviews",
        "people",
        "requirements",
    )
    for path in (*(f"/systems/main/{one}" for one in rooms), "/rules", "/systems", "/api/docs"):
        eyes.go(path)
    for path in ("/systems/main/requirements", "/artifacts/picker?system=main&objective=3.1.1[a]"):
        eyes.go(path)
    eyes.go("/systems/main/poam/import")
    sheet = {"name": "poam.csv", "mimeType": "text/csv", "buffer": b"requirement,weakness\n3.1.3,evidence\n"}
    page.set_input_files("main input[type=file]", sheet)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/poam/import/*")
    eyes.look()
    eyes.go("/artifacts/import")
    register = {"name": "register.csv", "mimeType": "text/csv", "buffer": b"title,kind\nevidence,log\n"}
    page.set_input_files("main input[type=file]", register)
    page.click("main form button[type=submit]")
    page.wait_for_url("**/artifacts/import/*")
    eyes.look()
    for act in ("Dates …", "Link to objectives …"):
        eyes.go("/artifacts")
        page.locator("td input[name=chosen]").first.check()
        page.get_by_role("button", name=act).click()
        page.wait_for_url("**/artifacts/selection")
        eyes.look()
    eyes.go("/systems/main/requirements/IA.L2-3.5.3?objective=a")
    page.fill("#pick-a", "evi")
    page.wait_for_selector("#objective-a .picked form")
    eyes.look()
    eyes.go("/profile/second-factor")
    page.get_by_role("button", name="Set it up").click()
    page.wait_for_selector(".qr")
    eyes.look()
    page.fill("#code", pyotp.TOTP(page.locator("code.secret").inner_text().replace(" ", "")).now())
    page.fill("#confirm_password", PASSWORD)
    page.get_by_role("button", name="Turn it on").click()
    page.wait_for_selector(".recovery")
    eyes.look()
    eyes.go("/profile/second-factor")


def _requested(ada: Person, tracker: Tracker) -> list[str]:
    """The pages of a request with two rounds that were missed, its link, what another link brought; of an item."""
    _changed(ada, "/systems/main/requirements/AC.L2-3.1.3/objectives/a", {"status": "not_met"})
    item = {"requirement": "AC.L2-3.1.3", "weakness": "evidence is missing"}
    assert ada.call("POST", "/systems/main/poam", item).status_code == 201
    assert ada.call("PATCH", "/systems/main/poam/1", {"status": "ready"}).status_code == 200
    given = {"objective": "3.5.3[b]", "wanted": "a list", "outside": "Northwind", "first_due": _ahead()}
    assert ada.post("/systems/main/requests", {**given, "cadence": "monthly"}).status_code == 302
    with tracker.write(OPERATOR) as work:
        work.bookkeep(update(requests).values(first_due=date.fromisoformat(_ahead()) - timedelta(days=50)))
    guest = Person("", ada.client.application.test_client())
    used = urlsplit(_link_of(ada, 1)).path
    sent = {"csrf_token": guest.token_of(used), "file": (io.BytesIO(b"a list"), "list.txt")}
    with tracker.read() as work:
        number = len(work.rows(select(artifacts.c.id))) + 1
    assert guest.client.post(used, data=sent).status_code == 200
    good = urlsplit(_link_of(ada, 1)).path
    return [
        *("/systems/main/poam", "/systems/main/poam/new", "/systems/main/poam/1", "/systems/main/score"),
        *("/systems/main/requests", "/requests/1", "/requests/1?q=evi", "/my-work", good),
        *("/quarantine", f"/quarantine/{number}", "/admin/users"),
    ]


def _frozen(ada: Person, tracker: Tracker) -> list[str]:
    """The pages of a package, and of the status where it may be recorded."""
    give(tracker, ada.id, may_approve=True)
    packages = "/systems/main/packages"
    asked = {"name": "First", "purpose": "final", "reason": "as it is"}
    assert ada.post(packages, asked).status_code == 303
    return [packages, f"{packages}/1", "/systems/main/status", "/admin/systems"]


def _scoped(ada: Person) -> list[str]:
    """The pages of a scope with one of each kind, and of two sheets that wait to be confirmed."""
    scope, flow = "/systems/main/scope", {"what": "plans", "source": "customer", "destination": "server"}
    kept = (ada.post(f"{scope}/assets", {"name": "Server", "group": "Servers"}).headers["Location"],)
    for part in ("people", "facilities", "networks", "flows"):
        assert ada.post(f"{scope}/{part}", flow if part == "flows" else {"name": "One"}).status_code == 302
    provider = ada.post("/systems/main/providers", {"name": "Northwind", "holds": "cui"}).headers["Location"]
    sheets = []
    for place, sheet in ((scope, b"name,owner\nLaptop,Ada\n"), (provider, b"objective,duty\n3.1.1[a],shared\n")):
        sheets.append(ada.post(f"{place}/import", {"file": (io.BytesIO(sheet), "a.csv")}).headers["Location"])
    return [
        *(scope, f"{scope}/assets", f"{scope}/assets/new", *kept, f"{scope}/groups", f"{scope}/groups?name=Servers"),
        *(f"{scope}/people", f"{scope}/people/1", f"{scope}/facilities", f"{scope}/flows", f"{scope}/flows/1"),
        *("/systems/main/providers", provider, f"{provider}/matrix/AC.L2-3.1.1"),
        *(f"{scope}/import", f"{provider}/import", *sheets),
    ]


def _planned(ada: Person) -> list[str]:
    """The pages of the security plan, with a version of it and a change of the environment."""
    plan, today = "/systems/main/ssp", datetime.now(UTC).date().isoformat()
    assert ada.post(f"{plan}/versions", {}).status_code == 302
    change = {"happened_on": today, "kind": "plan", "text": "a new server"}
    assert ada.post("/systems/main/changes", change).status_code == 302
    return [
        *(plan, f"{plan}/sections/boundary", f"{plan}/requirements/AC.L2-3.1.1", f"{plan}/references?find=evi"),
        *(f"{plan}/versions", f"{plan}/versions/1", f"{plan}/compare", f"{plan}/contradictions", f"{plan}/import"),
        *("/systems/main/values", "/systems/main/changes", "/systems/main/changes/1"),
    ]


def _search(eyes: Eyes, form: Form) -> None:
    """Every text in a form that only reads: it stands in its field again, beside what was found."""
    fixed = {name: value for name, (kind, value) in form.fields.items() if kind == "hidden"}
    read = list(form.shown)
    for n in range(0, len(TEXTS), len(read)):
        asked = {name: TEXTS[(n + i) % len(TEXTS)] for i, name in enumerate(read)}
        eyes.go(f"{form.path}?{urlencode(fixed | asked)}")
        _still_there(eyes, form, asked)


def _still_there(eyes: Eyes, form: Form, given: dict[str, str]) -> None:
    """Where the same form is shown again, it holds what was typed; a search keeps the first 200 characters."""
    for same in eyes.here:
        if (same.endpoint, same.path, set(same.fields)) == (form.endpoint, form.path, set(form.fields)):
            for name, value in same.shown.items():
                assert value in {given[name], given[name][:200]}, (form.endpoint, name)


def _client(eyes: Eyes, app: Flask) -> FlaskClient:
    """A client with the browser's session: what it is answered is shown to the browser as it came."""
    client = app.test_client()
    client.set_cookie("session", next(one["value"] for one in eyes.page.context.cookies() if one["name"] == "session"))
    return client


def _refuse(eyes: Eyes, form: Form, client: FlaskClient, token: str) -> None:
    """Texts in all fields of a form at once, those that no person sees too; what comes back is looked at."""
    for turn in range(3):
        names = form.free if turn < 2 else [name for name in form.fields if form.fields[name][0] != "file"]
        given = {name: TEXTS[(turn * 13 + i) % len(TEXTS)] for i, name in enumerate(names)} | {"csrf_token": token}
        answer = client.post(form.path, data=given, environ_base={"REMOTE_ADDR": next(_PLACES)})
        assert answer.status_code < 500, (form.endpoint, given)
        raw = [text for text in TEXTS if "<" in text and text in answer.text]
        assert raw == [], (form.endpoint, given)
        # What browsers take no text into is not shown to one: it would say so on its console.
        if answer.status_code != 302 and turn < 2:
            _bring(eyes, form.path, answer)
            _still_there(eyes, form, given)


def _bring(eyes: Eyes, path: str, answer: TestResponse) -> None:
    """Show an answer to the browser, with all its headers, as if it had asked for it."""
    headers = {name: value for name, value in answer.headers if name not in {"Set-Cookie", "Content-Length"}}

    def bring(route: Route) -> None:
        route.fulfill(status=answer.status_code, headers=headers, body=answer.get_data())

    eyes.page.route(f"**{path}", bring)
    eyes.go(path)
    eyes.page.unroute(f"**{path}", bring)


def test_names_of_files_become_rows_of_text_in_the_upload_tray(
    served: Served, app: Flask, admin: Person, tab: Callable[..., Page]
) -> None:
    taken = [text[:180] for n, text in enumerate(TEXTS) if n % 4]
    refused = [f"{text[:180]}.exe" for text in TEXTS[::4]]
    files = [
        {"name": name, "mimeType": "text/plain", "buffer": name.encode()}
        for name in (*refused, *(f"{stem}.txt" for stem in taken))
    ]
    with watching(tab(), app, served.url) as eyes:
        sign_in(eyes.page)
        eyes.go("/artifacts/upload")
        eyes.page.set_input_files("#file", files)
        eyes.page.get_by_role("button", name="Upload").click()
        expect(eyes.page.locator("#tray progress")).to_have_count(0, timeout=60_000)
        eyes.look()
        titles = {clean_line(stem.replace("_", " ")) for stem in taken}
        assert eyes.shown("#tray .name") == titles | set(refused)
        kept = {one for _ in _pages(eyes, "/artifacts") for one in eyes.shown("td > .row-link ~ .quiet")}
        # A backslash quotes the next sign in a part's header; folders are cut off: by design.
        assert kept == {clean_name(f"{stem}.txt".replace("\\", "")) for stem in taken}


def test_names_at_the_first_set_up_are_shown_as_typed(served: Served, app: Flask, tab: Callable[..., Page]) -> None:
    client = app.test_client()
    path = urlsplit(served.link).path
    with watching(tab(), app, served.url) as eyes:
        eyes.go(path)
        assert [form.typed for form in eyes.here] == [["username", "password", "password_repeat"]]
        token = Person("", client).token_of(path)
        for text in TEXTS:
            form = {"csrf_token": token, "username": text, "password": text, "password_repeat": ""}
            _bring(eyes, path, client.post(path, data=form))
            assert eyes.shown("#username") == {text[:200]}


def test_every_text_of_the_api_is_answered_as_data_and_never_as_a_page(admin: Person) -> None:
    assert admin.upload("evidence.txt", b"some evidence").status_code == 201
    known = set()
    for one in OPERATIONS:
        for model in filter(None, (one.body, one.form, one.query)):
            names = {
                name: "list" in str(f.annotation)
                for name, f in model.model_fields.items()
                if "str" in str(f.annotation)
            }
            known |= {f"{one.id}.{name}" for name in names}
            for text in TEXTS:
                answer = _asked(
                    admin, one, {name: [text] if many else text for name, many in names.items()}, model is one.query
                )
                assert answer.status_code < 429, (one.id, text)
                assert answer.status_code == 204 or answer.mimetype in {"application/json", "application/problem+json"}
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert sorted(known) == _names(API_FIELDS)


def _asked(ada: Person, one: Operation, given: dict[str, object], query: bool) -> TestResponse:
    path = one.path
    for name in one.path_values:
        path = path.replace(f"{{{name}}}", str(PATH_VALUES[name].example))
    if query:
        return ada.call(one.method, path, {} if one.body else None, query_string=given)
    if one.form:
        form = {**given, "file": (io.BytesIO(b"bytes"), "a.txt")}
        return ada.client.open(f"/api/v1{path}", method=one.method, data=form, headers={"X-CSRF-Token": ada.token})
    return ada.call(one.method, path, {**given, **({"level": 2} if one.id == "create_system" else {})})
