"""An asset inventory as a spreadsheet: its columns as people name them, and what each row would do. Pure.

An asset is known by its name. An empty cell changes nothing; nothing is taken away because a sheet does not have it.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.inventory import AssetEntry, CuiUse
from cmmc_tracker.domain.scope import AssetCategory
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers import columns
from cmmc_tracker.importers.columns import Columns
from cmmc_tracker.importers.register_table import compact, plain

_SYNONYMS = {
    "name": "name asset assetname hostname host device devicename system component assettag computername machine",
    "category": "category cmmccategory assetcategory cmmcassetcategory scopecategory scopingcategory cmmcassettype "
    "scope scoping assetscope classification",
    "kind": "kind assetkind devicekind devicetype equipmenttype hardwaretype formfactor",
    "maker": "make maker manufacturer vendor brand",
    "model": "model modelnumber modelname makeandmodel makemodel manufacturerandmodel hardwaremodel product",
    "serial": "serial serialnumber serialno sn serialorversion serialnumberorversion servicetag",
    "release": "version softwareversion firmware firmwareversion osversion release",
    "owner": "owner assetowner responsible responsibleperson custodian assignedto user department",
    "location": "location site place building room facility office locationorsite",
    "network": "network segment vlan subnet ip ipaddress address networksegment networkaddressorsegment",
    "cui_use": "cui cuiuse cuihandling cuifunction handlescui whatitdoeswithcui",
    "process": "processescui process processes cuiprocess processcui cuiprocessed",
    "store": "storescui store stores cuistore storecui cuistored",
    "transmit": "transmitscui transmit transmits cuitransmit transmitcui cuitransmitted",
    "group": "group assetgroup class assetclass",
    "treatment": "ssptreatment treatment sspreference ssp sspdescription treatmentinssp risktreatment insecurityplan",
    "on_diagram": "ondiagram diagram networkdiagram onnetworkdiagram indiagram",
    "justification": "justification outofscopejustification separated separatedhow reason rationale outofscopereason",
    "note": "note notes comment comments remark remarks description details",
}
_HEADINGS = {word: name for name, words in _SYNONYMS.items() for word in words.split()}
_CATEGORIES = {
    AssetCategory.CUI: "cui cuiasset cuiassets controlledunclassifiedinformation",
    AssetCategory.SECURITY_PROTECTION: "spa spas sp securityprotection securityprotectionasset "
    "securityprotectionassets security securityasset protection",
    AssetCategory.CONTRACTOR_RISK_MANAGED: "crma crmas contractorriskmanaged contractorriskmanagedasset "
    "contractorriskmanagedassets riskmanaged riskmanagedasset",
    AssetCategory.SPECIALIZED: "sa specialized specialised specializedasset specializedassets specialisedasset "
    "specialisedassets iot iiot ot gfe testequipment operationaltechnology",
    AssetCategory.OUT_OF_SCOPE: "oos outofscope outofscopeasset outofscopeassets out notinscope outscope none",
}
FIELDS = {
    "name": "Name",
    "category": "CMMC category",
    "kind": "Kind",
    "maker": "Maker",
    "model": "Make and model",
    "serial": "Serial number",
    "release": "Version",
    "owner": "Owner",
    "location": "Location",
    "network": "Network",
    "cui_use": "CUI: process, store, transmit in one",
    "process": "Processes CUI",
    "store": "Stores CUI",
    "transmit": "Transmits CUI",
    "group": "Group",
    "treatment": "SSP treatment",
    "on_diagram": "On the diagram",
    "justification": "Justification",
    "note": "Note",
}
NEEDED = {"name": FIELDS["name"]}
_EITHER = frozenset(["type", "assettype"])  # of people's sheets a category or a kind: what stands below tells
_WORDS = {word: category for category, words in _CATEGORIES.items() for word in words.split()}
_YES = frozenset(["yes", "y", "true", "x", "1", "on", "✓", "✔", "☑"])
_NO = frozenset(["no", "n", "false", "0", "off", "none", "-", "–", "—"])
_BETWEEN = re.compile(r"[,;/&+|\n]|\band\b", re.IGNORECASE)
_SHOWN = 60
_TEXTS = ("owner", "location", "network", "group", "treatment", "justification", "note", "kind")


class Act(StrEnum):
    """What a row would do."""

    ADD = "add"
    CHANGE = "change"
    NOTHING = "nothing"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Present:
    """An asset that is there."""

    id: int
    version: int
    entry: AssetEntry


@dataclass(slots=True)
class RowPlan:
    """What one row would do, or why it does nothing; `changes` are (field, before, after) as people read them."""

    number: int
    name: str
    act: Act = Act.NOTHING
    asset_id: int | None = None
    version: int = 0
    entry: AssetEntry | None = None
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AssetPlan:
    """What a sheet would do: its rows, and the columns that are not used."""

    rows: tuple[RowPlan, ...]
    left_out: tuple[str, ...]

    def count(self, act: Act) -> int:
        """How many rows do that."""
        return sum(row.act == act for row in self.rows)

    @property
    def doing(self) -> list[RowPlan]:
        """The rows that would add or change an asset."""
        return [row for row in self.rows if row.act in {Act.ADD, Act.CHANGE}]


def guess(rows: Sequence[list[str]]) -> Columns:
    """Which row is the header and which column is what, by the words of the header and by what stands below it."""
    found = columns.guess(rows, _heading, lambda fields: "name" in fields and len(fields) > 1)
    row = rows[found.header] if found.header >= 0 else []
    named = {_HEADINGS.get(compact(cell), "") for cell in row}
    places: dict[str, int] = {}
    for place, cell in enumerate(row):
        name = _HEADINGS.get(compact(cell))
        if compact(cell) in _EITHER:
            name = _either(named, [below[place] for below in rows[found.header + 1 :] if place < len(below)])
        if name:
            places.setdefault(name, place)
    return Columns(found.header, places)


def _heading(cell: str) -> str | None:
    """The field of a heading. What is called “type” is a kind, until one looks at what stands below."""
    word = compact(cell)
    return "kind" if word in _EITHER else _HEADINGS.get(word)


def plan(rows: Sequence[list[str]], present: Sequence[Present], chosen: Columns) -> AssetPlan:
    """What the sheet would do, its columns being those that were chosen; raises `Invalid` for one that is missing."""
    columns.check(chosen, NEEDED)
    known = {one.entry.name.casefold(): one for one in present}
    first: dict[str, int] = {}
    found = []
    for number, cells in enumerate(rows[chosen.header + 1 :], chosen.header + 2):
        places = chosen.columns.items()
        given = {name: plain(cells[place]) for name, place in places if place < len(cells) and cells[place]}
        if not given:
            continue
        row = _planned(number, given, known)
        key = row.name.casefold()
        if row.name and key in first:
            row = RowPlan(number, row.name, Act.REFUSE, problems=[f"Row {first[key]:,} names the same asset."])
        first.setdefault(key, number)
        found.append(row)
    return AssetPlan(tuple(found), columns.left_out(rows, chosen))


def _either(named: Collection[str], below: Iterable[str]) -> str:
    """What a column that is called “type” holds: CMMC categories, where none else does, or kinds of things."""
    return "category" if "category" not in named and any(map(_known_category, below)) else "kind"


def _planned(number: int, given: Mapping[str, str], known: Mapping[str, Present]) -> RowPlan:
    name = given.get("name", "")
    row = RowPlan(number, name[:_SHOWN])
    if not name:
        row.act = Act.REFUSE
        row.problems.append("It has no name; if its cell is merged with the one above, split the cells and fill it in.")
        return row
    there = known.get(" ".join(name.split()).casefold())
    entry = there.entry if there else AssetEntry(name)
    typed = {**asdict(entry), **_read(given, entry, row.problems)}
    if not row.problems:
        try:
            row.entry = AssetEntry.parse({**typed, "category": typed["category"] or ""})
        except Invalid as error:
            row.problems.extend(error.fields.values())
    if row.problems or row.entry is None:
        row.act, row.entry = Act.REFUSE, None
        return row
    row.name = row.entry.name
    if there:
        row.entry = replace(row.entry, name=there.entry.name)
        row.asset_id, row.version = there.id, there.version
    row.changes = list(_changes(there.entry if there else AssetEntry(row.entry.name), row.entry))
    row.act = Act.ADD if there is None else Act.CHANGE if row.changes else Act.NOTHING
    return row


def _read(given: Mapping[str, str], entry: AssetEntry, problems: list[str]) -> dict[str, Any]:
    """The cells as a form would give them; what cannot be read is named."""
    typed: dict[str, Any] = {name: given[name] for name in _TEXTS if name in given}
    typed |= {"model": _model(given, entry.model), "serial": _serial(given, entry.serial)}
    if "category" in given:
        typed["category"] = _category(given["category"], problems)
    if "on_diagram" in given:
        typed["on_diagram"] = _yes(given["on_diagram"], "on the diagram", problems)
    uses = set(entry.cui_use)
    if "cui_use" in given:
        uses = set(_uses(given["cui_use"], problems))
    for use in CuiUse:
        if use.value in given:
            uses = uses | {use} if _yes(given[use.value], f"CUI: {use.value}", problems) else uses - {use}
    return {**typed, "cui_use": [one for one in CuiUse if one in uses]}


def _model(given: Mapping[str, str], before: str) -> str:
    """Who made it and which model, from one column or from two; the maker alone tells no more than what is known."""
    maker, model = given.get("maker", ""), given.get("model", "")
    if not model and before.casefold().startswith(maker.casefold()):
        return before
    return model if model.casefold().startswith(maker.casefold()) else f"{maker} {model}".strip()


def _serial(given: Mapping[str, str], before: str) -> str:
    """The serial number, the version, or both."""
    return ", ".join(given[name] for name in ("serial", "release") if name in given) or before


def _known_category(cell: str) -> AssetCategory | None:
    word = compact(cell)
    return _WORDS.get(word) or _WORDS.get(word.removesuffix("assets").removesuffix("asset"))


def _category(cell: str, problems: list[str]) -> str:
    category = _known_category(cell)
    if category is None:
        problems.append(
            f"“{cell[:_SHOWN]}” is none of the five categories: CUI Asset, Security Protection Asset, Contractor Risk "
            "Managed Asset, Specialized Asset, Out-of-Scope Asset."
        )
        return ""
    return category.value


def _yes(cell: str, what: str, problems: list[str]) -> bool:
    word = cell.strip().casefold()
    if word not in _YES | _NO:
        problems.append(f"“{cell[:_SHOWN]}” under “{what}” is neither yes nor no.")
    return word in _YES


def _uses(cell: str, problems: list[str]) -> Iterator[CuiUse]:
    word = cell.strip().casefold()
    if word in _NO:
        return
    for part in _BETWEEN.split(cell):
        said = compact(part)
        use = next((one for one in CuiUse if said.startswith(one.value[:4])), None)
        if use:
            yield use
        elif said:
            problems.append(f"“{part.strip()[:_SHOWN]}” under “CUI” is none of process, store, transmit.")


def _changes(before: AssetEntry, after: AssetEntry) -> Iterator[tuple[str, str, str]]:
    for name in AssetEntry.__slots__:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield name, _told(old), _told(new)


def _told(value: Any) -> str:
    if isinstance(value, AssetCategory):
        return value.label
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return value or ""
