"""What is in the scope of a system, read: the parts of a snapshot, and the inventory in numbers. No drafts."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, or_, select

from cmmc_tracker.domain.artifacts import ArtifactStatus
from cmmc_tracker.domain.catalog import ObjectiveId
from cmmc_tracker.domain.inventory import Documented, EntryKind, Tallies, lacks
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import Asset, AssetCategory, Basis, Duty, Held, MatrixLine, Provider
from cmmc_tracker.domain.snapshot import Person
from cmmc_tracker.services.artifacts import IN_USE
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import artifacts, asset_groups, assets, matrix_lines, providers, scope_entries

_IN_FORCE = and_(IN_USE, artifacts.c.status != ArtifactStatus.SUPERSEDED)
_PROOF = select(artifacts.c.id).where(artifacts.c.id == providers.c.basis_artifact_id, _IN_FORCE).correlate(providers)
# Of a row of providers: whether a link, or an artifact that is neither retired nor away, shows its basis.
IS_PROVED = or_(providers.c.basis_link != "", _PROOF.exists())

# Thousands of assets are read at once; none of an empty text, which is a row's without a category.
_CATEGORIES: Mapping[str, AssetCategory | None] = {"": None, **{one.value: one for one in AssetCategory}}


class Parts(NamedTuple):
    """What a snapshot has of the scope, in the order of numbers."""

    assets: tuple[Asset, ...]
    providers: tuple[Provider, ...]
    matrix: tuple[MatrixLine, ...]
    people: tuple[Person, ...]


def snapshot_parts(work: Work, system: Access) -> Parts:
    """The assets, providers, matrix lines and people of a system, in four statements. What is a draft is not in it."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    lines = matrix_lines_of(work, system)
    lined = {line.provider_id for line in lines}
    return Parts(_assets(work, system), _providers(work, system, lined), lines, _people(work, system))


def tallies(work: Work, system: Access) -> Tallies:
    """The inventory in numbers, in one statement."""
    allow(work.actor, Action.SYSTEM_VIEW, system)
    counted = Tallies()
    for one in _assets(work, system):
        counted.count(one.category, lacking=bool(lacks_of(one)))
    return counted


def lacks_of(asset: Asset) -> list[str]:
    """What an asset of a snapshot still needs."""
    return lacks(asset.category, Documented(asset.in_plan, asset.on_diagram))


def category_of(text: str) -> AssetCategory | None:
    """A category as a row keeps it."""
    return _CATEGORIES[text]


@cache  # putting it together takes longer than running it
def _listed() -> Select[Any]:
    same = and_(asset_groups.c.system_id == assets.c.system_id, asset_groups.c.name == assets.c.group_name)
    query = select(
        *(assets.c.id, assets.c.name, assets.c.category, assets.c.on_diagram),
        (assets.c.treatment != "").label("treated"),
        (asset_groups.c.treatment != "").label("group_treated"),
        asset_groups.c.on_diagram.label("group_on_diagram"),
    ).join(asset_groups, same, isouter=True)
    return query.where(assets.c.system_id == bindparam("system"), assets.c.draft.is_(False)).order_by(assets.c.id)


def _assets(work: Work, system: Access) -> tuple[Asset, ...]:
    rows: list[Any] = work.rows(_listed(), system=system.system_id)
    return tuple(
        Asset(number, name, _CATEGORIES[category], bool(treated or group_treated), bool(drawn or group_drawn))
        for number, name, category, drawn, treated, group_treated, group_drawn in rows
    )


def _providers(work: Work, system: Access, lined: Collection[int]) -> tuple[Provider, ...]:
    query = select(providers, IS_PROVED.label("proved"))
    mine = query.where(providers.c.system_id == system.system_id, providers.c.draft.is_(False))
    return tuple(
        Provider(
            *(row.id, row.name, row.is_cloud, Held(row.holds), Basis(row.basis), row.matrix_on),
            *(row.id in lined, bool(row.proved)),
        )
        for row in work.rows(mine.order_by(providers.c.id))
    )


def matrix_lines_of(work: Work, system: Access) -> tuple[MatrixLine, ...]:
    """The lines of all providers of a system, in one statement."""
    query = select(matrix_lines).join(providers, providers.c.id == matrix_lines.c.provider_id)
    mine = query.where(providers.c.system_id == system.system_id, providers.c.draft.is_(False))
    ordered = mine.order_by(matrix_lines.c.provider_id, matrix_lines.c.requirement, matrix_lines.c.letter)
    return tuple(
        MatrixLine(row.provider_id, ObjectiveId(row.requirement, row.letter), Duty(row.duty), row.text)
        for row in work.rows(ordered)
    )


def _people(work: Work, system: Access) -> tuple[Person, ...]:
    query = select(scope_entries.c.name, scope_entries.c.trained_on).order_by(scope_entries.c.id)
    of_it = and_(scope_entries.c.system_id == system.system_id, scope_entries.c.kind == EntryKind.PERSON)
    return tuple(Person(row.name, row.trained_on) for row in work.rows(query.where(of_it)))
