"""First rows of the scope: the machine that the tracker runs on, and who hosts it, drafted from an answer.

A draft counts for nothing until an administrator confirms it. Answering again drafts anew; what was confirmed stays.
Running the machine gives no right in a system: an administrator sees and changes these rows only in systems that they
are a member of, and may change the scope of.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Table, and_, delete, insert, or_, select, true, update

from cmmc_tracker.domain.audit import Event
from cmmc_tracker.domain.cui import may_be_stored
from cmmc_tracker.domain.permissions import Access, Action, allow
from cmmc_tracker.domain.scope import (
    OURS,
    Answers,
    AssetCategory,
    AssetFacts,
    Held,
    ProviderFacts,
    category_for,
    drafted,
    follows_from_provider,
)
from cmmc_tracker.errors import NotFound, Stale
from cmmc_tracker.services import settings
from cmmc_tracker.services.artifacts import actor_id
from cmmc_tracker.services.scope.providers import record_lines
from cmmc_tracker.services.work import Work
from cmmc_tracker.storage.tables import assets, providers, systems

# What follows from answers; all else of a system is its members' alone.
_FOLLOW = {assets: and_(or_(assets.c.draft, assets.c.name == OURS), assets.c.category != ""), providers: true()}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the scope; `facts` are what is said in it, `follows` what it means, `changed` what speaks against it."""

    id: int
    system: str
    facts: AssetFacts | ProviderFacts
    draft: bool
    version: int
    follows: str
    changed: str = ""

    @property
    def kind(self) -> str:
        """`asset` or `provider`."""
        return "asset" if isinstance(self.facts, AssetFacts) else "provider"


def rows(work: Work) -> list[Row]:
    """The rows that follow from answers, for administrators: the tracker's machine, providers, drafts of both.

    Those of the actor's own systems only. The rest of an inventory is no matter of running the machine: members of the
    system see it, under its scope.
    """
    allow(work.actor, Action.SETTINGS_EDIT)
    mine = work.actor.system_ids() if work.actor else []
    rules = settings.current(work)
    named = (systems.c.name.label("system"), systems.c.cui_never)
    of_assets = select(assets, *named).join(systems, systems.c.id == assets.c.system_id).where(_FOLLOW[assets])
    of_assets = of_assets.where(assets.c.system_id.in_(mine)).order_by(assets.c.id)
    of_providers = select(providers, *named).join(systems, systems.c.id == providers.c.system_id)
    of_providers = of_providers.where(providers.c.system_id.in_(mine)).order_by(providers.c.id)
    return [
        *(_asset(row, holds_cui=may_be_stored(rules, never=row.cui_never)) for row in work.rows(of_assets)),
        *(_provider(row, holds_cui=may_be_stored(rules, never=row.cui_never)) for row in work.rows(of_providers)),
    ]


def _asset(row: Any, *, holds_cui: bool) -> Row:
    facts = AssetFacts(row.name, AssetCategory(row.category), row.note)
    fits = category_for(holds_cui=holds_cui)
    changed = ""
    if row.name == OURS and facts.category is not fits:
        whether = "CUI may be stored here" if holds_cui else "CUI may not be stored here"
        changed = f"{whether}, which makes it a {fits.label}."
    return Row(row.id, row.system, facts, row.draft, row.version, facts.category.follows, changed)


def _provider(row: Any, *, holds_cui: bool) -> Row:
    facts = ProviderFacts(row.name, row.is_cloud, row.note)
    said = Held(row.holds)  # none, too, of one that was only drafted: then what the machine may hold decides
    holds_cui = holds_cui if said is Held.NONE else said is Held.CUI
    follows = follows_from_provider(is_cloud=row.is_cloud, holds_cui=holds_cui)
    return Row(row.id, row.system, facts, row.draft, row.version, follows)


def draft(work: Work, system_id: int, answers: Answers) -> int:
    """Draft the rows that follow from where the tracker runs, in the place of older drafts; returns how many."""
    allow(work.actor, Action.SETTINGS_EDIT)
    if answers.place is None:
        return 0
    row = work.db.execute(select(systems.c.slug, systems.c.cui_never).where(systems.c.id == system_id)).one()
    holds_cui = may_be_stored(settings.current(work), never=row.cui_never)
    made = drafted(answers.place, answers.host, holds_cui=holds_cui)
    for table in (assets, providers):
        work.change(delete(table).where(table.c.system_id == system_id, table.c.draft))
    for table, facts in zip((assets, providers), made, strict=True):
        if facts is not None:
            common = {"system_id": system_id, "draft": True, "created_at": work.now, "created_by": actor_id(work)}
            key = work.change(insert(table).values(**asdict(facts), **common)).inserted_primary_key
            assert key is not None  # noqa: S101 a narrowing for the type checker
            work.record(Event.SCOPE_DRAFTED, f"{_kind(table)}:{key[0]}", {"system": row.slug, **asdict(facts)})
    return sum(one is not None for one in made)


def _kind(table: Table) -> str:
    return "asset" if table is assets else "provider"


def keep(work: Work, row_id: int, facts: AssetFacts | ProviderFacts, seen: int | None, *, confirm: bool) -> None:
    """Change what a row says; with `confirm` it is a draft no more. Raises `Stale` when somebody else did since."""
    table, row, home = _found(work, row_id, facts)
    before = {name: getattr(row, name) for name in asdict(facts)}
    wanted = {name: value for name, value in asdict(facts).items() if value != before[name]}
    if confirm and row.draft:
        wanted["draft"] = False
    expected = row.version if seen is None else seen
    if not wanted and expected == row.version:
        return
    named = update(table).where(table.c.id == row_id, table.c.version == expected)
    work.change_one(named.values(version=table.c.version + 1, **wanted))
    event = Event.SCOPE_CONFIRMED if "draft" in wanted else Event.SCOPE_EDITED
    told = {name: before[name] for name in wanted if name in before}
    detail = {"system": home.slug, "before": told, "after": wanted}
    work.record(event, f"{_kind(table)}:{row_id}", detail)


def remove(work: Work, row_id: int, kind: type[AssetFacts | ProviderFacts], seen: int | None) -> None:
    """Take a row away; the log keeps what it said. Raises `Stale` when somebody else changed it since."""
    table, row, home = _found(work, row_id, kind)
    expected = row.version if seen is None else seen
    if table is providers:
        record_lines(work, home.slug, row)
    if work.change(delete(table).where(table.c.id == row_id, table.c.version == expected)).rowcount == 0:
        raise Stale("Somebody else changed this row meanwhile. It was not taken away; look at what it says now.")
    said = {"system": home.slug, "name": row.name, "note": row.note, "draft": row.draft}
    work.record(Event.SCOPE_REMOVED, f"{_kind(table)}:{row_id}", said)


def _found(work: Work, row_id: int, like: Any) -> tuple[Table, Any, Access]:
    allow(work.actor, Action.SETTINGS_EDIT)
    is_asset = isinstance(like, AssetFacts) or like is AssetFacts
    table = assets if is_asset else providers
    row = work.row(select(table).where(table.c.id == row_id, _FOLLOW[table]))
    home = work.actor.by_id(row.system_id) if row and work.actor else None
    if row is None or home is None:
        raise NotFound("There is no such row; somebody may have taken it away.")
    allow(work.actor, Action.SCOPE_EDIT, home)
    return table, row, home
