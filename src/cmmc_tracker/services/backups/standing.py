"""How it stands with backups, as the audit log knows it: for the dashboard and for `doctor`."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.backups import Last
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import audit


def figures() -> tuple[ColumnElement[Any], ...]:
    """What is asked of the log, as the columns of another query; `of` reads them. The index answers each."""
    return tuple(
        select(column).where(audit.c.action == event).order_by(audit.c.id.desc()).limit(1).scalar_subquery()
        for event in (Event.BACKUP_MADE, Event.BACKUP_FAILED)
        for column in (audit.c.at, audit.c.detail)
    )


def of(found: Sequence[str | None]) -> Last:
    """What the columns say."""
    made_at, made, failed_at, failed = found
    return Last(
        _instant(made_at),
        int(json.loads(made).get("lacking", 0)) if made else 0,
        _instant(failed_at),
        str(json.loads(failed).get("why", "")) if failed else "",
    )


def last(work: Work) -> Last:
    """The same by itself."""
    return of(work.db.execute(select(*figures())).one())


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
