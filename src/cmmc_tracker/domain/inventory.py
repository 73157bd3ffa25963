"""The asset inventory, and what surrounds it: groups, people, facilities, networks, flows of CUI. Pure.

32 CFR 170.19(c)(1) with Table 3: each asset in scope stands in the inventory, in the security plan and on the network
diagram. That nobody is made to justify an Out-of-Scope Asset is our decision.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from cmmc_tracker.domain.freshness import AGED_MONTHS, months_after
from cmmc_tracker.domain.scope import CATEGORY_CLAUSE, LONGEST_NAME, LONGEST_NOTE, AssetCategory
from cmmc_tracker.domain.typed import Typed

KINDS = (  # as people say it; another word is taken as well
    *("Server", "Workstation", "Laptop", "Mobile device", "Virtual machine", "Network device", "Printer", "Software"),
    *("Cloud service", "Machine tool", "Operational technology", "Test equipment", "Removable medium", "Facility"),
)
_IN_TABLE = f"{CATEGORY_CLAUSE}, Table 3"
_NAMELESS = f"Give a name of at most {LONGEST_NAME} characters."
LONGEST_FLOW = 300
NOT_OUT = f"It processes, stores or transmits CUI, so it cannot be out of scope ({_IN_TABLE})."


class CuiUse(StrEnum):
    """What an asset does with CUI (170.19(c)(1), Table 3)."""

    PROCESS = "process"
    STORE = "store"
    TRANSMIT = "transmit"


def coded(uses: tuple[CuiUse, ...]) -> str:
    """The uses as a row keeps them: their first letters, in the rule's order."""
    return "".join(one.value[0] for one in CuiUse if one in uses)


def uncoded(code: str) -> tuple[CuiUse, ...]:
    """The uses that a row keeps."""
    return tuple(one for one in CuiUse if one.value[0] in code)


@dataclass(frozen=True, slots=True)
class AssetEntry:
    """All that is said of an asset; `category` None: nobody has said it yet.

    `kind` is what it is, such as server or machine tool; `serial` its serial number, or the version of software.
    """

    name: str
    category: AssetCategory | None = None
    owner: str = ""
    location: str = ""
    network: str = ""
    cui_use: tuple[CuiUse, ...] = ()
    group: str = ""
    treatment: str = ""
    on_diagram: bool = False
    justification: str = ""
    note: str = ""
    kind: str = ""
    model: str = ""
    serial: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "AssetEntry":
        """Read the form; `cui_use` is a list. Raises `Invalid` naming every wrong field.

        What handles CUI fits a category in scope, so it cannot be an Out-of-Scope Asset (170.19(c)(1), Table 3).
        """
        typed = Typed(given)
        uses = tuple(one for one in CuiUse if one in (given.get("cui_use") or ()))
        entry = cls(
            name=typed.line("name", LONGEST_NAME, _NAMELESS),
            category=typed.choice("category", AssetCategory),
            owner=typed.line("owner", LONGEST_NAME),
            location=typed.line("location", LONGEST_NAME),
            network=typed.line("network", LONGEST_NAME),
            cui_use=uses,
            group=typed.line("group", LONGEST_NAME),
            treatment=typed.text("treatment", LONGEST_NOTE),
            on_diagram=typed.switch("on_diagram"),
            justification=typed.text("justification", LONGEST_NOTE),
            note=typed.text("note", LONGEST_NOTE),
            kind=typed.line("kind", LONGEST_NAME),
            model=typed.line("model", LONGEST_NAME),
            serial=typed.line("serial", LONGEST_NAME),
        )
        if not set(given.get("cui_use") or ()) <= set(CuiUse):
            typed.wrong["cui_use"] = "Choose among process, store and transmit."
        if entry.category is AssetCategory.OUT_OF_SCOPE and uses:
            typed.wrong["category"] = NOT_OUT
        typed.done()
        return entry

    def columns(self) -> dict[str, Any]:
        """The entry as its row keeps it."""
        kept = {**asdict(self), "category": self.category or "", "cui_use": coded(self.cui_use)}
        return {"group_name" if name == "group" else name: value for name, value in kept.items()}


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """Assets that are treated alike: what the security plan says of all of them."""

    name: str
    treatment: str = ""
    on_diagram: bool = False

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "GroupEntry":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(given)
        entry = cls(
            typed.line("name", LONGEST_NAME, _NAMELESS),
            typed.text("treatment", LONGEST_NOTE),
            typed.switch("on_diagram"),
        )
        typed.done()
        return entry

    def columns(self) -> dict[str, Any]:
        """The entry as its row keeps it."""
        return asdict(self)


