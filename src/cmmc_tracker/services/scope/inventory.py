"""The asset inventory of a system: listed, read, added to, changed, taken from; and its groups treated alike."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.inventory import AssetEntry, Documented, GroupEntry, advice, lacks, uncoded
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.errors import Conflict, Invalid, NotFound, Stale
from cmmc_tracker.services.scope import rows
from cmmc_tracker.services.scope.reading import category_of
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import asset_groups, assets

PAGE = 100
UNSAID = "none"  # the filter for assets without a category


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """Which assets to list; an empty field does not narrow. `after` is how many were listed before."""

    text: str = ""
    category: str = ""
    group: str = ""
    lacking: bool = False
    after: int = 0


@dataclass(frozen=True, slots=True)
class KeptAsset:
    """An asset as it stands, with what its group adds to it."""

    id: int
    entry: AssetEntry
    draft: bool
    version: int
    where: Documented

    @property
    def lacks(self) -> list[str]:
        """What it still needs."""
        return lacks(self.entry.category, self.where)

    @property
    def advice(self) -> str:
        """What an assessor may ask of it."""
        return advice(self.entry)


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """A group as it stands, and how many assets are in it."""

    entry: GroupEntry
    version: int
    assets: int


def every(work: Work, system: Access) -> list[KeptAsset]:
    """All assets of a system by name, drafts too, in one statement: for lists, exports and plans of an import."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    found = [_kept(row) for row in work.rows(_with_group(system))]
    return sorted(found, key=lambda one: (one.entry.name.casefold(), one.id))


def page(work: Work, system: Access, wanted: AssetFilter) -> tuple[list[KeptAsset], int, int | None]:
    """The assets that fit, how many they are altogether, and where the next page begins or None.

    Raises `Invalid` for a category that is none.
    """
    if wanted.category not in {"", UNSAID, *AssetCategory}:
        raise Invalid({"category": "Choose one of the categories."})
    fits = _fits(system, wanted)
    counting = select(func.count()).select_from(_joined()).where(fits)
    query = _with_group(system).where(fits).order_by(func.lower(assets.c.name), assets.c.id)
    found = [_kept(row) for row in work.rows(query.offset(wanted.after).limit(PAGE))]
    count, ends = work.db.execute(counting).scalar_one(), wanted.after + PAGE
    return found, count, ends if ends < count else None


def _fits(system: Access, wanted: AssetFilter) -> ColumnElement[bool]:
    """The filter as a condition: of two thousand assets only a page is read."""
    conditions = [assets.c.system_id == system.system_id]
    if wanted.category:
        conditions.append(assets.c.category == ("" if wanted.category == UNSAID else wanted.category))
    if wanted.group:
        conditions.append(assets.c.group_name == wanted.group)
    if wanted.lacking:
        conditions.append(_LACKING)
    if wanted.text:
        said = (
            *(assets.c.name, assets.c.owner, assets.c.location, assets.c.network, assets.c.group_name, assets.c.note),
            *(assets.c.kind, assets.c.model, assets.c.serial),
        )
        conditions.append(or_(*(column.icontains(wanted.text, autoescape=True) for column in said)))
    return and_(*conditions)


# The same as `domain.inventory.lacks` of what is no draft; a test holds the two together.
_LACKING = and_(
    assets.c.draft.is_(False),
    or_(
        assets.c.category == "",
        and_(
            assets.c.category != AssetCategory.OUT_OF_SCOPE,
            or_(
                and_(assets.c.treatment == "", func.coalesce(asset_groups.c.treatment, "") == ""),
                and_(assets.c.on_diagram.is_(False), func.coalesce(asset_groups.c.on_diagram, False).is_(False)),
            ),
        ),
    ),
)


def one(work: Work, system: Access, asset_id: int) -> KeptAsset:
    """An asset of the system; raises `NotFound`."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    row = work.row(_with_group(system).where(assets.c.id == asset_id))
    if row is None:
        raise NotFound("There is no such asset; somebody may have taken it away.")
    return _kept(row)


def _joined() -> Any:
    same = and_(asset_groups.c.system_id == assets.c.system_id, asset_groups.c.name == assets.c.group_name)
    return assets.join(asset_groups, same, isouter=True)


def _with_group(system: Access) -> Any:
    query = select(
        assets, asset_groups.c.treatment.label("group_treatment"), asset_groups.c.on_diagram.label("group_on_diagram")
    )
    return query.select_from(_joined()).where(assets.c.system_id == system.system_id)


def _kept(row: Any) -> KeptAsset:
    entry = AssetEntry(
        row.name,
        category_of(row.category),
        *(row.owner, row.location, row.network),
        uncoded(row.cui_use),
        *(row.group_name, row.treatment, row.on_diagram, row.justification, row.note),
        *(row.kind, row.model, row.serial),
    )
    alike = GroupEntry(row.group_name, row.group_treatment or "", bool(row.group_on_diagram))
    return KeptAsset(row.id, entry, row.draft, row.version, Documented.of(entry, alike))


def add(work: Work, system: Access, entry: AssetEntry) -> int:
    """Add an asset; returns its number. Raises `Invalid` where one of that name is there."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"scope:{system.system_id}")
    _refuse_same_name(work, system, entry.name, None)
    rows.check_room(work, assets, system, "name")
    return rows.add(work, assets, system, entry.columns())


