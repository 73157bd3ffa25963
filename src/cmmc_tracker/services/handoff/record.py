"""Everything that is recorded of one system, as plain JSON: what a package freezes and every document is made from.

Nothing is computed here but names: who did something stands by name, for a number means nothing outside. Instants are
UTC with `Z`, days are ISO, and each list has an order of its own, so that the same records give the same bytes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, Table, and_, or_, select

from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage import tables as t

SCHEMA = 1
# Of a system: table, and the columns that order its rows.
_OF_SYSTEM: Mapping[str, tuple[Table, tuple[str, ...]]] = {
    "implementations": (t.implementations, ("requirement",)),
    "findings": (t.findings, ("requirement", "letter")),
    "specials": (t.specials, ("requirement", "letter")),
    "objective_texts": (t.objective_texts, ("requirement", "letter")),
    "defined_values": (t.defined_values, ("requirement", "letter")),
    "items": (t.plan_items, ("id",)),
    "assets": (t.assets, ("id",)),
    "groups": (t.asset_groups, ("name",)),
    "entries": (t.scope_entries, ("id",)),
    "flows": (t.cui_flows, ("id",)),
    "providers": (t.providers, ("id",)),
    "sections": (t.plan_sections, ("section",)),
    "changes": (t.changes, ("id",)),
    "assignments": (t.assignments, ("duty", "requirement")),
    "statuses": (t.recorded_statuses, ("id",)),
}
_LEFT_OUT = {"system_id", "demo"}
_PEOPLE = {"user_id", "owner_id", "reviewer_id"}  # and every column that ends with _by


def of(work: Work, system: Access) -> dict[str, Any]:
    """The record of a system, in a fixed number of statements; the system itself is under `system`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    told = _Teller(work)
    of_system = select(t.systems).where(t.systems.c.id == system.system_id)
    found: dict[str, Any] = {"schema": SCHEMA, "system": told.all(of_system)[0]}
    for name, (table, order) in _OF_SYSTEM.items():
        query = select(table).where(table.c.system_id == system.system_id)
        found[name] = told.all(query.order_by(*(table.c[column] for column in order)))
    _hang(found["items"], "milestones", told.all(_below(t.milestones, t.plan_items, system)), "item_id")
    _hang(found["items"], "reviews", told.all(_below(t.plan_reviews, t.plan_items, system)), "item_id")
    _hang(found["providers"], "matrix", told.all(_below(t.matrix_lines, t.providers, system)), "provider_id")
    affirmed = told.all(_below(t.affirmations, t.recorded_statuses, system))
    _hang(found["statuses"], "affirmations", affirmed, "status_id")
    found["plan_versions"] = told.all(_plan_versions(system))
    found["artifacts"] = _artifacts(work, system, told)
    found["named"] = told.all(_named_by_providers(system))
    return found


def _below(table: Table, above: Table, system: Access) -> Select[Any]:
    """The rows of a table that hang on those of another, in their own order."""
    (key,) = (fk.parent for fk in table.foreign_keys if fk.column.table is above)
    joined = select(table).join(above, above.c.id == key).where(above.c.system_id == system.system_id)
    return joined.order_by(key, *(c for c in table.primary_key if c is not key))


def _plan_versions(system: Access) -> Select[Any]:
    """Of each version of the plan all but its content, which is long and stands as it was."""
    kept = [c for c in t.plan_versions.c if c.name != "content"]
    return select(*kept).where(t.plan_versions.c.system_id == system.system_id).order_by(t.plan_versions.c.number)


def _named_by_providers(system: Access) -> Select[Any]:
    """Number and title of the artifacts that providers name, linked or not: documents call them by their title."""
    mine = t.providers.c.system_id == system.system_id
    of_provider = (select(t.providers.c[name]).where(mine) for name in ("basis_artifact_id", "matrix_artifact_id"))
    of_lines = select(t.matrix_lines.c.artifact_id).join(t.providers).where(mine)
    named = or_(*(t.artifacts.c.id.in_(query) for query in (*of_provider, of_lines)))
    return select(t.artifacts.c.id, t.artifacts.c.title).where(named, IN_USE).order_by(t.artifacts.c.id)