_ALONE = GroupEntry("")


@dataclass(frozen=True, slots=True)
class Documented:
    """Whether an asset stands where the rule wants it, by itself or by its group."""

    in_plan: bool
    on_diagram: bool

    @classmethod
    def of(cls, asset: AssetEntry, group: GroupEntry | None = None) -> "Documented":
        """Where an asset stands."""
        alike = group or _ALONE
        return cls(bool(asset.treatment or alike.treatment), asset.on_diagram or alike.on_diagram)


def lacks(category: AssetCategory | None, where: Documented) -> list[str]:
    """What an asset still needs, by name (170.19(c)(1), Table 3); nothing where it is out of scope."""
    if category is None:
        return ["a category"]
    if not category.in_scope:
        return []
    places = {"its treatment in the security plan": where.in_plan, "a place on the network diagram": where.on_diagram}
    return [name for name, there in places.items() if not there]


def advice(asset: AssetEntry) -> str:
    """What an assessor may ask, in a sentence; empty where there is nothing to say. Advised, never demanded."""
    if asset.category is AssetCategory.OUT_OF_SCOPE and not asset.justification:
        return f"Write down why it is out of scope: an assessor may ask, though no rule demands it ({_IN_TABLE})."
    if asset.category is AssetCategory.CUI and not asset.cui_use:
        return f"A CUI Asset processes, stores or transmits CUI: say which ({_IN_TABLE})."
    if asset.category is AssetCategory.CONTRACTOR_RISK_MANAGED and asset.cui_use:
        return (
            "A Contractor Risk Managed Asset is one that could handle CUI and by policy is not meant to; "
            f"one that does is a CUI Asset ({_IN_TABLE})."
        )
    return ""


class EntryKind(StrEnum):
    """What surrounds the assets."""

    PERSON = "person"
    FACILITY = "facility"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class SurroundingEntry:
    """Somebody, a place or a network of the scope; `description` is the function, the address, the address range."""

    kind: EntryKind
    name: str
    description: str = ""
    handles_cui: bool = False
    trained_on: date | None = None

    @classmethod
    def parse(cls, kind: EntryKind, given: Mapping[str, Any], today: date) -> "SurroundingEntry":
        """Read the form; raises `Invalid` naming every wrong field. Only people are trained (3.2.1, 3.2.2)."""
        typed = Typed(given)
        trained = typed.day("trained_on", today) if kind is EntryKind.PERSON else None
        entry = cls(
            kind,
            typed.line("name", LONGEST_NAME, _NAMELESS),
            typed.text("description", LONGEST_NOTE),
            typed.switch("handles_cui"),
            trained,
        )
        typed.done()
        return entry

    def columns(self) -> dict[str, Any]:
        """The entry as its row keeps it."""
        return asdict(self)


def training_is_old(trained_on: date, today: date) -> bool:
    """Whether somebody was last trained more than a year ago (3.2.1, 3.2.2; the year is our decision)."""
    return months_after(trained_on, AGED_MONTHS) < today


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """How CUI comes, moves or goes: what, from where, to where, and what protects it on the way (3.1.3, 3.13.8)."""

    what: str
    source: str
    destination: str
    protection: str = ""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "FlowEntry":
        """Read the form; raises `Invalid` naming every wrong field."""
        typed = Typed(given)
        entry = cls(
            typed.line("what", LONGEST_FLOW, "Say what CUI it is, such as drawings of the customer."),
            typed.line("source", LONGEST_NAME, "Say where it comes from."),
            typed.line("destination", LONGEST_NAME, "Say where it goes."),
            typed.text("protection", LONGEST_NOTE),
        )
        typed.done()
        return entry

    def columns(self) -> dict[str, Any]:
        """The entry as its row keeps it."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """How many assets a category has, and how many of them lack something."""

    count: int = 0
    lacking: int = 0


def _none_yet() -> dict[AssetCategory | None, Tally]:
    return {one: Tally() for one in (*AssetCategory, None)}


@dataclass(slots=True)
class Tallies:
    """The inventory in numbers: by category (None: not said), and altogether."""

    by: dict[AssetCategory | None, Tally] = field(
        default_factory=lambda: {one: Tally() for one in (*AssetCategory, None)}
    )

    def count(self, category: AssetCategory | None, *, lacking: bool) -> None:
        """Count one asset."""
        tally = self.by[category]
        tally.count += 1
        tally.lacking += lacking

    @property
    def all(self) -> int:
        """How many assets there are."""
        return sum(one.count for one in self.by.values())

    @property
    def lacking(self) -> int:
        """How many of them lack something."""
        return sum(one.lacking for one in self.by.values())
