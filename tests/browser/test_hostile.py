"""Hostile text in every field, all pages walked in a real browser with the policy on: it is shown, and it is text.

The fields are found on the pages and in the API's models, so a new one that is not named here makes a test red.
"""

import io
import re
from collections.abc import Callable
from urllib.parse import urlencode

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from werkzeug.test import TestResponse

from cmmc_tracker.api.registry import OPERATIONS, PATH_VALUES, Operation
from cmmc_tracker.domain.defined_values import asked
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.web.ssp.values import key_of
from tests.browser.conftest import Served, sign_in
from tests.browser.hostile import TEXTS, Eyes, Form, watching
from tests.browser.hostile_steps import (
    PLACES,
    bring,
    frozen,
    let_in,
    looked_at,
    planned,
    requested,
    scoped,
)
from tests.conftest import PASSWORD, Person, person

# Every field that people type into, by where its text is seen again.
FIELDS = {
    "an artifact's page and the list": """artifacts.receive.title artifacts.receive.description artifacts.receive.file
        artifacts.receive.locator artifacts.receive.shows artifacts.edit.title artifacts.edit.description
        artifacts.add_version.file artifacts.add_version.note artifacts.link.locator artifacts.link.shows
        artifacts.receive.location artifacts.receive.filename artifacts.add_version.location
        artifacts.add_version.filename artifacts.receive.held_files artifacts.add_version.held_files
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
    "a package's page and the status": """packages.freeze.name packages.freeze.reason packages.hold.reason
        packages.lift.reason status.record.uid""",
    "the status, or a refusal": "status.record.assessor status.record.scope memberships.put.person",
    "a request's page and its upload link's": """requests.ask.wanted requests.ask.outside requests.edit.wanted
        requests.edit.outside requests.close.reason requests.waive.why""",
    "an item's page": """poam.add.weakness poam.add.owner poam.add.resources poam.add.step_text poam.add.step_owner
        poam.edit.weakness poam.edit.owner poam.edit.resources poam.edit.step_text poam.edit.step_owner
        poam.move.closing_note poam.review.progress""",
    "who looks at a package, and the assessor's view": """sharing.give.whom sharing.make_link.whom sharing.answer.answer
        package_link.ask.text package_word.enter.word""",
    "the quarantine, or an artifact's page": "links.receive.file quarantine.accept.title requests.answer.file",
    "the log": "quarantine.reject.reason",
    "its own field, beside what was found": """artifacts.index.q artifacts.picker.q requirements.index.q
        package_link.search.q artifacts.choose.q triage.show.q assess.show.q scope.assets.q
        requirements.implement.find ssp.write_section.find ssp.describe.find ssp.references.find
        audit.index.actor audit.index.entity audit.index.q requests.show.q poam.index.q""",
    "a refusal, or parsed into something else": """artifacts.receive.objectives artifacts.link.objective
        sharing.give.until sharing.make_link.until
        requirements.record_basis.reviewed_on people.assign.what status.record.status_on memberships.put.until
        packages.keep.retained_until
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
        providers.add.basis_artifact_id providers.edit.basis_artifact_id
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
        scope.add_asset.kind scope.add_asset.model scope.add_asset.serial
        scope.edit_asset.kind scope.edit_asset.model scope.edit_asset.serial
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
        create_artifact.held_files create_version.held_files
        put_link.locator put_link.shows review_artifact.remark""",
    "a requirement's page": """change_objective.note change_requirement.narrative change_objective.examined
        change_objective.interviewed change_objective.tested""",
    "every page, in the menu": "create_system.name",
    "who looks at a package, or a refusal": "create_viewer.whom create_viewer.until answer_question.answer",
    "a package's page, or a refusal": """create_package.name create_package.reason create_package.purpose
        keep_package.retained_until hold_package.reason lift_hold.reason""",
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
    *("static", "about.security_txt", "health.alive", "health.figures", "health.ready", "api_about.openapi"),
    *("artifacts.content_of", "artifacts.pdf_page", "audit.export_csv", "audit.export_json"),
    *("requirements.part", "dashboard.of_system", "quarantine.file", "exports.show", "scope.download"),
    *("packages.download", "providers.download_matrix", "documents.template"),
    "packages.freeze_shown",  # the job is done within seconds, and then it leads to the package
    *("package_link.content_of", "package_link.download", "package_link.sheet"),
    # the pages of a package link by another address
    *(f"assessor.{name}" for name in ("artifact", "content_of", "download", "home", "questions_page", "requirement")),
    *("assessor.search", "assessor.sheet"),
    "accounts.set_up",  # gone with the first account; it has a test of its own
}


def _names(groups: dict[str, str]) -> list[str]:
    return sorted(name for text in groups.values() for name in text.split())


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
    paths = [*requested(admin, tracker), *scoped(admin), *planned(admin), *frozen(admin, tracker)]
    opened = let_in(admin)  # before the walk ends this session
    assert admin.upload("pile.txt", b"not linked yet").status_code == 201
    with watching(tab(), app, served.url) as eyes:
        _walk(eyes, bo)
        looked_at(eyes, *opened)
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
        "/my-work/hand-over?to=bo",
        "/admin/users/2/hand-over?to=ada",
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
    with page.expect_navigation():
        page.click("main form button.primary")
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
        answer = client.post(form.path, data=given, environ_base={"REMOTE_ADDR": next(PLACES)})
        assert answer.status_code < 500, (form.endpoint, given)
        raw = [text for text in TEXTS if "<" in text and text in answer.text]
        assert raw == [], (form.endpoint, given)
        # What browsers take no text into is not shown to one: it would say so on its console.
        if answer.status_code not in {302, 303} and turn < 2:
            bring(eyes, form.path, answer)
            _still_there(eyes, form, given)


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
