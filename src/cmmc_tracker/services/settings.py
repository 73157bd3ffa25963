"""The installation's settings as administrators keep them."""

from typing import Any

from sqlalchemy import ScalarSelect, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Action, allow
from cmmc_tracker.domain.settings import Preferences, kept
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import settings

_NAME = "installation"


def current(work: Work) -> Preferences:
    """The settings that hold now."""
    return kept(_row(work).value)


def version(work: Work) -> int:
    """How often they were changed, for the form that changes them."""
    return int(_row(work).version)


def inline() -> ScalarSelect[Any]:
    """The settings as one column of another query, so that reading them costs no statement of its own."""
    return select(settings.c.value).where(settings.c.name == _NAME).scalar_subquery()


def change(work: Work, wanted: Preferences, seen: int | None) -> None:
    """Set them; raises `Stale` when somebody else did since version `seen`. Administrators only."""
    allow(work.actor, Action.SETTINGS_EDIT)
    row = _row(work)
    before = kept(row.value).as_dict()
    changed = {name: value for name, value in wanted.as_dict().items() if before[name] != value}
    if not changed and seen in {None, row.version}:
        return
    work.change_one(
        update(settings)
        .where(settings.c.name == _NAME, settings.c.version == (row.version if seen is None else seen))
        .values(value=wanted.as_dict(), version=settings.c.version + 1)
    )
    detail = {"before": {name: before[name] for name in changed}, "after": changed}
    work.record(Event.SETTINGS_CHANGED, "settings:installation", detail)


def _row(work: Work) -> Any:
    return work.db.execute(select(settings.c.value, settings.c.version).where(settings.c.name == _NAME)).one()
