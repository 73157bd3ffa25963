"""Where CUI may not be stored: markings are told, shown, and held back where an administrator says so."""

import io
from collections.abc import Iterator
from dataclasses import replace

import docx
import pytest

from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.domain.providers import ProviderEntry
from cmmc_tracker.domain.scope import Answers, Held
from cmmc_tracker.errors import Forbidden, NotFound, Stale
from cmmc_tracker.services import artifact_list, audit, quarantine, settings, setup, systems
from cmmc_tracker.services.artifact_list import ArtifactFilter
from cmmc_tracker.services.audit import AuditFilter
from cmmc_tracker.services.jobs import texts
from cmmc_tracker.services.jobs.house import House
from cmmc_tracker.services.scope import drafts, providers
from cmmc_tracker.services.work import Tracker, Work
from tests.conftest import OPERATOR, Clock, Person
from tests.services.evidence import FIRST, made, seen, somebody, switch, versioned

BANNER = b"CUI//SP-CTI\nhow the coupling is built\n"
LATER = b"harmless lines\n" * 3_000 + b"\nCUI//SP-CTI\n"  # beyond what an upload looks at
POLICY = b"This policy says how CUI is handled. CUI is marked with a banner.\n"


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _read(tracker: Tracker) -> None:
    while texts.turn(House(tracker)):
        pass


def _held(tracker: Tracker, actor: Actor) -> list[int]:
    with tracker.read(actor) as work:
        return [one.id for one in quarantine.listed(work)]


def _accept(tracker: Tracker, actor: Actor, artifact: int) -> None:
    with tracker.write(actor) as work:
        quarantine.accept(work, artifact)


def _events(tracker: Tracker, action: str) -> list[str]:
    with tracker.read(OPERATOR) as work:
        return [one.entity for one in audit.page(work, AuditFilter(action=action))[0]]


def test_a_marking_in_a_name_or_at_the_top_of_a_text_is_told_with_the_upload(tracker: Tracker, bo: Actor) -> None:
    for name, content, word in (("CUI drawing.txt", b"x", "file name"), ("a.txt", BANNER, "CUI banner")):
        current = seen(tracker, bo, made(tracker, bo, (name, content))).current
        assert any(word in sentence for sentence in current.files[0].warnings)
        assert "SP-CTI" not in " ".join(current.files[0].warnings)  # the line itself may be what is controlled
    for name, content in (("CUI policy.txt", POLICY), ("b.txt", POLICY)):
        assert seen(tracker, bo, made(tracker, bo, (name, content))).current.files[0].warnings == ()


def test_marked_evidence_is_flagged_in_lists_by_its_name_and_once_its_text_is_read(tracker: Tracker, bo: Actor) -> None:
    named = made(tracker, bo, ("fouo.txt", b"x"))
    later = made(tracker, bo, ("a.txt", LATER), to=(FIRST,))
    plain = made(tracker, bo, ("b.txt", POLICY))
    assert (seen(tracker, bo, named).marked, seen(tracker, bo, later).marked) == (True, False)
    _read(tracker)
    with tracker.read(bo) as work:
        found = {one.id: one.marked for one in artifact_list.page(work, ArtifactFilter())[0]}
    assert found == {named: True, later: True, plain: False}
    versioned(tracker, bo, later, ("a.txt", b"clean"))
    assert not seen(tracker, bo, later).marked  # what counts is the current version


def test_without_the_setting_nothing_is_held_back(tracker: Tracker, bo: Actor) -> None:
    artifact = made(tracker, bo, ("CUI drawing.txt", BANNER))
    _read(tracker)
    assert seen(tracker, bo, artifact)
    assert _held(tracker, bo) == []


def test_where_cui_may_be_stored_nothing_is_held_back(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_allowed=True, cui_quarantine=True)
    artifact = made(tracker, bo, ("CUI drawing.txt", BANNER))
    _read(tracker)
    assert seen(tracker, bo, artifact).marked
    assert _held(tracker, bo) == []


def test_what_is_marked_by_its_name_is_held_back_in_the_same_work(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("CUI drawing.txt", b"x"), to=(FIRST,))
    assert _held(tracker, bo) == [artifact]
    with pytest.raises(NotFound):
        seen(tracker, bo, artifact)
    assert _events(tracker, "artifact:quarantined") == [f"artifact:{artifact}"]
    assert seen(tracker, bo, made(tracker, bo, ("CUI policy.txt", POLICY)))


def test_a_system_that_is_stricter_holds_back_though_the_installation_allows(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_allowed=True, cui_quarantine=True)
    with tracker.write(OPERATOR) as work:
        systems.rule(work, "main", None, cui_never=True)
    artifact = made(tracker, bo, ("CUI drawing.txt", b"x"))
    assert _held(tracker, bo) == [artifact]


