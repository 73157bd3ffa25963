"""What the tests of evidence share: people as actors, artifacts made as the doors make them, settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, update

from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.held import Held
from cmmc_tracker.domain.permissions import Access, Actor, Role
from cmmc_tracker.services import artifact_views, intake, links, settings, systems
from cmmc_tracker.services.artifacts import Received, add_version
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.links import Target
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import memberships
from tests.conftest import OPERATOR, add_account

FIRST, SECOND = ObjectiveId("AC.L2-3.1.1", "a"), ObjectiveId("AC.L2-3.1.2", "b")


def acting(tracker: Tracker, user_id: int, name: str) -> Actor:
    """That account as it may act now."""
    with tracker.read() as work:
        return Actor(user_id, name, Role.USER, systems.of_user(work, user_id, work.now))


def somebody(tracker: Tracker, name: str, **rights: bool) -> Actor:
    """A new member of `main`, with other rights where they are named."""
    made = add_account(tracker, name)
    if rights:
        give(tracker, made, **rights)
    return acting(tracker, made, name)


def give(tracker: Tracker, user_id: int, **rights: bool) -> None:
    """Give a member of `main` rights, or take them: `may_contribute`, `may_judge`, `may_approve`."""
    with tracker.write(OPERATOR) as work:
        work.db.execute(update(memberships).where(memberships.c.user_id == user_id).values(**rights))


def other_system(tracker: Tracker, user_id: int | None = None) -> Access:
    """A system `lab`; with that account as its member."""
    with tracker.write(OPERATOR) as work:
        made = systems.create(work, "Lab", 2)
        if user_id is not None:
            values = {"may_contribute": True, "may_judge": True, "may_approve": False}
            work.db.execute(insert(memberships).values(system_id=made.system_id, user_id=user_id, **values))
    return made


def switch(tracker: Tracker, **wanted: bool) -> None:
    """Turn settings on or off: `review_required`, `approve_own`."""
    with tracker.write(OPERATOR) as work:
        settings.change(work, replace(settings.current(work), **wanted), None)


@contextmanager
def received(tracker: Tracker, actor: Actor, *files: tuple[str, bytes]) -> Iterator[list[Received]]:
    """Files in the store, held as an upload under way holds them."""
    incomings = [tracker.blobs.receive() for _ in files]
    try:
        for incoming, (_, content) in zip(incomings, files, strict=True):
            incoming.write(content)
        sender = Sender(tracker, actor)
        yield [intake.take_in(sender, one, name) for one, (name, _) in zip(incomings, files, strict=True)]
    finally:
        for incoming in incomings:
            incoming.close()


def made(
    tracker: Tracker, actor: Actor, *files: tuple[str, bytes], to: tuple[ObjectiveId, ...] = (), **facts: Any
) -> int:
    """An artifact of these files (one small text when none is named) in `main`, linked to objectives."""
    home = actor.systems["main"]
    with received(tracker, actor, *(files or (("a.txt", b"hello"),))) as kept, tracker.write(actor) as work:
        targets = [Target(home, one, "p. 1", "the list") for one in to]
        return links.create_linked(work, home, kept, {"title": "Log review", **facts}, targets)


def versioned(tracker: Tracker, actor: Actor, artifact_id: int, *files: tuple[str, bytes], **given: Any) -> int:
    """A new version of an artifact."""
    with received(tracker, actor, *(files or (("b.txt", b"newer"),))) as kept, tracker.write(actor) as work:
        return add_version(work, artifact_id, kept, given=given)


def seen(tracker: Tracker, actor: Actor, artifact_id: int) -> artifact_views.Artifact:
    """The artifact as that person sees it."""
    with tracker.read(actor) as work:
        return artifact_views.one(work, artifact_id)


def linked_artifact(
    tracker: Tracker, actor: Actor, title: str, file: tuple[str, bytes] | None, *objectives: ObjectiveId
) -> int:
    """An approved artifact of one file, or of one that is held elsewhere, linked to these objectives of `main`."""
    targets = [Target(actor.systems["main"], one, "", "") for one in objectives]
    if file is None:
        held = Held("https://enclave.example/drawing.dwg", "ab" * 32, 5, "drawing.dwg")
        with tracker.write(actor) as work:
            return links.create_linked(work, actor.systems["main"], [held], {"title": title}, targets)
    with received(tracker, actor, file) as files, tracker.write(actor) as work:
        return links.create_linked(work, actor.systems["main"], files, {"title": title}, targets)
