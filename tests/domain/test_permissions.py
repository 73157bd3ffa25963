"""Who may do what."""

import pytest

from cmmc_tracker.domain.permissions import Access, Action, Actor, Right, Role, allow, system_of
from cmmc_tracker.errors import Forbidden, NotFound, NotSignedIn

VIEW = frozenset({Right.VIEW})
WORK = frozenset({Right.VIEW, Right.CONTRIBUTE, Right.JUDGE})
ADMINS = {
    *(Action.ARTIFACT_PURGE, Action.ARTIFACT_SPILL, Action.AUDIT_READ, Action.CATALOG_IMPORT),
    *(Action.PACKAGE_HOLD, Action.SETTINGS_EDIT, Action.USER_MANAGE),
}
ANYBODY = {Action.OWN_ACCOUNT, Action.SYSTEM_CREATE}
APPROVING = {Action.ASSIGNMENT_MAKE, Action.PACKAGE_SHARE, Action.PLAN_APPROVE, Action.STATUS_RECORD}
VIEWING = {Action.ARTIFACT_VIEW, Action.SYSTEM_VIEW}


def _system(rights: frozenset[Right]) -> Access:
    return Access(1, "main", "Main", 2, demo=False, rights=rights)


def _actor(role: Role = Role.USER) -> Actor:
    return Actor(1, "bo", role)


@pytest.mark.parametrize("action", list(Action))
def test_nobody_may_do_anything_without_signing_in(action: Action) -> None:
    with pytest.raises(NotSignedIn):
        allow(None, action, _system(WORK))


@pytest.mark.parametrize("action", sorted(ADMINS))
def test_running_the_machine_is_for_administrators(action: Action) -> None:
    allow(_actor(Role.ADMIN), action)
    with pytest.raises(Forbidden):
        allow(_actor(), action, _system(WORK))


@pytest.mark.parametrize("action", sorted(set(Action) - ADMINS - ANYBODY))
def test_an_administrator_has_no_right_in_a_system_by_being_one(action: Action) -> None:
    with pytest.raises(Forbidden):
        allow(_actor(Role.ADMIN), action, _system(frozenset()))
    with pytest.raises(Forbidden):
        allow(_actor(Role.ADMIN), action)


@pytest.mark.parametrize("action", sorted(set(Action) - ADMINS - ANYBODY))
def test_who_may_only_view_changes_nothing(action: Action) -> None:
    if action in VIEWING:
        allow(_actor(), action, _system(VIEW))
    else:
        with pytest.raises(Forbidden):
            allow(_actor(), action, _system(VIEW))
        allow(_actor(), action, _system(WORK | {Right.APPROVE} if action in APPROVING else WORK))


@pytest.mark.parametrize("action", [Action.ASSIGNMENT_MAKE, Action.AUDIT_EXTRACT, Action.PACKAGE_SHARE])
def test_some_acts_are_also_for_administrators_who_are_members(action: Action) -> None:
    allow(_actor(Role.ADMIN), action, _system(VIEW))
    with pytest.raises(Forbidden):
        allow(_actor(), action, _system(VIEW))


@pytest.mark.parametrize("action", sorted(APPROVING))
def test_who_may_work_in_a_system_does_not_approve_by_that(action: Action) -> None:
    with pytest.raises(Forbidden):
        allow(_actor(), action, _system(WORK))
    allow(_actor(), action, _system(VIEW | {Right.APPROVE}))


def test_a_stranger_to_a_system_learns_nothing_of_it() -> None:
    mine = Actor(1, "bo", Role.USER, {"main": _system(VIEW)})
    assert system_of(mine, "main").slug == "main"
    with pytest.raises(NotFound) as unknown:
        system_of(mine, "no-such")
    with pytest.raises(NotFound) as foreign:
        system_of(_actor(), "main")
    assert unknown.value.message == foreign.value.message


def test_actions_are_named_thing_verb_and_sorted() -> None:
    assert [a.name for a in Action] == sorted(a.name for a in Action)
    assert all(a.value.count(":") == 1 for a in Action)