def test_what_is_marked_in_its_text_is_held_back_once_it_is_read(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_quarantine=True)
    artifact, plain = made(tracker, bo, ("a.txt", LATER)), made(tracker, bo, ("b.txt", POLICY))
    assert _held(tracker, bo) == []
    _read(tracker)
    assert _held(tracker, bo) == [artifact]
    assert seen(tracker, bo, plain)


def test_bytes_whose_marking_is_known_are_held_back_at_once_when_they_come_again(tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("a.txt", LATER))
    _read(tracker)
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("b.txt", LATER))
    assert _held(tracker, bo) == [artifact]


def test_a_marking_in_an_older_version_holds_nothing_back(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("a.txt", LATER))
    versioned(tracker, bo, artifact, ("b.txt", b"clean"))
    _read(tracker)
    assert seen(tracker, bo, artifact).current_version == 2


def test_a_new_version_with_a_marking_holds_the_artifact_back(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("a.txt", b"clean"))
    versioned(tracker, bo, artifact, ("CUI drawing.txt", b"x"))
    assert _held(tracker, bo) == [artifact]


def test_who_was_accepted_with_the_marking_known_is_not_held_back_again_for_the_same_bytes(
    tracker: Tracker, bo: Actor
) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("a.txt", LATER))
    _read(tracker)
    _accept(tracker, bo, artifact)
    texts.read(tracker, seen(tracker, bo, artifact).current.files[0].sha256, "text/plain")
    assert _held(tracker, bo) == []
    versioned(tracker, bo, artifact, ("a.txt", LATER))
    assert _held(tracker, bo) == []
    versioned(tracker, bo, artifact, ("a.txt", LATER + b"CUI\n"))
    _read(tracker)
    assert _held(tracker, bo) == [artifact]


def test_who_was_accepted_before_its_text_was_read_is_held_back_for_what_the_text_says(
    tracker: Tracker, bo: Actor
) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("CUI drawing.txt", LATER))
    _accept(tracker, bo, artifact)
    assert seen(tracker, bo, artifact)
    _read(tracker)
    assert _held(tracker, bo) == [artifact]