def edit(work: Work, system: Access, asset_id: int, entry: AssetEntry, seen: int | None) -> None:
    """Change an asset, or confirm one that was drafted; raises `Stale`, `Invalid` as `add`."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"scope:{system.system_id}")
    _refuse_same_name(work, system, entry.name, asset_id)
    rows.change(work, assets, system, (asset_id, seen), entry.columns())


def remove(work: Work, system: Access, asset_id: int, seen: int | None) -> None:
    """Take an asset away; the log keeps what was said of it."""
    rows.remove(work, assets, system, asset_id, seen)


def _refuse_same_name(work: Work, system: Access, name: str, asset_id: int | None) -> None:
    """An import knows an asset by its name, whatever its capitals, so no two of a system have the same."""
    query = select(assets.c.id, assets.c.name).where(assets.c.system_id == system.system_id)
    same = {row.id for row in work.rows(query) if row.name.casefold() == name.casefold()}
    if same - {asset_id}:
        raise Invalid({"name": "An asset of that name is in the inventory already. Give this one another name."})


def groups(work: Work, system: Access) -> list[KeptGroup]:
    """The groups of a system by name: those that something is said of, and those that assets merely name."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    counting = select(assets.c.group_name, func.count().label("assets")).group_by(assets.c.group_name)
    named = counting.where(assets.c.system_id == system.system_id, assets.c.group_name != "")
    counts = {row.group_name: row.assets for row in work.rows(named)}
    said = {
        row.name: row for row in work.rows(select(asset_groups).where(asset_groups.c.system_id == system.system_id))
    }
    found = []
    for name in sorted({*counts, *said}, key=str.casefold):
        row = said.get(name)
        entry = GroupEntry(name, row.treatment, row.on_diagram) if row else GroupEntry(name)
        found.append(KeptGroup(entry, row.version if row else 0, counts.get(name, 0)))
    return found


def put_group(work: Work, system: Access, entry: GroupEntry, seen: int | None) -> None:
    """Say how a group is treated; `seen` 0 or None: nobody has said it yet. Raises `Stale` where somebody else did."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    work.alone(f"scope:{system.system_id}")
    mine = and_(asset_groups.c.system_id == system.system_id, asset_groups.c.name == entry.name)
    row = work.row(select(asset_groups).where(mine))
    said = entry.columns()
    about = {"system": system.slug}
    if row is None:
        if seen:
            raise Stale("Somebody else took this group away meanwhile. Nothing of yours was saved.")
        rows.check_room(work, asset_groups, system, "name")
        work.change(insert(asset_groups).values(system_id=system.system_id, **said))
        work.record(Event.SCOPE_ADDED, _entity(system, entry.name), {**about, "after": said})
        return
    before = {name: getattr(row, name) for name, value in said.items() if getattr(row, name) != value}
    if not before and (seen or 0) == row.version:
        return
    changed = update(asset_groups).where(mine, asset_groups.c.version == (seen or 0))
    work.change_one(changed.values(version=asset_groups.c.version + 1, **said))
    after = {name: said[name] for name in before}
    work.record(Event.SCOPE_EDITED, _entity(system, entry.name), {**about, "before": before, "after": after})


def remove_group(work: Work, system: Access, name: str, seen: int | None) -> None:
    """Take away what is said of a group; raises `Conflict` while assets are in it."""
    allow(work.actor, Action.SCOPE_EDIT, system)
    mine = and_(asset_groups.c.system_id == system.system_id, asset_groups.c.name == name)
    row = work.row(select(asset_groups).where(mine))
    if row is None:
        raise NotFound("There is no such group; somebody may have taken it away.")
    used = work.row(select(assets.c.id).where(assets.c.system_id == system.system_id, assets.c.group_name == name))
    if used is not None:
        raise Conflict("Assets are in this group, so it stays. Put them into another group first.")
    if work.change(delete(asset_groups).where(mine, asset_groups.c.version == (seen or 0))).rowcount == 0:
        raise Stale("Somebody else changed this group meanwhile. It was not taken away; look at what it says now.")
    said = {"treatment": row.treatment, "on_diagram": row.on_diagram}
    work.record(Event.SCOPE_REMOVED, _entity(system, name), {"system": system.slug, "before": said})


def _entity(system: Access, name: str) -> str:
    return f"asset_group:{system.slug}/{name}"