def _hang(rows: Sequence[dict[str, Any]], name: str, below: Iterable[dict[str, Any]], key: str) -> None:
    """Put the rows of a table below those that they belong to."""
    grouped = defaultdict(list)
    for one in below:
        grouped[one.pop(key)].append(one)
    for row in rows:
        row[name] = grouped[row["id"]]


def _artifacts(work: Work, system: Access, told: "_Teller") -> list[dict[str, Any]]:
    """The artifacts that are linked in the system, each with its current version, its files and its links there."""
    linked = select(t.links.c.artifact_id).where(t.links.c.system_id == system.system_id)
    mine = and_(t.artifacts.c.id.in_(linked), IN_USE)
    columns = (
        *(t.artifacts.c[name] for name in ("id", "title", "kind", "description", "status", "current_version")),
        *(t.artifacts.c[name] for name in ("covers_from", "covers_until", "collected_on", "cadence", "due_on")),
        *(t.artifacts.c[name] for name in ("owner_id", "reviewer_id", "approved_by", "approved_at", "system_id")),
    )
    found = told.all(select(*columns).where(mine).order_by(t.artifacts.c.id))
    is_current = and_(t.artifacts.c.id == t.artifact_versions.c.artifact_id, mine)
    is_current = and_(is_current, t.artifacts.c.current_version == t.artifact_versions.c.number)
    versions = select(t.artifact_versions).join(t.artifacts, is_current)
    _merge(found, "version", told.all(versions))
    files = (
        select(t.artifact_files, t.blobs.c.size, t.blob_texts.c.markings)
        .join(t.blobs, t.blobs.c.sha256 == t.artifact_files.c.sha256)
        .join(t.blob_texts, t.blob_texts.c.sha256 == t.artifact_files.c.sha256, isouter=True)
        .join(t.artifacts, _at_current(t.artifact_files, mine))
        .order_by(t.artifact_files.c.artifact_id, t.artifact_files.c.position)
    )
    _hang(found, "files", [_by_kind(one) for one in told.all(files)], "artifact_id")
    held = select(t.held_files).join(t.artifacts, _at_current(t.held_files, mine))
    _hang(found, "held", told.all(held.order_by(t.held_files.c.position)), "artifact_id")
    links = select(t.links).where(t.links.c.system_id == system.system_id)
    order = (t.links.c.requirement, t.links.c.letter)
    _hang(found, "links", told.all(links.order_by(t.links.c.artifact_id, *order)), "artifact_id")
    return found


def _by_kind(file: dict[str, Any]) -> dict[str, Any]:
    """A file with the kinds of its markings of CUI, without the lines that carry them: they may be controlled."""
    return {**file, "markings": sorted({one["kind"] for one in file["markings"] or ()})}


def _at_current(table: Table, mine: Any) -> Any:
    at = and_(t.artifacts.c.id == table.c.artifact_id, t.artifacts.c.current_version == table.c.number)
    return and_(at, mine)


def _merge(rows: Sequence[dict[str, Any]], name: str, below: Iterable[dict[str, Any]]) -> None:
    each = {one.pop("artifact_id"): one for one in below}
    for row in rows:
        row[name] = each[row["id"]]


class _Teller:
    """Tells rows as JSON, with people by name."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._names = {row.id: row.name for row in work.rows(select(t.users.c.id, t.users.c.name))}

    def all(self, query: Select[Any]) -> list[dict[str, Any]]:
        """All rows of a query."""
        return [self._one(row) for row in self._work.db.execute(query).mappings()]

    def _one(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        told = {}
        for name, value in row.items():
            if name.endswith("_by") or name in _PEOPLE:
                told[name.removesuffix("_id")] = self._names.get(value, COMMAND_LINE) if value is not None else ""
            elif name not in _LEFT_OUT:
                told[name] = _told(value)
        return told


def _told(value: Any) -> Any:
    converter: Callable[[Any], Any] | None = next((do for kind, do in _KINDS if isinstance(value, kind)), None)
    return converter(value) if converter else value


_KINDS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (datetime, lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
    (date, lambda day: day.isoformat()),
)