def test_a_reader_that_dies_before_it_held_back_is_followed_by_one_that_does(
    tracker: Tracker, bo: Actor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(tracker, cui_quarantine=True)
    artifact = made(tracker, bo, ("a.txt", LATER))
    clock.forward(minutes=1)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(texts, "_hold_back", dies)
    with pytest.raises(KeyboardInterrupt):
        _read(tracker)
    monkeypatch.undo()
    assert texts.wanted(House(tracker))
    _read(tracker)
    assert _held(tracker, bo) == [artifact]


def test_markings_in_an_office_file_are_found_by_the_reader(tracker: Tracker, bo: Actor) -> None:
    switch(tracker, cui_quarantine=True)
    document, file = docx.Document(), io.BytesIO()
    document.add_paragraph("CUI//SP-CTI")
    document.save(file)
    artifact = made(tracker, bo, ("a.docx", file.getvalue()))
    _read(tracker)
    assert _held(tracker, bo) == [artifact]


def test_access_tells_whether_cui_may_be_stored(tracker: Tracker, bo: Actor) -> None:
    def now() -> bool:
        with tracker.read() as work:
            return systems.of_user(work, bo.id or 0, work.now)["main"].cui

    assert not now()
    switch(tracker, cui_allowed=True)
    assert now()
    with tracker.write(OPERATOR) as work:
        systems.rule(work, "main", None, cui_never=True)
    assert not now()


def test_only_administrators_rule_a_system_and_the_later_of_two_is_told(tracker: Tracker, bo: Actor) -> None:
    with pytest.raises(Forbidden), tracker.write(bo) as work:
        systems.rule(work, "main", None, cui_never=True)
    with tracker.write(OPERATOR) as work:
        systems.rule(work, "main", 1, cui_never=True)
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        systems.rule(work, "main", 1, cui_never=False)
    with pytest.raises(NotFound), tracker.write(OPERATOR) as work:
        systems.rule(work, "no-such", None, cui_never=True)
    assert _events(tracker, "system:changed") == ["system:main"]


# The first questions, and what follows from them


def _answered(work: Work, **given: str) -> int:
    form = {"organization": "Acme", "system_name": "Enclave", "cui": "no", "place": "premises", "host": "", **given}
    return setup.answer(work, Answers.parse(form), None, None)


def _rows(tracker: Tracker, by: Actor) -> Iterator[drafts.Row]:
    with tracker.read(by) as work:
        yield from drafts.rows(work)


def test_answers_are_kept_and_the_rows_that_follow_are_drafted(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(OPERATOR) as work:
        assert _answered(work, cui="yes", place="hosted", host="Hoster Inc.") == 2
    with tracker.read(OPERATOR) as work:
        rules = settings.current(work)
        assert (rules.organization, rules.cui_allowed) == ("Acme", True)
        assert systems.ruled(work)[0].name == "Enclave"
    asset, provider = _rows(tracker, actor)
    assert (asset.kind, asset.draft, asset.facts.category.label) == ("asset", True, "CUI Asset")  # type: ignore[union-attr]
    assert (provider.kind, provider.draft, provider.facts.name) == ("provider", True, "Hoster Inc.")
    assert "FedRAMP" not in provider.follows


def test_answering_again_drafts_anew_and_leaves_what_was_confirmed(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(actor) as work:
        _answered(work, place="hosted", host="Hoster Inc.")
    asset, _ = _rows(tracker, actor)
    with tracker.write(actor) as work:
        drafts.keep(work, asset.id, asset.facts, asset.version, confirm=True)
    with tracker.write(actor) as work:
        _answered(work, place="cloud", host="Cloud Inc.")
    assert [(row.kind, row.facts.name, row.draft) for row in _rows(tracker, actor)] == [
        ("asset", asset.facts.name, False),
        ("provider", "Cloud Inc.", True),
    ]


def test_a_row_says_when_what_may_be_stored_speaks_against_its_category(tracker: Tracker, actor: Actor) -> None:
    with tracker.write(actor) as work:
        _answered(work)
    assert [row.changed for row in _rows(tracker, actor)] == [""]
    switch(tracker, cui_allowed=True)
    assert [row.changed for row in _rows(tracker, actor)] == ["CUI may be stored here, which makes it a CUI Asset."]


def test_of_two_who_change_a_row_the_later_is_told_and_a_row_that_is_gone_is_not_found(
    tracker: Tracker, actor: Actor
) -> None:
    with tracker.write(actor) as work:
        _answered(work)
    (row,) = _rows(tracker, actor)
    with tracker.write(actor) as work:
        drafts.keep(work, row.id, row.facts, row.version, confirm=True)
    with pytest.raises(Stale), tracker.write(actor) as work:
        drafts.keep(work, row.id, row.facts, row.version, confirm=True)
    with pytest.raises(Stale), tracker.write(actor) as work:
        drafts.remove(work, row.id, type(row.facts), row.version)
    with tracker.write(actor) as work:
        drafts.remove(work, row.id, type(row.facts), None)
    with pytest.raises(NotFound), tracker.write(actor) as work:
        drafts.remove(work, row.id, type(row.facts), None)
    assert _events(tracker, "scope:*") == [f"asset:{row.id}"] * 3


def test_answers_on_a_page_that_somebody_else_overtook_change_nothing(tracker: Tracker) -> None:
    switch(tracker, review_required=True)
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        setup.answer(work, Answers("Acme", "Enclave", cui_allowed=True, place=None, host=""), 1, None)
    with pytest.raises(Stale), tracker.write(OPERATOR) as work:
        setup.answer(work, Answers("Acme", "Enclave", cui_allowed=True, place=None, host=""), None, 7)
    with tracker.read(OPERATOR) as work:
        assert not settings.current(work).cui_allowed


def test_nobody_else_answers(tracker: Tracker, bo: Actor) -> None:
    with pytest.raises(Forbidden), tracker.write(bo) as work:
        _answered(work)
    with pytest.raises(Forbidden), tracker.read(bo) as work:
        drafts.rows(work)


def test_an_upload_that_is_held_back_is_answered_and_found_nowhere(tracker: Tracker, user: Person) -> None:
    switch(tracker, cui_quarantine=True)
    answer = user.upload("CUI drawing.txt", b"x")
    assert answer.status_code == 201
    told = answer.get_json()
    assert told["quarantined"] is True
    assert "file name" in told["current_version"]["warnings"][0]
    assert user.get(f"/api/v1/artifacts/{told['id']}").status_code == 404
    clean = user.upload("a.txt", b"y").get_json()
    assert clean["quarantined"] is False
    data = {"file": (io.BytesIO(b"z"), "fouo.txt"), "csrf_token": user.token}
    version = user.client.post(f"/api/v1/artifacts/{clean['id']}/versions", data=data)
    assert (version.status_code, version.get_json()["quarantined"]) == (201, True)


def test_what_follows_from_a_provider_is_said_by_what_it_holds(tracker: Tracker) -> None:
    bo = somebody(tracker, "bo")
    with tracker.write(bo) as work:
        providers.add(work, bo.systems["main"], ProviderEntry("Portal", is_cloud=True, holds=Held.CUI))
    (row,) = _rows(tracker, replace(bo, role=Role.ADMIN))
    assert "FedRAMP Moderate" in row.follows
