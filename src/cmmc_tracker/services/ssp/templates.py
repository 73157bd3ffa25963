"""The organization's own Word template of the security plan: looked at, kept in the database, replaced, removed.

It is small and stands in every snapshot, so that a frozen package fills its plan with the template of that day; the
store of evidence has nothing of it.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from cmmc_tracker.domain import markings, plan_template
from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.uploads import extension_of
from cmmc_tracker.errors import Invalid, NotFound, Stale
from cmmc_tracker.reports import word_template
from cmmc_tracker.services import cui, members
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import plan_templates

_CHANGED = (
    "Somebody else changed the template while you were at it. Nothing of yours was saved; look at it, then again."
)
_MARKED = (
    "It carries a marking of controlled information, and CUI may not be stored in this system. Nothing was kept of it."
)


@dataclass(frozen=True, slots=True)
class Template:
    """A template that is kept."""

    filename: str
    content: bytes
    sha256: str
    changed_at: datetime
    changed_by: str
    version: int


def looked_at(filename: str, content: bytes) -> str:
    """The words of a template; raises `Invalid` naming `file` for what cannot be one, with what is wrong."""
    if extension_of(filename) != ".docx":
        raise Invalid({"file": "Choose a Word document as .docx: no .docm, .dotx or .doc. Nothing was kept."})
    found = [told for _, told in word_template.paragraphs(word_template.opened(content))]
    plan_template.check(found)
    return "\n".join(one.text for one in found)


def of(work: Work, system: Access) -> Template | None:
    """The template of a system, or None: then the plan is written in our own form."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = _row(work, system)
    if row is None:
        return None
    by = members.names(work, {row.changed_by}).get(row.changed_by, "")
    return Template(row.filename, base64.b64decode(row.content), row.sha256, row.changed_at, by, row.version)


def frozen(work: Work, system: Access) -> dict[str, str] | None:
    """The template as a snapshot has it."""
    row = _row(work, system)
    return {"filename": row.filename, "sha256": row.sha256, "content": row.content} if row else None


def put(work: Work, system: Access, filename: str, content: bytes, seen: int | None) -> None:
    """Keep a template in the place of the one before, if there was one.

    `seen` is the version that the person saw, 0 for none. Raises `Invalid` naming `file` for what cannot be a template
    and for a marking of CUI where none may be stored, `Stale` when somebody else changed it since.
    """
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    words = looked_at(filename, content)
    if cui.holds_back(work, system.system_id) and markings.scan(words, filename):
        raise Invalid({"file": _MARKED})
    work.alone(f"template:{system.system_id}")
    before = _row(work, system)
    _check_seen(before, seen)
    values = {
        "filename": filename[-255:],
        "content": base64.b64encode(content).decode("ascii"),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "changed_at": work.now,
        "changed_by": actor_id(work),
    }
    if before is None:
        work.change(insert(plan_templates).values(system_id=system.system_id, **values))
    else:
        where = (plan_templates.c.system_id == system.system_id, plan_templates.c.version == before.version)
        work.change_one(update(plan_templates).where(*where).values(version=plan_templates.c.version + 1, **values))
    told = {"file": values["filename"], "sha256": values["sha256"], "before": before.sha256 if before else ""}
    work.record(Event.PLAN_TEMPLATE_CHANGED, f"plan:{system.slug}/template", told)


def remove(work: Work, system: Access, seen: int | None) -> None:
    """Take the template away; raises `NotFound` where there is none, `Stale` when it was replaced since."""
    allow(work.actor, Action.IMPLEMENTATION_EDIT, system)
    work.alone(f"template:{system.system_id}")
    before = _row(work, system)
    if before is None:
        raise NotFound("There is no template here.")
    _check_seen(before, seen)
    work.change(delete(plan_templates).where(plan_templates.c.system_id == system.system_id))
    told = {"file": "", "sha256": "", "before": before.sha256}
    work.record(Event.PLAN_TEMPLATE_CHANGED, f"plan:{system.slug}/template", told)


def _check_seen(before: Any, seen: int | None) -> None:
    if seen is not None and seen != (before.version if before else 0):
        raise Stale(_CHANGED)


def _row(work: Work, system: Access) -> Any:
    return work.row(select(plan_templates).where(plan_templates.c.system_id == system.system_id))
